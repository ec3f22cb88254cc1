"""What the address of a listing may ask, how it is read, what is kept of it, and how a mistake in it is answered."""

import json
from typing import Any

import pytest

from payerwatch.audit.models import Entry
from payerwatch.tenancy.context import acting_in
from tests.api.makers import claim
from tests.api.world import Answer, World, ask

pytestmark = pytest.mark.django_db(transaction=True)


def listing(world: World, route: str, caller: str = "owner", **query: str) -> Answer:
    return ask(world.headers(caller), "GET", f"/api/v1/{route}/", query=query)


def newest(world: World) -> tuple[Entry, dict[str, Any]]:
    with acting_in(world.own.customer):
        entry = Entry.objects.order_by("-position")[0]
    return entry, json.loads(entry.detail)["after"]


# What the trail keeps


def test_who_looked_at_a_claim_found_by_its_number_is_on_record(world: World):
    with world.own.one_name() as number:
        shown = claim(world.own)
    assert [each["id"] for each in listing(world, "claims", claim_number=number).document["results"]] == [shown]
    entry, after = newest(world)
    assert after == {"filter": {"claim_number": "(given)"}, "count": 1, "claims": [shown]}
    assert number not in entry.detail


def test_of_a_long_page_the_first_and_the_last_claim_are_on_record(world: World):
    for _ in range(51):
        claim(world.own)
    shown = [each["id"] for each in listing(world, "claims", page_size="51").document["results"]]
    _, after = newest(world)
    assert (after["count"], after["claims"]) == (51, {"first": shown[0], "last": shown[-1]})


def test_plain_filters_are_kept_as_they_were_read(world: World):
    with world.own.one_name() as payer:
        shown = claim(world.own)
    query = {"payer": payer, "outcome": "denied", "submitted_from": "2001-02-03", "page_size": "007"}
    assert [each["id"] for each in listing(world, "claims", **query).document["results"]] == [shown]
    assert newest(world)[1]["filter"] == {**query, "page_size": "7"}
    found = listing(world, "claims", **query).document["results"][0]["upload"]
    listing(world, "claims", upload=found)
    assert newest(world)[1]["filter"] == {"upload": found}
    listing(world, "uploads", state="loaded")
    assert newest(world)[1]["filter"] == {"state": "loaded"}


TYPED = "Doe, Jane 1961"


@pytest.mark.parametrize(
    ("route", "name"),
    [
        ("claims", "payer"),
        ("claims", "claim_number"),
        *(("audit-entries", it) for it in ("actor", "verb", "thing")),
    ],
)
@pytest.mark.parametrize("typed", [TYPED, "jane_doe", "clm_jane", "upl_doejane1961aaaa0"])
def test_what_is_typed_into_a_filter_and_names_nothing_is_not_kept(route: str, name: str, typed: str, world: World):
    assert listing(world, route, **{name: typed}).status == 200
    entry, after = newest(world)
    assert after["filter"] == {name: "(given)"}
    assert typed not in entry.detail


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("typed", [TYPED, "jane_doe", "mbr_jane", "clm_0019610101"])
def test_what_is_typed_as_an_id_and_can_be_none_is_not_kept(method: str, typed: str, world: World):
    route = "claims" if method == "GET" else "members"
    assert ask(world.headers("owner"), method, f"/api/v1/{route}/{typed}/").status == 404
    entry, _ = newest(world)
    assert (entry.outcome, entry.thing_id) == ("refused", "")
    assert typed not in entry.detail


def test_the_trail_keeps_which_entries_were_sought(world: World):
    headers, path = world.headers("owner"), "/api/v1/audit-entries/"
    ask(headers, "GET", "/api/v1/claims/")
    query = {"actor": newest(world)[0].actor_id, "verb": "read", "thing_kind": "claim", "outcome": "done"}
    ask(headers, "GET", path, query={**query, "since": "2026-01-31"})
    assert newest(world)[1]["filter"] == {**query, "since": "2026-01-31T00:00:00+00:00"}


def test_an_id_of_another_customer_is_not_kept(world: World):
    listing(world, "audit-entries", actor=world.other.people["owner"].public_id)
    assert newest(world)[1]["filter"] == {"actor": "(given)"}


# What is answered to a mistake


def test_an_unknown_filter_is_told_which_there_are_and_is_not_repeated(world: World):
    document = listing(world, "uploads", **{TYPED: TYPED}).document
    assert (document["status"], document["code"]) == (400, "unknown_parameter")
    assert document["detail"] == "There is no such parameter here."
    assert "errors" not in document
    assert document["fix"] == "There are: count, cursor, fields, loaded_from, loaded_to, page_size, state."
    exported = ask(world.headers("owner"), "GET", "/api/v1/audit-entries/export/", query={"form": "csv"}).document
    assert (exported["code"], exported["fix"]) == ("unknown_parameter", "There are: format, since, until.")


@pytest.mark.parametrize("name", ["order", "jane_doe_1961", "a" * 40])
def test_an_unknown_filter_is_named_where_it_looks_like_a_name(name: str, world: World):
    for route in ("members", "audit-entries/export", f"claims/{claim(world.own)}"):
        document = listing(world, route, **{name: "x"}).document
        assert document["code"] == "unknown_parameter"
        assert document["errors"] == [{"parameter": name, "detail": "There is no such parameter here."}]


@pytest.mark.parametrize("name", ["Jane", "jane.doe", "1961", "a" * 41, "jane\n", "ja\u0300ne"])
def test_an_unknown_filter_that_looks_like_no_name_is_not_repeated(name: str, world: World):
    answer = listing(world, "claims", **{name: "x"})
    assert (answer.status, answer.document["code"]) == (400, "unknown_parameter")
    assert "errors" not in answer.document
    assert name not in answer.text


@pytest.mark.parametrize("name", ["format", "ordering"])
def test_no_parameter_is_read_by_the_framework_behind_our_back(name: str, world: World):
    assert listing(world, "claims", **{name: "json"}).document["code"] == "unknown_parameter"


def test_an_export_is_asked_for_by_its_format(world: World):
    csv = ask(world.headers("owner"), "GET", "/api/v1/audit-entries/export/", query={"format": "csv"})
    assert (csv.status, dict(csv.headers)["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert newest(world)[1]["form"] == "csv"


@pytest.mark.parametrize(
    "typed", ["01/11/2026", "Nov 1 2026", "2026-1-5", "20260105", "2026-02-30", "2026-01-05T00:00"]
)
def test_a_day_is_read_in_one_way_alone(typed: str, world: World):
    document = listing(world, "claims", submitted_from=typed).document
    assert (document["status"], document["code"]) == (400, "invalid")
    assert document["errors"] == [{"parameter": "submitted_from", "detail": "Give a day as YYYY-MM-DD."}]


@pytest.mark.parametrize("route", ["audit-entries", "audit-entries/export"])
@pytest.mark.parametrize(
    "typed",
    ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "Nov 1 2026", "01/11/2026 10:00", "2026-13-01", "now"],
)
def test_a_time_that_cannot_be_is_refused(route: str, typed: str, world: World):
    for name in ("since", "until"):
        document = listing(world, route, **{name: typed}).document
        assert (document["status"], document["errors"][0]["parameter"]) == (400, name)
        assert document["errors"][0]["detail"].startswith("Give a time as ")


@pytest.mark.parametrize(
    "typed", ["0001-01-01", "9999-12-31T23:59:59Z", "2026-01-31T10:00", "2026-01-31T10:00:00.5+14:00"]
)
def test_a_time_of_iso_8601_is_read(typed: str, world: World):
    for route in ("audit-entries", "audit-entries/export"):
        for name in ("since", "until"):
            assert listing(world, route, **{name: typed}).status == 200


def test_days_at_the_edge_of_time_are_read(world: World):
    assert listing(world, "claims", submitted_from="0001-01-01", submitted_to="9999-12-31").status == 200


@pytest.mark.parametrize(("name", "value"), [("page_size", "0"), ("cursor", "none")])
def test_a_refusal_points_at_its_parameter(name: str, value: str, world: World):
    document = listing(world, "claims", **{name: value}).document
    assert document["errors"] == [{"parameter": name, "detail": document["detail"]}]
    assert "(" not in document["detail"]
