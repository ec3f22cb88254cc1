"""How long PostgreSQL takes for a page of a search, as the application's role under its row policies.

    scripts/with_postgres.py -- python benchmarks/api_search.py [--claims 1000000] [--rounds 40]

Of each kind of thing that is searched for: the first page, one at the far end, and the first by amount; planning and
sending included. One code is a fifth of all claims'; of one payer there are eight claims, far from either end. The
median of the rounds, and the least beside it: on a busy machine only that one is to be trusted.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlencode

from api import Headers, set_up

KINDS = {
    "a claim number": "C000000042",
    "a code of 1 claim in 400": "99007",
    "a code of 1 claim in 5": "99213",
    "a denial code": "12",
    "a payer's name": "Payer 7",
    "the beginning of 40 of 41 payers' names": "Payer",
    "a payer with 8 claims": "Rare",
    "nothing that is there": "unheard",
}
FAR_END = ["2024-01-20", 1]


def main() -> None:
    parser = argparse.ArgumentParser(description="How long PostgreSQL takes for a page of a search.")
    parser.add_argument("--claims", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        headers = set_up(Path(directory), options.claims)["key"]
        _make_uneven()
        _report(options.rounds, headers)


def _make_uneven() -> None:
    # What needs Django set up.
    from api_claims import told
    from django.db.models import F

    from payerwatch.claims.models import Claim, Payer
    from payerwatch.tenancy.context import acting_in

    with acting_in(_customer()):
        rare = Payer.objects.create(name="Rare payer", name_key="rarepayer")
        middle = Claim.objects.order_by("submitted_date", "pk").values_list("pk", flat=True)
        few = list(middle[middle.count() // 2 :][:8])
        Claim.objects.filter(pk__in=few).update(payer=rare)
        Claim.objects.annotate(fifth=F("pk") % 5).filter(fifth=0).update(cpt="99213")
    told()


def _report(rounds: int, headers: Headers) -> None:
    print("| searched for | statements | first page | at the far end | by amount |\n|---|---|---|---|---|")
    for kind, term in KINDS.items():
        pages = ({}, {"cursor": _cursor_at_the_far_end()}, {"order": "-billed_amount"})
        asked = [_statements(headers, {"search": term, **page}) for page in pages]
        times = (f"{_milliseconds(each, rounds)} ms" for each in asked)
        print(f"| {kind} | {' / '.join(str(len(each)) for each in asked)} | {' | '.join(times)} |", flush=True)


def _statements(headers: Headers, query: Mapping[str, str]) -> Sequence[str]:
    """Those of the page: neither the caller's nor the entry's."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = Client(headers=dict(headers), SERVER_NAME="localhost")
    with CaptureQueriesContext(connection) as asked:
        answer = client.get(f"/api/v1/claims/?{urlencode(query)}")
    assert answer.status_code == 200, answer.content
    return [each["sql"] for each in asked.captured_queries if 'FROM "claims_' in each["sql"]]


def _milliseconds(statements: Sequence[str], rounds: int) -> str:
    from django.db import connection

    from payerwatch.tenancy.context import acting_in

    taken = []
    with acting_in(_customer()), connection.cursor() as cursor:
        for _ in range(rounds):
            begun = time.perf_counter()
            for each in statements:
                cursor.execute(each)
                cursor.fetchall()
            taken.append((time.perf_counter() - begun) * 1000)
    return f"{statistics.median(taken):.1f} ({min(taken):.1f})"


def _cursor_at_the_far_end() -> str:
    from django.core import signing

    salt = f"payerwatch.cursor:{_customer()}:Claims.list:-submitted_date,-pk"
    return signing.Signer(salt=salt).sign_object([False, FAR_END])


def _customer() -> int:
    from payerwatch.tenancy.models import Customer

    return Customer.objects.get().pk


if __name__ == "__main__":
    main()
