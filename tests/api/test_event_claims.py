"""Open events in the order people read them, and the claims behind one, of which each look is on the record."""

import json
from pathlib import Path
from typing import Any

import pytest

from payerwatch.audit.models import Entry
from payerwatch.drift.models import DriftEvent
from payerwatch.drift.queries import event_with_id
from payerwatch.drift.queries import events as as_read
from payerwatch.tenancy.context import acting_in
from tests.api.loaded import Loaded, loaded
from tests.api.test_drift_runs import drifting_claims
from tests.drift.run_off_claims import detect, load
from tests.make import answer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.untraced]


def walked(practice: Loaded, route: str, size: int, **query: str) -> list[dict[str, Any]]:
    """All rows of a listing, page by page to the end."""
    shown = practice.get(route, page_size=str(size), **query)
    rows = list(shown["results"])
    while shown["next"]:
        shown = practice.get(shown["next"].removeprefix("/api/v1/"))
        rows += shown["results"]
    return rows


@pytest.fixture
def drifted(practice: Loaded, tmp_path: Path) -> Loaded:
    load(tmp_path, drifting_claims())
    detect()
    return practice


def mixed(practice: Loaded) -> None:
    """Amounts that are missing or alike, other tiers, directions and certainties."""
    with acting_in(practice.customer):
        for number, event in enumerate(DriftEvent.objects.order_by("pk")):
            event.tier = "watch" if number in (2, 5) else "alert"
            event.direction = "better" if number == 2 else "worse"
            event.certainty = ("likely", "very_likely")[number % 2]
            event.amount_at_risk = (None, 500, 500, 0, 900)[number % 5]
            event.status = "closed" if number == 1 else "open"
            event.save()


@pytest.mark.parametrize("size", [1, 2, 200])
@pytest.mark.parametrize("watch", ["true", "false"])
def test_open_events_come_in_the_order_people_read_them(drifted: Loaded, size: int, watch: str):
    mixed(drifted)
    shown = walked(drifted, "drift-events/active/", size, watch=watch)
    with acting_in(drifted.customer):
        expected = [event.public_id for event in as_read(watch=watch == "true")]
    assert [each["id"] for each in shown] == expected
    listed = answer("events", *(["--watch"] if watch == "true" else [])).document
    assert [each["id"] for each in listed] == expected
    assert len(expected) >= 2


def test_what_is_watched_or_over_is_left_out_unless_asked_for(drifted: Loaded):
    mixed(drifted)
    shown = drifted.get("drift-events/active/")["results"]
    assert {(each["tier"], each["direction"], each["status"]) for each in shown} == {("alert", "worse", "open")}
    everything = drifted.get("drift-events/active/", watch="true")["results"]
    assert {each["status"] for each in everything} == {"open"}
    assert {each["tier"] for each in everything} == {"alert", "watch"}
    assert drifted.ask("GET", "drift-events/active/", watch="yes").status == 400


def test_the_claims_behind_an_event_are_those_the_command_lists(drifted: Loaded):
    for event in drifted.get("drift-events/")["results"]:
        explained = answer("explain", event["id"]).document
        shown = walked(drifted, f"drift-events/{event['id']}/claims/", 7)
        assert [each["claim_number"] for each in shown] == explained["claim_numbers"]
        assert len(shown) == explained["claims_behind"] > 7
        assert {each["payer"] for each in shown} == {event["payer"]}


def test_a_look_at_them_is_on_record_with_the_event_and_the_claims(drifted: Loaded):
    event = drifted.get("drift-events/active/")["results"][0]["id"]
    shown = drifted.get(f"drift-events/{event}/claims/", page_size="2")["results"]
    with acting_in(drifted.customer):
        entry = Entry.objects.order_by("-position")[0]
    assert (entry.verb, entry.thing_kind, entry.outcome) == ("read", "claim", "done")
    assert json.loads(entry.detail)["after"] == {
        "filter": {"drift_event": event, "page_size": "2"},
        "count": 2,
        "claims": [each["id"] for each in shown],
    }


def test_who_may_read_events_alone_does_not_read_their_claims(drifted: Loaded):
    other = loaded("Other practice")
    with acting_in(drifted.customer):
        event = event_with_id(drifted.get("drift-events/active/")["results"][0]["id"]).public_id
    assert other.ask("GET", f"drift-events/{event}/claims/").status == 404
    reader = loaded("Reader", "events.read")
    assert reader.ask("GET", f"drift-events/{event}/claims/").document["code"] == "not_permitted"
