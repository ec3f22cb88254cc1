"""How often each operation asks the database, beside a reference, as a table for docs/benchmarks.md.

    scripts/with_postgres.py -- python benchmarks/api_queries.py [--write]

Counted are the statements of a request's own connection, from recognising the caller (a key) to the entry in the
record, when the caller was seen a moment ago. Not counted, here or there, are the transaction's own and the
throttle's, which has a connection of its own. The reference's figures are those of a server that keeps a cache:
without it and with it.
An address that this version does not have is left out.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from api import Headers, set_up

DOCUMENT = Path(__file__).parents[1] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- queries -->\n", "<!-- end of queries -->\n"
OF_THE_TRANSACTION = ("BEGIN", "COMMIT", "SET LOCAL", "SAVEPOINT", "RELEASE")
LEAST_SAVED = 40  # percent, over the weighted tasks


class Operation(NamedTuple):
    endpoint: str
    """As tests/queries/counts.json calls it, by which a test knows whether the table is true."""
    address: str
    cold: int
    """Of the reference, with nothing in its cache; `warm` with all of it there."""
    warm: int
    weight: int = 0
    """How often it is among the tasks of a load test."""


OPERATIONS = (
    Operation("GET claims/", "claims/", 5, 5, 5),
    Operation("GET claims/?payer", "claims/?payer=Payer+7", 5, 5, 3),
    Operation("GET claims/?search", "claims/?search=C000000042", 5, 5, 2),
    Operation("GET claims/<public_id>/", "claims/{claim}/", 4, 4, 3),
    Operation("GET claims/payer_summary/", "claims/payer_summary/", 4, 3, 4),
    Operation("GET drift-events/", "drift-events/", 5, 5, 3),
    Operation("GET drift-events/?certainty", "drift-events/?certainty=likely", 5, 5, 2),
    Operation("GET drift-events/active/", "drift-events/active/", 6, 6),
    Operation("GET alerts/", "alerts/", 5, 5),
    Operation("GET uploads/", "uploads/", 5, 5, 2),
    Operation("GET reports/", "reports/", 5, 5, 1),
    Operation("GET dashboard/", "dashboard/", 7, 3, 4),
    Operation("GET payer-mappings/", "payer-mappings/", 5, 5),
)


def main() -> None:
    parser = argparse.ArgumentParser(description="How often each operation asks the database.")
    parser.add_argument("--write", action="store_true", help="write the table into docs/benchmarks.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        headers = set_up(Path(directory), 2_000)["key"]
        _judge()
        _alert()
        counted = {each: queries for each in OPERATIONS if (queries := _counted(each.address, headers)) is not None}
    table = "".join(f"{line}\n" for line in _table(counted))
    print(table)
    if options.write:
        text = DOCUMENT.read_text()
        before, _, rest = text.partition(BEGIN)
        DOCUMENT.write_text(before + BEGIN + table + END + rest.partition(END)[2])
    sys.exit(_saved(counted, warm=True) < LEAST_SAVED)


def _judge() -> None:
    """The claims counted, and a run in force, as the morning finds them: it is what the dashboard reads."""
    # What needs Django set up.
    from django.utils import timezone

    from payerwatch.drift.models import DriftRun
    from payerwatch.drift.runoff import count_codes
    from payerwatch.tenancy.context import acting_in

    now, rates = timezone.now(), {"false_discovery_rate": 0.1, "very_likely_rate": 0.01}
    found = {"loaded_until": None, "uploads": {"loaded": 0, "undone": 0}, **rates}
    with acting_in(int(os.environ["BENCHMARK_CUSTOMER"])):
        count_codes("00000", "ZZZZZ", sign=1)
        DriftRun.objects.create(as_of_week=now.date(), data_version="0" * 64, carried_at=now, summary=found)


def _alert() -> None:
    """One that was sent and judged, so that a listing reads all it can have to."""
    # What needs Django set up.
    from payerwatch.alerts.models import Alert, Rule, Verdict
    from payerwatch.claims.models import Payer
    from payerwatch.tenancy.context import acting_in

    with acting_in(int(os.environ["BENCHMARK_CUSTOMER"])):
        series = {"measure": "denial_rate", "payer": Payer.objects.first(), "direction": "worse", "episode": 1}
        alert = Alert.objects.create(**series, rule=Rule.objects.create(), state="sent", sentence="It denies more.")
        Verdict.objects.create(**series, alert=alert, kind="real")


def _counted(address: str, headers: Headers) -> int | None:
    """The statements of the second request; None where nothing answers at the address."""
    # What needs Django set up.
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext
    from django.urls import Resolver404, resolve

    client = Client(headers=dict(headers), SERVER_NAME="localhost")
    path = f"/api/v1/{address}"
    if "{claim}" in path:
        path = path.format(claim=client.get("/api/v1/claims/?page_size=1").json()["results"][0]["id"])
    try:
        found = resolve(path.partition("?")[0])
    except Resolver404:
        return None
    first = client.get(path)
    if first.status_code == 404 and "public_id" in found.kwargs:
        return None  # a word where the id of a thing can stand
    with CaptureQueriesContext(connection) as asked:
        assert client.get(path).status_code == 200, (address, first.content)
    return sum(not each["sql"].startswith(OF_THE_TRANSACTION) for each in asked.captured_queries)


def _table(counted: Mapping[Operation, int]) -> Sequence[str]:
    rows = ["| endpoint | reference | ours | saved |", "|---|---|---|---|"]
    for each, queries in counted.items():
        reference = f"{each.cold}" if each.cold == each.warm else f"{each.cold} cold, {each.warm} warm"
        saved = f"{_percent(queries, each.cold)} %"
        rows.append(
            f"| `{each.endpoint}` | {reference} | {queries} | {saved if each.cold == each.warm else saved + ' cold'} |"
        )
    cold, warm = _saved(counted, warm=False), _saved(counted, warm=True)
    tasks = [each for each in counted if each.weight]
    theirs = f"{_weighed(tasks, warm=False)} cold, {_weighed(tasks, warm=True)} warm"
    ours = sum(each.weight * counted[each] for each in tasks)
    rows.append(
        f"| {len(tasks)} tasks of a load test, by their weights | {theirs} | {ours} | {cold} % cold, {warm} % warm |"
    )
    return rows


def _weighed(operations: Iterable[Operation], *, warm: bool) -> int:
    return sum(each.weight * (each.warm if warm else each.cold) for each in operations)


def _saved(counted: Mapping[Operation, int], *, warm: bool) -> int:
    ours = sum(each.weight * queries for each, queries in counted.items())
    return _percent(ours, _weighed(counted, warm=warm))


def _percent(ours: int, theirs: int) -> int:
    return round(100 * (theirs - ours) / theirs)


if __name__ == "__main__":
    main()
