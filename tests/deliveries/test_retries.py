"""When messages are sent again: what the table says, within a tenth, and never before the receiver asks."""

import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import accumulate

import pytest

from payerwatch.deliveries.answers import FAILURES, Answer
from payerwatch.deliveries.retries import (
    DISABLED_AFTER,
    LONGEST_RETRY_AFTER,
    SCHEDULE,
    SLOWED_FOR,
    Meaning,
    meaning_of,
    next_attempt,
    not_before,
    slowed_until,
)

pytestmark = pytest.mark.pure

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FAILED = Answer(500)
RUNS = 1_000


def walk(seed: int) -> list[datetime]:
    """When each attempt is made, of a message that never arrives and fails at once."""
    rng, made, due = random.Random(seed), [], next_attempt(0, NOW, FAILED, random.Random(seed))
    while due is not None:
        made.append(due)
        due = next_attempt(len(made), due, FAILED, rng)
    return made


def test_a_message_is_tried_at_least_eight_times_over_at_least_75_hours():
    assert len(SCHEDULE) >= 8
    assert sum(SCHEDULE, timedelta()) >= timedelta(hours=75)


def test_each_attempt_of_a_thousand_messages_is_within_a_tenth_of_the_table():
    planned = list(accumulate(SCHEDULE))
    for seed in range(RUNS):
        made = walk(seed)
        assert len(made) == len(SCHEDULE)
        assert made[0] == NOW
        for at, since, wait, plan in zip(made, [NOW, *made], SCHEDULE, planned, strict=False):
            assert wait <= at - since <= wait * 1.1
            assert plan * 0.9 <= at - NOW <= plan * 1.1
        assert made[-1] - NOW >= timedelta(hours=75)


def test_what_failed_together_does_not_come_back_together():
    assert len({walk(seed)[2] for seed in range(RUNS)}) > RUNS * 0.99


def test_after_the_last_attempt_it_is_given_up():
    assert next_attempt(len(SCHEDULE), NOW, FAILED, random.Random(1)) is None


def test_an_endpoint_that_only_fails_is_not_disabled_before_a_message_had_its_last_attempt_but_one():
    assert sum(SCHEDULE[:-1], timedelta()) * 1.1 < DISABLED_AFTER < sum(SCHEDULE, timedelta())


@pytest.mark.parametrize("answer", [Answer(200), Answer(204), Answer(299), Answer(410)])
def test_what_arrived_or_is_not_wanted_is_not_sent_again(answer: Answer):
    assert next_attempt(1, NOW, answer, random.Random(1)) is None


def test_every_status_has_one_meaning():
    named = {410: Meaning.GONE} | dict.fromkeys((429, 502, 503, 504), Meaning.SLOWED)
    for status in range(100, 600):
        others = Meaning.DELIVERED if status // 100 == 2 else Meaning.FAILED
        assert meaning_of(Answer(status)) is named.get(status, others), status


@pytest.mark.parametrize("failure", FAILURES)
def test_no_answer_is_a_failure_that_is_tried_again(failure: str):
    answer = Answer(None, failure=failure)
    assert meaning_of(answer) is Meaning.FAILED
    assert next_attempt(1, NOW, answer, random.Random(1)) is not None
    assert slowed_until(NOW, answer) is None


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("120", 120),
        (" 120 ", 120),
        (format_datetime(NOW + timedelta(minutes=2), usegmt=True), 120),
        ("Sunday, 01-Mar-26 12:02:00 GMT", 120),
        ("Sun Mar  1 12:02:00 2026", 120),
        ("86401", 86400),
        ("9" * 60, 86400),
        (format_datetime(NOW + timedelta(days=400), usegmt=True), 86400),
        ("0", None),
        ("-5", None),
        ("1.5", None),
        ("١٢٠", None),
        ("soon", None),
        ("", None),
        (None, None),
        (format_datetime(NOW - timedelta(minutes=2), usegmt=True), None),
        ("Sun, 99 Mar 2026 12:02:00 GMT", None),
        ("Sun, 01 Mar 99999999999 12:02:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_at_most_a_day(written: str | None, seconds: int | None):
    asked = not_before(written, NOW)
    assert asked == (None if seconds is None else NOW + timedelta(seconds=seconds))
    assert asked is None or asked - NOW <= LONGEST_RETRY_AFTER


@pytest.mark.parametrize("status", [429, 503, 500, 404])
def test_nothing_is_sent_before_the_receiver_asks(status: int):
    for seed in range(RUNS):
        due = next_attempt(1, NOW, Answer(status, retry_after="3600"), random.Random(seed))
        assert due == NOW + timedelta(hours=1)


def test_asked_for_sooner_than_planned_the_table_holds():
    due = next_attempt(4, NOW, Answer(429, retry_after="1"), random.Random(1))
    assert timedelta(hours=2) <= due - NOW <= timedelta(hours=2.2)


def test_an_endpoint_with_too_much_to_do_is_given_nothing_for_a_while():
    assert slowed_until(NOW, Answer(503)) == NOW + SLOWED_FOR
    assert slowed_until(NOW, Answer(429, retry_after="600")) == NOW + timedelta(minutes=10)
    assert slowed_until(NOW, Answer(500, retry_after="600")) is None
