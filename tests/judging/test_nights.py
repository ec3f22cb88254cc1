"""Each customer's claims are judged once a night of its own calendar, whatever the clocks and the server do."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from payerwatch.audit.models import Entry
from payerwatch.drift.models import DriftRun
from payerwatch.jobs.steps import name_of, told_when_parked
from payerwatch.judging import nights
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests.drift.invented import history
from tests.drift.run_off_claims import claims_of, written
from tests.jobs.caught import Work, catch_steps
from tests.make import answer, customer

pytestmark = pytest.mark.django_db(transaction=True)

NEW_YORK, LORD_HOWE = "America/New_York", "Australia/Lord_Howe"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[Work]:
    """What was put on the queue."""
    queued: list[Work] = []
    catch_steps(monkeypatch, queued.append)
    return queued


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Sets the time."""
    return lambda now: monkeypatch.setattr(timezone, "now", lambda: now)


def practice_in(zone: str, since: str, name: str = "Practice") -> Customer:
    own = customer(name)
    Customer.objects.filter(pk=own.pk).update(time_zone=zone, created_at=utc(since))
    own.refresh_from_db()
    return own


@pytest.mark.parametrize(
    ("zone", "now", "day", "begins"),
    [
        ("UTC", "2026-03-10T01:59:59", "2026-03-09", "2026-03-09T02:00"),
        ("UTC", "2026-03-10T02:00:00", "2026-03-10", "2026-03-10T02:00"),
        (NEW_YORK, "2026-01-10T06:59:59", "2026-01-09", "2026-01-09T07:00"),
        (NEW_YORK, "2026-01-10T07:00:00", "2026-01-10", "2026-01-10T07:00"),
        (NEW_YORK, "2026-03-08T06:59:59", "2026-03-07", "2026-03-07T07:00"),  # at 07:00 UTC 02:00 becomes 03:00
        (NEW_YORK, "2026-03-08T07:00:00", "2026-03-08", "2026-03-08T07:00"),
        (NEW_YORK, "2026-03-09T06:00:00", "2026-03-09", "2026-03-09T06:00"),
        (NEW_YORK, "2026-11-01T06:30:00", "2026-10-31", "2026-10-31T06:00"),  # 01:30, the second time
        (NEW_YORK, "2026-11-01T07:00:00", "2026-11-01", "2026-11-01T07:00"),
        ("Europe/Berlin", "2026-10-25T00:00:00", "2026-10-25", "2026-10-25T00:00"),  # 02:00, the first time
        ("Europe/Berlin", "2026-10-25T01:30:00", "2026-10-25", "2026-10-25T00:00"),  # 02:30, the second time
        ("Asia/Kathmandu", "2026-05-09T20:15:00", "2026-05-10", "2026-05-09T20:15"),
    ],
)
def test_a_night_begins_at_two_by_the_customers_own_clock(zone: str, now: str, day: str, begins: str):
    assert nights.last_night(zone, utc(now)) == (date.fromisoformat(day), utc(begins))


@pytest.mark.parametrize("zone", ["UTC", NEW_YORK, "Europe/Berlin", LORD_HOWE, "Pacific/Apia", "Africa/Casablanca"])
@pytest.mark.parametrize("year", [2011, 2026])
def test_of_a_year_every_day_has_one_night(zone: str, year: int):
    """Looked at each hour; in 2011 Apia had no 30th of December."""
    hours = [utc(f"{year}-01-03T00:00") + timedelta(hours=hour) for hour in range(360 * 24)]
    days = list(dict.fromkeys(nights.last_night(zone, now).day for now in hours))
    assert days == sorted(days)
    left_out = {days[0] + timedelta(days=n) for n in range((days[-1] - days[0]).days)} - set(days)
    assert left_out <= ({date(2011, 12, 30)} if zone == "Pacific/Apia" else set())


def seen_over(hours: int, start: str, steps: list[Work], clock: Any, *, every: int = 1) -> list[datetime]:
    """When a judgement was put on the queue, looking each hour and doing at once what was put."""
    times = []
    for hour in range(0, hours, every):
        now = utc(start) + timedelta(hours=hour)
        clock(now)
        nights.look_for_nights()
        while steps:
            steps.pop()()
            times.append(now)
    return times


@pytest.mark.parametrize(
    ("zone", "start", "times"),
    [
        (NEW_YORK, "2026-03-07T00:00", ["2026-03-07T07:00", "2026-03-08T07:00", "2026-03-09T06:00"]),
        (NEW_YORK, "2026-10-31T00:00", ["2026-10-31T06:00", "2026-11-01T07:00", "2026-11-02T07:00"]),
        ("Europe/Berlin", "2026-10-24T12:00", ["2026-10-25T00:00", "2026-10-26T01:00", "2026-10-27T01:00"]),
        (LORD_HOWE, "2026-04-04T00:00", ["2026-04-04T16:00", "2026-04-05T16:00", "2026-04-06T16:00"]),
    ],
)
def test_looking_each_hour_judges_once_a_night_when_the_clocks_change(
    zone: str, start: str, times: list[str], steps: list[Work], clock: Any
):
    practice_in(zone, start)
    assert seen_over(72, start, steps, clock) == [utc(each) for each in times]


def test_nights_that_were_missed_are_made_up_for_once(steps: list[Work], clock: Any):
    practice_in("UTC", "2026-05-01T00:00")
    assert len(seen_over(24, "2026-05-01T00:00", steps, clock)) == 1
    assert seen_over(24, "2026-05-06T10:00", steps, clock) == [utc("2026-05-06T10:00"), utc("2026-05-07T02:00")]


def test_each_customer_has_nights_of_its_own(steps: list[Work], clock: Any):
    practice_in("UTC", "2026-05-01T00:00")
    practice_in(NEW_YORK, "2026-05-01T00:00", "Other practice")
    assert seen_over(12, "2026-05-01T00:00", steps, clock) == [utc("2026-05-01T02:00"), utc("2026-05-01T06:00")]


def test_a_customer_that_was_added_by_day_is_judged_from_the_next_night_on(steps: list[Work], clock: Any):
    practice_in("UTC", "2026-05-01T10:00")
    assert seen_over(24, "2026-05-01T10:00", steps, clock) == [utc("2026-05-02T02:00")]


def test_moving_to_another_zone_judges_no_night_twice(steps: list[Work], clock: Any):
    practice = practice_in("Asia/Tokyo", "2026-05-01T00:00")
    seen_over(24, "2026-05-01T00:00", steps, clock)  # the 2nd began at 17:00 UTC of the 1st
    Customer.objects.filter(pk=practice.pk).update(time_zone=NEW_YORK)
    assert seen_over(24, "2026-05-02T00:00", steps, clock) == []
    assert seen_over(24, "2026-05-03T00:00", steps, clock) == [utc("2026-05-03T06:00")]


def test_a_night_judges_what_is_loaded_and_says_who_did(steps: list[Work], clock: Any, tmp_path: Path):
    practice = practice_in("UTC", "2026-05-01T00:00")
    claims = claims_of(history(series=2, payers=2, weeks=60, volume=5))
    assert answer("load", written(tmp_path, claims)).code == 0
    judged, alerted = seen_over(4, "2026-05-01T00:00", steps, clock)
    assert judged == alerted == utc("2026-05-01T02:00")
    with acting_in(practice):
        run = DriftRun.objects.get()
        entry = Entry.objects.latest("position")
    assert (run.state, entry.verb, entry.thing_id) == ("done", "detect", run.public_id)
    assert "nightly" in (entry.actor_kind, entry.actor_id, entry.actor_name)


def test_one_that_was_put_twice_is_judged_once(steps: list[Work], clock: Any, tmp_path: Path):
    practice = practice_in("UTC", "2026-05-01T00:00")
    assert answer("load", written(tmp_path, claims_of(history(series=2, payers=2, weeks=60, volume=5)))).code == 0
    clock(utc("2026-05-01T02:00"))
    nights.look_for_nights()
    nights.look_for_nights()
    for step in steps:
        step()
    with acting_in(practice):
        assert Entry.objects.filter(verb="detect").count() == 1


def test_a_night_that_cannot_be_judged_is_given_up_and_the_next_is_tried(steps: list[Work], clock: Any):
    practice = practice_in("UTC", "2026-05-01T00:00")
    clock(utc("2026-05-01T02:00"))
    tell = told_when_parked(name_of(nights.judge_night))
    assert tell is not None
    tell(practice.pk, practice.public_id)
    assert seen_over(25, "2026-05-01T02:00", steps, clock) == [utc("2026-05-02T02:00")]
