"""What people do about drift events over the API: what it changes, what it leaves in the record, and when it ends."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from payerwatch.alerts.actions import bring_up_to_date
from payerwatch.alerts.models import Verdict
from payerwatch.audit.models import Entry
from payerwatch.claims.models import Upload
from payerwatch.drift.models import DriftEvent
from payerwatch.tenancy.actions import add_customer
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests.alerts.making import Clock, becomes
from tests.api.makers import Practice, drift_event
from tests.api.world import Answer, Headers, as_person, ask, newcomer, unhindered

pytestmark = pytest.mark.django_db
API = "/api/v1"


class Desk:
    """An analyst of a practice with one event, of $1,200."""

    def __init__(self) -> None:
        self.practice = Practice(add_customer("Wombat practice"), "Wombat")
        self.headers: Headers = as_person(newcomer(self.practice, "analyst"), self.practice.customer)
        self.event = drift_event(self.practice)

    def does(self, what: str, **body: Any) -> Answer:
        return ask(self.headers, "POST", f"{API}/drift-events/{self.event}/{what}/", body=body)

    def shown(self) -> Any:
        return ask(self.headers, "GET", f"{API}/drift-events/{self.event}/").document

    def step(self) -> str:
        """What the event's triage is after the product's step."""
        with acting_in(self.practice.customer):
            bring_up_to_date()
            return DriftEvent.objects.get(public_id=self.event).triage

    def becomes(self, **columns: Any) -> None:
        with acting_in(self.practice.customer):
            becomes(DriftEvent.objects.get(public_id=self.event), **columns)

    def entries(self, verb: str) -> list[tuple[str, Any]]:
        with acting_in(self.practice.customer):
            found = Entry.objects.filter(verb=verb, thing_id=self.event).order_by("position")
            return [(each.actor_kind, json.loads(each.detail)) for each in found]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(timezone.now())
    monkeypatch.setattr("payerwatch.drift.triage.timezone.now", clock)
    return clock


@pytest.fixture
def desk():
    with unhindered():
        yield Desk()


@pytest.mark.parametrize(
    ("what", "body", "verb", "triage"),
    [
        ("acknowledge", {}, "acknowledge", "acknowledged"),
        ("snooze", {"until": "worse"}, "snooze", "snoozed"),
        ("noise", {"reason": "our_data"}, "mark_noise", "noise"),
        ("close", {"reason": "recovered"}, "close", "closed"),
    ],
)
def test_what_is_done_is_shown_and_recorded_with_what_was_before(
    desk: Desk, what: str, body: dict[str, str], verb: str, triage: str
):
    answer = desk.does(what, **body, note="call them on Monday")
    assert answer.status == 200
    shown = desk.shown()
    assert (shown["triage"], shown["triage_reason"], shown["note"]) == (
        triage,
        body.get("reason", ""),
        "call them on Monday",
    )
    ((actor, detail),) = desk.entries(verb)
    assert actor == "person"
    assert detail["before"] == {"triage": "new"}
    assert detail["after"]["triage"] == triage
    assert "Monday" not in json.dumps(detail)


def test_a_note_is_recorded_by_its_length_alone(desk: Desk):
    desk.does("note", note="Jane")
    desk.does("note", note="")
    assert [detail["after"] for _, detail in desk.entries("note")] == [{"letters": 4}, {"letters": 0}]
    assert desk.shown()["note"] == ""


def test_what_is_noise_is_a_verdict_on_the_event_and_said_again_it_is_one(desk: Desk):
    for reason in ("our_data", "expected"):
        desk.does("noise", reason=reason)
    with acting_in(desk.practice.customer):
        (verdict,) = Verdict.objects.filter(superseded_at=None)
        assert (verdict.kind, verdict.reason, verdict.alert) == ("noise", "expected", None)
        assert Verdict.objects.count() == 2


@pytest.mark.parametrize(
    ("what", "body", "code"),
    [
        ("snooze", {"until": "date"}, "snooze_unusable"),
        ("snooze", {"until": "worse", "date": "2999-01-01"}, "snooze_unusable"),
        ("snooze", {"until": "date", "date": "2020-01-01"}, "snooze_unusable"),
        ("noise", {"reason": "recovered"}, "invalid"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(desk: Desk, what: str, body: dict[str, str], code: str):
    answer = desk.does(what, **body)
    assert (answer.status, answer.document["code"]) == (400, code)
    assert desk.shown()["triage"] == "new"


def test_what_is_over_can_be_closed_and_not_taken_on(desk: Desk):
    desk.becomes(status="closed", closed_week=date(2026, 1, 5))
    assert [desk.does(what, **body).status for what, body in (
        ("acknowledge", {}), ("snooze", {"until": "worse"}), ("close", {"reason": "accepted"}),
    )] == [409, 409, 200]  # fmt: skip


# When a snooze ends


def test_a_snooze_until_a_date_ends_on_that_day(desk: Desk, clock: Clock):
    day = clock.now.date() + timedelta(days=2)
    assert desk.does("snooze", until="date", date=day.isoformat()).document["snoozed_until"] == day.isoformat()
    clock.move(days=1)
    assert desk.step() == "snoozed"
    clock.move(days=1)
    assert desk.step() == "new"
    assert desk.shown()["snoozed_until"] is None


def test_a_snooze_until_worse_ends_once_it_costs_a_quarter_more(desk: Desk):
    desk.does("snooze", until="worse")
    for amount, triage in ((149_999, "snoozed"), (100_000, "snoozed"), (150_000, "new")):
        desk.becomes(amount_at_risk=amount)
        assert desk.step() == triage


def test_what_has_no_amount_is_worse_by_claims(desk: Desk):
    desk.becomes(amount_at_risk=None, observed=30, expected=10.0)
    desk.does("snooze", until="worse")
    for observed, triage in ((34, "snoozed"), (35, "new")):
        desk.becomes(observed=observed)
        assert desk.step() == triage


@pytest.mark.parametrize(("columns"), [{"amount_at_risk": 0, "observed": 10}, {"amount_at_risk": -5_000_00}])
def test_what_has_not_changed_is_not_worse(desk: Desk, columns: dict[str, int]):
    desk.becomes(**columns)
    desk.does("snooze", until="worse")
    assert desk.step() == "snoozed"


def test_a_snooze_until_the_next_upload_ends_with_one_that_is_loaded(desk: Desk):
    desk.does("snooze", until="upload")
    for state, triage in (("received", "snoozed"), ("refused", "snoozed"), ("loaded", "new")):
        with acting_in(desk.practice.customer):
            Upload.objects.create(filename="a.csv", size_bytes=1, digest=state, state=state)
        assert desk.step() == triage


def test_a_snooze_counts_days_where_the_customer_is(desk: Desk, clock: Clock):
    """At three in the morning of the 15th by UTC it is still the 14th in Los Angeles."""
    clock.now = datetime(2026, 1, 15, 3, tzinfo=UTC)
    Customer.objects.update(time_zone="America/Los_Angeles")
    assert desk.does("snooze", until="date", date="2026-01-15").status == 200
    desk.step()
    assert desk.shown()["triage"] == "snoozed"
    clock.move(hours=6)
    desk.step()
    assert desk.shown()["triage"] == "new"


def test_a_snooze_until_worse_ends_where_it_is_measured_otherwise(desk: Desk):
    desk.becomes(amount_at_risk=None)
    assert desk.does("snooze", until="worse").status == 200
    desk.step()
    assert desk.shown()["triage"] == "snoozed"
    desk.becomes(amount_at_risk=100)
    desk.step()
    assert desk.shown()["triage"] == "new"
