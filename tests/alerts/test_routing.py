"""Whether a rule tells, and when: never less for more, once for each doubling, never at a time that is not its own."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from payerwatch.alerts.routing import (
    CERTAINTIES,
    SMALLEST_DOUBLED,
    Seen,
    Terms,
    Timing,
    Told,
    due_at,
    escalation_of,
    tells_of,
)

pytestmark = pytest.mark.pure

NEW_YORK = ZoneInfo("America/New_York")
HOURS = st.integers(0, 23)
AMOUNTS = st.none() | st.integers(-10_000_00, 10_000_000_00)
TERMS = st.builds(
    Terms,
    measure=st.sampled_from(["", "denial_rate", "days_to_decision"]),
    direction=st.sampled_from(["", "worse", "better"]),
    level=st.sampled_from(["", "payer", "cpt_group"]),
    certainty=st.sampled_from(CERTAINTIES),
    least_amount=st.integers(0, 5_000_000_00),
    payer=st.none() | st.integers(1, 2),
    cpt_group=st.sampled_from(["", "imaging", "therapy"]),
)
SEEN = st.builds(
    Seen,
    measure=st.sampled_from(["denial_rate", "days_to_decision"]),
    payer=st.integers(1, 2),
    cpt_group=st.sampled_from(["", "imaging", "therapy"]),
    direction=st.sampled_from(["worse", "better"]),
    certainty=st.sampled_from(CERTAINTIES),
    amount=AMOUNTS,
)
# Minutes around the days of 2026 on which the clocks of New York are changed, and around any other.
DAYS = [datetime(2026, 3, 8, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 6, 3, tzinfo=UTC)]
MOMENTS = st.builds(
    lambda day, minutes: day + timedelta(minutes=minutes), st.sampled_from(DAYS), st.integers(-2880, 2880)
)
TIMINGS = st.builds(
    lambda zone, daily, quiet, hours: Timing(zone, daily, *quiet, timedelta(hours=hours)),
    st.sampled_from([NEW_YORK, ZoneInfo("UTC"), ZoneInfo("Asia/Kolkata")]),
    st.none() | HOURS,
    st.just((None, None)) | st.tuples(HOURS, HOURS).filter(lambda each: each[0] != each[1]),
    st.integers(0, 24 * 31),
)


@st.composite
def told_terms(draw: st.DrawFn) -> tuple[Terms, Seen]:
    """Terms, and something that they tell of."""
    seen = draw(SEEN)
    return Terms(
        measure=draw(st.sampled_from(["", seen.measure])),
        direction=draw(st.sampled_from(["", seen.direction])),
        level=draw(st.sampled_from(["", "cpt_group" if seen.cpt_group else "payer"])),
        certainty=draw(st.sampled_from(CERTAINTIES[: CERTAINTIES.index(seen.certainty) + 1])),
        least_amount=draw(st.integers(0, max(seen.amount or 0, 0))),
        payer=draw(st.sampled_from([None, seen.payer])),
        cpt_group=draw(st.sampled_from(["", seen.cpt_group])),
    ), seen


def is_quiet(timing: Timing, moment: datetime) -> bool:
    """By the hours themselves: those one meets going on from the beginning of quiet to its end."""
    if timing.quiet_from is None or timing.quiet_until is None:
        return False
    hours, hour = set(), timing.quiet_from
    while hour != timing.quiet_until:
        hours.add(hour)
        hour = (hour + 1) % 24
    return moment.astimezone(timing.zone).hour in hours


def at(text: str) -> datetime:
    """A moment by New York's clock; `*` behind it means the second time that this time comes."""
    moment = datetime.fromisoformat(text.rstrip("*")).replace(tzinfo=NEW_YORK, fold=int(text.endswith("*")))
    return moment.astimezone(UTC)


def timing(**columns: object) -> Timing:
    return replace(Timing(NEW_YORK, None, None, None, timedelta()), **columns)


# What a rule tells of


@given(told_terms(), st.sampled_from(CERTAINTIES), st.integers(0, 10_000_000_00))
def test_what_is_told_of_is_told_of_where_it_is_surer_or_costs_more(both: tuple[Terms, Seen], surer: str, more: int):
    terms, seen = both
    assert tells_of(terms, seen)
    certainty = max(seen.certainty, surer, key=CERTAINTIES.index)
    assert tells_of(terms, replace(seen, certainty=certainty, amount=(seen.amount or 0) + more))


@given(told_terms(), st.integers(0, 5_000_000_00), st.sampled_from(CERTAINTIES))
def test_a_rule_that_asks_for_less_tells_of_no_less(both: tuple[Terms, Seen], less: int, certainty: str):
    terms, seen = both
    lower = min(terms.certainty, certainty, key=CERTAINTIES.index)
    assert tells_of(replace(terms, least_amount=max(0, terms.least_amount - less), certainty=lower), seen)


@given(SEEN)
def test_a_rule_that_leaves_everything_open_tells_of_everything(seen: Seen):
    assert tells_of(Terms("", "", "", "watch", 0, None, ""), seen)


@given(TERMS, SEEN)
def test_what_has_no_amount_is_not_told_where_one_is_asked_for(terms: Terms, seen: Seen):
    assert not tells_of(replace(terms, least_amount=1), replace(seen, amount=None))


# How often


def told_of(amounts: list[int | None]) -> list[Told]:
    """What is told of an event that has these amounts week after week."""
    told: list[Told] = []
    for amount in amounts:
        number = escalation_of(told, amount)
        if number is not None:
            told.append(Told(number, amount))
    return told


@given(AMOUNTS)
def test_the_first_alert_is_number_0_whatever_it_costs(amount: int | None):
    assert escalation_of([], amount) == 0


@given(st.lists(AMOUNTS, min_size=1, max_size=30))
def test_each_alert_has_at_least_doubled_since_the_one_before_and_they_are_numbered_on(amounts: list[int | None]):
    told = told_of(amounts)
    assert [each.escalation for each in told] == list(range(len(told)))
    for before, after in pairwise(told):
        assert after.amount is not None
        assert after.amount >= 2 * max(before.amount or 0, SMALLEST_DOUBLED)


@given(st.lists(AMOUNTS, min_size=1, max_size=30))
def test_what_is_as_it_was_is_not_told_again(amounts: list[int | None]):
    assert told_of([each for amount in amounts for each in (amount, amount)]) == told_of(amounts)


@given(st.lists(AMOUNTS, min_size=1, max_size=30))
def test_no_doubling_is_left_out(amounts: list[int | None]):
    last = told_of(amounts)[-1].amount or 0
    assert all(amount is None or amount < 2 * max(last, SMALLEST_DOUBLED) for amount in amounts[-1:])


@pytest.mark.parametrize(
    ("amounts", "alerts"),
    [
        ([0, 999_99, 1_999_99], 1),
        ([0, 2_000_00], 2),
        ([None, 2_000_00, 3_999_99, 4_000_00], 3),
        ([1_500_00, 2_999_99, 3_000_00, 5_999_99], 2),
        ([1_000_00, 64_000_00], 2),
        ([8_000_00, 1_000_00, 9_000_00, None, 16_000_00], 2),
    ],
)
def test_doubling_is_measured_from_what_was_last_told_and_from_1000_dollars_at_least(
    amounts: list[int | None], alerts: int
):
    assert len(told_of(amounts)) == alerts


# When


@given(TIMINGS, MOMENTS, st.none() | st.integers(0, 24 * 40))
@example(timing(quiet_from=3, quiet_until=2), at("2026-03-08 01:30"), None)
@example(timing(quiet_from=2, quiet_until=1), at("2026-11-01 01:30"), None)
def test_nothing_is_due_in_the_past_in_the_cool_down_or_in_quiet_hours(
    timing: Timing, now: datetime, told_hours_ago: int | None
):
    last = None if told_hours_ago is None else now - timedelta(hours=told_hours_ago)
    due = due_at(timing, now, last)
    assert due >= now
    grace = timedelta(0) if timing.daily_at is None else timedelta(hours=2)  # from digest to digest
    assert last is None or due >= last + timing.cool_down - grace
    assert not is_quiet(timing, due)
    assert due - max(now, (last or now) + timing.cool_down) <= timedelta(hours=75)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kathmandu"])
def test_a_daily_digest_with_a_days_cool_down_is_daily(zone: str):
    daily = replace(timing(), zone=ZoneInfo(zone), daily_at=7, cool_down=timedelta(hours=24))
    sent = due_at(daily, at("2026-02-01 00:00"), None) + timedelta(seconds=5)
    days = []
    for _ in range(300):
        sent = due_at(daily, sent + timedelta(minutes=1), sent) + timedelta(seconds=5)
        days.append(sent.astimezone(ZoneInfo(zone)).date())
    assert days == [days[0] + timedelta(days=number) for number in range(300)]


@given(TIMINGS, MOMENTS)
def test_what_is_neither_daily_nor_quiet_nor_cooling_down_is_due_at_once(timing: Timing, now: datetime):
    assume(not is_quiet(timing, now))
    assert due_at(replace(timing, daily_at=None), now, None) == now


@given(TIMINGS, HOURS, MOMENTS)
def test_a_digest_goes_at_its_hour_or_once_quiet_is_over(timing: Timing, hour: int, now: datetime):
    due = due_at(replace(timing, daily_at=hour), now, None).astimezone(timing.zone)
    spring = due.date() == date(2026, 3, 8) and timing.zone == NEW_YORK
    may_be = {hour, timing.quiet_until} | ({3} if spring and 2 in (hour, timing.quiet_until) else set())
    assert due.hour in may_be
    assert (due.minute, due.second) == (0, 0) or due == now


@given(TIMINGS, HOURS, MOMENTS)
def test_there_is_a_digest_each_day_and_no_more(timing: Timing, hour: int, now: datetime):
    daily = replace(timing, daily_at=hour, quiet_from=None, quiet_until=None)
    first = due_at(daily, now, None)
    second = due_at(daily, first + timedelta(microseconds=1), None)
    days = [each.astimezone(timing.zone).date() for each in (first, second)]
    assert days[1] - days[0] == timedelta(days=1)


@pytest.mark.parametrize(
    ("columns", "now", "due"),
    [
        ({"daily_at": 7}, "2026-06-01 06:59", "2026-06-01 07:00"),
        ({"daily_at": 7}, "2026-06-01 07:00", "2026-06-01 07:00"),
        ({"daily_at": 7}, "2026-06-01 07:01", "2026-06-02 07:00"),
        ({"quiet_from": 22, "quiet_until": 6}, "2026-06-01 21:59", "2026-06-01 21:59"),
        ({"quiet_from": 22, "quiet_until": 6}, "2026-06-01 22:00", "2026-06-02 06:00"),
        ({"quiet_from": 22, "quiet_until": 6}, "2026-06-02 05:59", "2026-06-02 06:00"),
        ({"quiet_from": 22, "quiet_until": 6}, "2026-06-02 06:00", "2026-06-02 06:00"),
        ({"daily_at": 23, "quiet_from": 22, "quiet_until": 6}, "2026-06-01 12:00", "2026-06-02 06:00"),
        # On 8 March 2026 there is no 2 o'clock: 1:59 is followed by 3:00.
        ({"daily_at": 2}, "2026-03-08 00:00", "2026-03-08 03:00"),
        ({"quiet_from": 22, "quiet_until": 2}, "2026-03-08 01:30", "2026-03-08 03:00"),
        ({"quiet_from": 3, "quiet_until": 2}, "2026-03-08 01:30", "2026-03-09 02:00"),
        # On 1 November 2026 1 o'clock comes twice.
        ({"daily_at": 1}, "2026-11-01 00:30", "2026-11-01 01:00"),
        ({"daily_at": 1}, "2026-11-01 01:00*", "2026-11-02 01:00"),
        ({"quiet_from": 22, "quiet_until": 1}, "2026-11-01 00:30", "2026-11-01 01:00"),
        ({"quiet_from": 22, "quiet_until": 2}, "2026-11-01 01:30", "2026-11-01 02:00"),
        ({"quiet_from": 22, "quiet_until": 2}, "2026-11-01 01:30*", "2026-11-01 02:00"),
        ({"quiet_from": 2, "quiet_until": 1}, "2026-11-01 01:30*", "2026-11-01 01:30*"),
    ],
)
def test_hours_are_those_of_the_days_own_clock(columns: dict[str, int], now: str, due: str):
    assert due_at(timing(**columns), at(now), None) == at(due)


def test_a_cool_down_ends_to_the_moment():
    resting = timing(cool_down=timedelta(hours=24))
    now = at("2026-06-01 12:00")
    assert due_at(resting, now, now - timedelta(hours=23)) == now + timedelta(hours=1)
    assert due_at(resting, now, now - timedelta(hours=24)) == now
