"""What is done again and again: when it is due, once for each moment, and once after a pause however long."""

from datetime import UTC, datetime, timedelta

import pytest

from payerwatch.jobs.periodic import Calendar, Periodic, without_a_table
from payerwatch.schedule import PERIODIC

pytestmark = pytest.mark.pure

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def row(every: timedelta, after: timedelta = timedelta()) -> Periodic:
    return Periodic("row", every, lambda: None, after)


@pytest.mark.parametrize(
    ("each", "now", "moment"),
    [
        (row(HOUR), "2026-03-08T06:59:59", "2026-03-08T06:00"),
        (row(HOUR), "2026-03-08T07:00:00", "2026-03-08T07:00"),
        (row(timedelta(minutes=5)), "2026-03-08T07:03:00", "2026-03-08T07:00"),
        (row(DAY, 3 * HOUR), "2026-03-08T02:59:59", "2026-03-07T03:00"),
        (row(DAY, 3 * HOUR), "2026-03-08T03:00:00", "2026-03-08T03:00"),
    ],
)
def test_a_moment_is_the_last_time_at_which_it_was_due(each: Periodic, now: str, moment: str):
    assert each.moment(at(now)) == at(moment)


def due(calendar: Calendar, now: str) -> list[datetime]:
    return [moment for _, moment in calendar.due(at(now))]


def test_each_moment_is_seen_to_once_and_at_first_what_was_missed():
    calendar = Calendar([row(HOUR)])
    assert due(calendar, "2026-03-08T06:30") == [at("2026-03-08T06:00")]
    assert due(calendar, "2026-03-08T06:59") == []
    assert due(calendar, "2026-03-08T07:00") == [at("2026-03-08T07:00")]
    assert due(calendar, "2026-03-08T21:10") == [at("2026-03-08T21:00")]


def test_a_moment_that_was_not_seen_to_is_due_still():
    calendar = Calendar([row(HOUR)])
    for _ in calendar.due(at("2026-03-08T06:30")):
        break  # as the database went away
    assert due(calendar, "2026-03-08T06:31") == [at("2026-03-08T06:00")]


def test_where_no_table_of_jobs_is_what_finds_waiting_steps_is_done_every_minute():
    every = {each.name: each.every for each in without_a_table(PERIODIC)}
    assert every["files that wait"] == every["runs that wait"] == timedelta(minutes=1)
    assert every["nights that have begun"] == HOUR


def test_each_row_of_the_table_has_a_name_of_its_own():
    names = [each.name for each in PERIODIC]
    assert len(set(names)) == len(names)
    assert all(len(name) <= 128 for name in names)
