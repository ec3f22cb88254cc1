"""`explain` as a person and a script meet it."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from payerwatch.audit.models import Entry
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.queries import customer_named
from tests.drift.run_off_claims import detect, sunday
from tests.drift.test_explaining import JUDGED, MONDAY, claims
from tests.make import answer, customer, upload, words

pytestmark = pytest.mark.django_db


@pytest.fixture
def event(tmp_path: Path) -> dict[str, Any]:
    """The payer's denials, all of the last four weeks."""
    customer()
    upload(tmp_path, claims())
    detect("--as-of", sunday(MONDAY, JUDGED))
    found = answer("events").document
    return next(each for each in found if each["cpt_group"] is None)


def test_the_document_holds_what_a_person_needs_to_check_it(event: dict[str, Any]):
    done = answer("explain", event["id"])
    assert done.code == 0
    document = done.document
    assert {name: document[name] for name in event} == event
    assert document["claims_behind"] == document["observed"] == 20
    assert len(document["claim_numbers"]) == 20
    assert document["baseline"]["denial_rate"] == 0.2
    assert [window["name"] for window in document["windows"]] == [
        "decided_4",
        "submitted_4",
        "submitted_8",
        "submitted_12",
    ]
    assert document["history"][-1]["week"] == document["as_of_week"]
    last = document["weeks"][-1]
    assert (last["week"], last["observed"]) == (document["as_of_week"], 1.0)
    assert last["low"] <= last["expected"] <= last["high"]
    assert document["median_days_before"] == pytest.approx(document["median_days_now"])
    assert date.fromisoformat(document["weeks"][0]["week"]).weekday() == 0


def test_the_words_hold_sentence_chart_windows_baseline_and_claims(event: dict[str, Any]):
    said = words("explain", event["id"])
    assert said.startswith(event["sentence"])
    assert "Aetna, all groups: denied of the claims decided each week" in said
    assert "> decided in the last 4 weeks: 20 seen, 4.0 expected, of 20 claims" in said
    assert "weeks of 2024-07-01 to 2024-12-23, 130 claims decided, 20.0% denied." in said
    assert "Claims behind it: 20 denied; the oldest 20: W55-0 W55-1" in said


def test_as_many_claim_numbers_are_listed_as_asked_for(event: dict[str, Any]):
    assert answer("explain", event["id"], "--claims", "2").document["claim_numbers"] == ["W55-0", "W55-1"]
    assert answer("explain", event["id"], "--claims", "0").document["claim_numbers"] == []
    assert "Claims behind it: 20 denied; the oldest 2: W55-0 W55-1" in words("explain", event["id"], "--claims", "2")
    assert "the oldest" not in words("explain", event["id"], "--claims", "0")


def test_an_unknown_event_is_refused_with_where_to_look(event: dict[str, Any]):
    refused = answer("explain", "evt_nothing")
    assert refused.error["message"] == "There is no drift event 'evt_nothing'."
    assert "payerwatch events --all" in refused.error["fix"]


def test_another_customers_event_is_unknown(event: dict[str, Any]):
    customer("Other")
    refused = answer("explain", event["id"], customer="Other")
    assert refused.error["message"] == f"There is no drift event '{event['id']}'."


def test_rows_without_a_claim_number_are_counted_not_named(tmp_path: Path):
    customer()
    columns = ("payer", "cpt", "service", "submitted", "decided", "status", "billed", "allowed", "reason")
    upload(tmp_path, claims(), columns=columns)
    detect("--as-of", sunday(MONDAY, JUDGED))
    found = answer("events").document[0]
    assert "and 20 rows that came without a claim number" in words("explain", found["id"])


def test_showing_claims_is_on_the_record_with_filter_and_count(event: dict[str, Any]):
    answer("explain", event["id"], "--claims", "3")
    with acting_in(customer_named("Practice")):
        entry = Entry.objects.latest("position")
    assert (entry.verb, entry.thing_kind, entry.outcome) == ("read", "claim", "done")
    assert json.loads(entry.detail) == {"after": {"filter": {"drift_event": event["id"]}, "count": 3}}
