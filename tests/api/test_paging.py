"""Every listing in pages: walked both ways, while rows come and go, at a cost that does not grow with the rows."""

from datetime import timedelta
from itertools import chain
from random import Random
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from payerwatch.claims.models import Claim
from payerwatch.members.models import Invitation
from payerwatch.tenancy.context import acting_in
from tests.api.makers import MAKERS, MONDAY, invitation
from tests.api.routes import Endpoint, endpoints
from tests.api.world import Answer, Headers, World, ask

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.untraced]

LISTINGS = {each.name.removeprefix("GET "): each for each in endpoints() if each.in_pages and not each.parameters}
# These show one row, the customer itself, whatever is made; an operator sees all customers.
OF_ONE = {"customers/"}
GROWING = sorted(set(LISTINGS) - OF_ONE)


def filled(world: World, listing: str, rows: int) -> Headers:
    for _ in range(rows):
        MAKERS[LISTINGS[listing].view.thing](world.own)
    return world.headers("owner")


def page(headers: Headers, link: str) -> dict:
    path, _, query = link.partition("?")
    answer = ask(headers, "GET", path, query=dict(parse_qsl(urlsplit("?" + query).query)))
    assert answer.status == 200, answer
    return answer.document


def ids(shown: dict) -> list[str]:
    return [each["id"] for each in shown["results"]]


def walked(headers: Headers, link: str | None, way: str) -> list[list[str]]:
    pages = []
    while link is not None:
        shown = page(headers, link)
        pages.append(ids(shown))
        link = shown[way]
    return pages


@pytest.mark.parametrize("listing", [each for each in GROWING if each != "audit-entries/"])
@pytest.mark.parametrize("size", [1, 3])
def test_pages_hold_each_row_once_and_lead_back_the_same_way(listing: str, size: int, world: World):
    headers, path = filled(world, listing, 4), LISTINGS[listing].path()
    everything = ids(page(headers, f"{path}?page_size=200"))
    forwards = walked(headers, f"{path}?page_size={size}", "next")
    assert list(chain(*forwards)) == everything
    assert len(everything) >= 4
    last = page(headers, f"{path}?page_size={size}")
    while last["next"]:
        last = page(headers, last["next"])
    backwards = [ids(last), *walked(headers, last["previous"], "previous")]
    assert list(chain(*reversed(backwards))) == everything


def test_entries_written_by_the_walk_itself_repeat_and_hide_none(world: World):
    headers, path = filled(world, "audit-entries/", 5), LISTINGS["audit-entries/"].path()
    newest = int(ids(page(headers, f"{path}?page_size=1"))[0].removeprefix("ent_"))
    seen = list(chain(*walked(headers, f"{path}?page_size=2", "next")))
    assert seen[-newest:] == [f"ent_{position}" for position in range(newest, 0, -1)]
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize("listing", GROWING)
def test_the_first_page_has_nothing_before_and_the_last_nothing_after(listing: str, world: World):
    headers, path = filled(world, listing, 3), LISTINGS[listing].path()
    first = page(headers, f"{path}?page_size=1")
    assert first["previous"] is None
    assert page(headers, first["next"])["previous"] is not None
    assert page(headers, f"{path}?page_size=200")["next"] is None


@pytest.mark.parametrize(
    "size", ["0", "-1", "201", "", "abc", "1.5", "1e1", "+1", "\u0661", "\uff11", "9" * 40, "0000000019"]
)
def test_a_size_that_no_page_has_is_refused(size: str, world: World):
    headers = world.headers("owner")
    for endpoint in LISTINGS.values():
        answer = ask(headers, "GET", endpoint.path(), query={"page_size": size})
        assert (answer.status, answer.document["code"]) == (400, "page_size_unusable")


def test_a_cursor_of_another_listing_is_refused(world: World):
    headers = filled(world, "uploads/", 2)
    link = page(headers, f"{LISTINGS['uploads/'].path()}?page_size=1")["next"]
    cursor = dict(parse_qsl(urlsplit(link).query))["cursor"]
    for listing, endpoint in LISTINGS.items():
        if listing != "uploads/":
            assert ask(headers, "GET", endpoint.path(), query={"cursor": cursor}).status == 400


@pytest.mark.parametrize(
    "spoil", [lambda text: text[:-1], lambda text: "x" + text, lambda _text: "", lambda _text: "\x00"]
)
def test_a_cursor_that_was_changed_is_refused(spoil, world: World):
    headers = filled(world, "uploads/", 2)
    link = page(headers, f"{LISTINGS['uploads/'].path()}?page_size=1")["next"]
    cursor = spoil(dict(parse_qsl(urlsplit(link).query))["cursor"])
    assert ask(headers, "GET", LISTINGS["uploads/"].path(), query={"cursor": cursor}).status == 400


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("way", ["next", "previous"])
def test_rows_that_come_and_go_during_a_walk_repeat_and_hide_no_other(seed: int, way: str, world: World):
    chance = Random(seed)
    headers, path = filled(world, "invitations/", 14), LISTINGS["invitations/"].path()
    shown = page(headers, f"{path}?page_size=3")
    while way == "previous" and shown["next"]:
        shown = page(headers, shown["next"])
    everything, gone = ids(page(headers, f"{path}?page_size=200")), set()
    seen = ids(shown)
    while shown[way]:
        for _ in range(chance.randrange(4)):
            if chance.random() < 0.6:
                gone.add(chance.choice(everything))
                withdraw(world, gone)
            else:
                invitation(world.own)
        shown = page(headers, shown[way])
        seen += ids(shown)
    assert len(seen) == len(set(seen))
    assert set(everything) - gone <= set(seen)
    assert gone


@pytest.mark.parametrize(("way", "back"), [("next", "previous"), ("previous", "next")])
def test_a_page_that_has_become_empty_leads_back_to_all_that_is_left(way: str, back: str, world: World):
    headers, path = filled(world, "invitations/", 6), LISTINGS["invitations/"].path()
    everything, here = ids(page(headers, f"{path}?page_size=200")), page(headers, f"{path}?page_size=2")
    while way == "previous" and here["next"]:
        here = page(headers, here["next"])
    withdraw(world, set(everything) - set(ids(here)))
    empty = page(headers, here[way])
    assert (ids(empty), empty[way]) == ([], None)
    assert walked(headers, empty[back], back) == [ids(here)]


def test_a_page_emptied_by_a_filter_leads_back_to_the_end_of_all_claims(world: World):
    headers = filled(world, "claims/", 4)
    everything = ids(page(headers, f"{LISTINGS['claims/'].path()}?page_size=200"))
    shown = page(headers, f"{LISTINGS['claims/'].path()}?page_size=3")
    empty = page(headers, f"{shown['next']}&search=nobody")
    assert (ids(empty), empty["next"]) == ([], None)
    back = page(headers, empty["previous"].replace("&search=nobody", ""))
    assert (ids(back), back["next"]) == (everything[-3:], None)
    assert ids(page(headers, back["previous"])) == everything[-6:-3]


def withdraw(world: World, gone: set[str]) -> None:
    with acting_in(world.own.customer):
        Invitation.objects.filter(public_id__in=gone).update(withdrawn_at=Now())


def test_claims_of_one_day_and_of_many_are_all_shown_in_order(world: World):
    filled(world, "claims/", 9)
    with acting_in(world.own.customer):
        for number, claim in enumerate(Claim.objects.all()):
            Claim.objects.filter(pk=claim.pk).update(submitted_date=MONDAY + timedelta(days=number // 4))
        expected = [f"clm_{pk}" for pk in Claim.objects.order_by("-submitted_date", "-pk").values_list("pk", flat=True)]
    headers = world.headers("viewer")
    pages = walked(headers, f"{LISTINGS['claims/'].path()}?page_size=2", "next")
    assert list(chain(*pages)) == expected


# What a page costs


def queries(headers: Headers, endpoint: Endpoint, size: int) -> tuple[int, Answer]:
    with CaptureQueriesContext(connection) as asked:
        answer = ask(headers, "GET", endpoint.path(), query={"page_size": str(size)})
    return len(asked), answer


@pytest.mark.parametrize("listing", GROWING)
def test_a_page_of_fifty_asks_the_database_as_often_as_one_of_one(listing: str, world: World):
    headers = filled(world, listing, 50)
    counted = {}
    for size in (1, 1, 50):
        counted[size], answer = queries(headers, LISTINGS[listing], size)
        assert len(answer.document["results"]) == size
    assert counted[50] == counted[1]
