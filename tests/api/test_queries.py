"""How often an answer asks the database: as often for 200 rows as for one, and seldom.

Counted are the statements of the request's own connection, from recognising the caller to the entry in the record. Not
counted are the transaction's own (BEGIN, SET LOCAL, COMMIT, savepoints), the throttle's one on a connection of its own,
and what is noted at most once a minute of a caller. An entry in the record is one statement on PostgreSQL; on SQLite it
is three, of which one is counted.
"""

from collections.abc import Sequence

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from payerwatch.members.roles import SCOPES
from tests.api.makers import MAKERS
from tests.api.routes import Endpoint, endpoints
from tests.api.test_paging import GROWING, LISTINGS, OF_ONE
from tests.api.world import Headers, World, ask

pytestmark = pytest.mark.django_db(transaction=True)

MOST_OF_A_LIST, MOST_OF_A_DETAIL = 3, 4
ASKED = [
    (caller, name)
    for name in sorted(LISTINGS)
    for caller in ("owner", "key")
    if caller == "owner" or LISTINGS[name].needs in SCOPES or LISTINGS[name].view.keys_need in SCOPES
]
DETAILS = [each for each in endpoints() if each.method == "GET" and each.action == "retrieve"]
OF_THE_TRANSACTION = ("BEGIN", "COMMIT", "SET LOCAL", "SAVEPOINT", "RELEASE")
OF_THE_ENTRY = ('INSERT INTO "audit_entry"', 'UPDATE "audit_chain"')  # beside the reading of the chain's head


def statements(headers: Headers, path: str, query: dict[str, str]) -> list[str]:
    with CaptureQueriesContext(connection) as asked:
        answer = ask(headers, "GET", path, query=query)
    assert answer.status == 200, answer
    found = [each["sql"] for each in asked.captured_queries]
    return [each for each in found if not each.startswith(OF_THE_TRANSACTION) and not each.startswith(OF_THE_ENTRY)]


def twice(headers: Headers, path: str, query: dict[str, str]) -> Sequence[str]:
    """The second time, when the caller was seen a moment ago."""
    statements(headers, path, query)
    return statements(headers, path, query)


@pytest.mark.untraced
@pytest.mark.parametrize(("caller", "listing"), ASKED)
def test_a_listing_asks_as_often_for_200_rows_as_for_one_and_at_most_three_times(
    caller: str, listing: str, world: World
):
    headers, endpoint = world.headers(caller), LISTINGS[listing]
    few = twice(headers, endpoint.path(), {"page_size": "1"})
    if listing in GROWING:
        with transaction.atomic():
            for _ in range(200):
                MAKERS[endpoint.view.thing](world.own)
    many = twice(headers, endpoint.path(), {"page_size": "200"})
    shown = ask(headers, "GET", endpoint.path(), query={"page_size": "200"}).document["results"]
    assert len(shown) == 200 or listing in OF_ONE
    assert len(few) == len(many) <= MOST_OF_A_LIST, "\n".join(many)
    counted = twice(headers, endpoint.path(), {"page_size": "200", "count": "true"})
    assert len(counted) == len(many) + 1


@pytest.mark.parametrize("endpoint", DETAILS, ids=lambda each: each.name)
def test_a_detail_asks_at_most_four_times(endpoint: Endpoint, world: World):
    path = endpoint.path(public_id=MAKERS[endpoint.thing](world.own))
    asked = twice(world.headers("owner"), path, {})
    assert len(asked) <= MOST_OF_A_DETAIL, "\n".join(asked)


@pytest.mark.parametrize(("name", "more"), [("payer", 0), ("cpt", 0), ("claim_number", 1), ("search", 0)])
def test_a_filter_asks_no_more_but_for_the_key_that_numbers_are_under(name: str, more: int, world: World):
    headers, path = world.headers("owner"), LISTINGS["claims/"].path()
    assert len(twice(headers, path, {name: "Wombat 0001"[:5]})) == len(twice(headers, path, {})) + more


@pytest.mark.parametrize("term", ["Wombat", "W0001", "unheard"])
@pytest.mark.parametrize("order", ["-submitted_date", "submitted_date"])
def test_a_search_asks_at_most_three_times_whatever_it_finds(term: str, order: str, world: World):
    asked = twice(world.headers("key"), LISTINGS["claims/"].path(), {"search": term, "order": order})
    assert len(asked) <= MOST_OF_A_LIST, "\n".join(asked)
