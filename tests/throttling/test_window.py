"""The exact sliding window: never more than N in any window, and never fewer than could be let in."""

import os
import random
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payerwatch.throttling.rates import Rate, read_rate
from payerwatch.throttling.sqlite import SqliteStore
from payerwatch.throttling.verdict import Bucket
from payerwatch.throttling.window import has_room, held, seconds_until_room, settled
from tests.throttling.arrivals import arrivals, most_in_any_window

pytestmark = pytest.mark.pure

FULL = os.environ.get("PAYERWATCH_PROOF") == "full"
RATES = ("5/15m", "3/h", "20/30s", "1/s", "100/15m")
MEMORY = Path(":memory:")


@pytest.fixture(autouse=True)
def no_file_of_that_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store in memory has no file whose rights to set."""
    monkeypatch.setattr("payerwatch.throttling.sqlite.make_private_file", str)


def let_in(rate: Rate, times: list[int]) -> list[int]:
    """Which of the times the window lets in."""
    log: list[int] = []
    passed = []
    for now in times:
        log = settled(log, rate, now)
        if has_room(log, rate):
            log.append(now)
            passed.append(now)
    return passed


def let_in_by_store(rate: Rate, times: list[int]) -> list[int]:
    """The same through the SQLite store, told the time."""
    now = 0
    store, bucket = SqliteStore(MEMORY, clock=lambda: now), [Bucket("a", rate, b"a")]
    passed = []
    for number, now in enumerate(times):
        if store.take(number, bucket).allowed:
            passed.append(now)
    store.close()
    return passed


def let_in_by_counting(rate: Rate, times: list[int]) -> list[int]:
    """The definition, counted from scratch each time."""
    passed: list[int] = []
    for now in times:
        if sum(at > now - rate.window for at in passed) < rate.limit:
            passed.append(now)
    return passed


@pytest.mark.proof
@pytest.mark.parametrize("text", RATES)
def test_a_million_arrivals_are_never_over_the_limit_in_any_window(text: str):
    rate = read_rate(text)
    times = list(islice(arrivals(rate, seed=1), 200_000 if FULL else 10_000))
    passed = let_in(rate, times)
    assert most_in_any_window(passed, rate.window) == rate.limit
    assert len(passed) < len(times)


@pytest.mark.proof
@pytest.mark.parametrize("text", RATES)
def test_the_store_lets_in_exactly_what_the_window_does(text: str):
    rate = read_rate(text)
    times = list(islice(arrivals(rate, seed=2), 200_000 if FULL else 2_000))
    assert let_in_by_store(rate, times) == let_in(rate, times)


@given(st.lists(st.integers(0, 5_000_000), max_size=40), st.integers(1, 4), st.integers(1, 3))
def test_the_window_is_its_definition(gaps: list[int], limit: int, seconds: int):
    rate = Rate(limit, seconds)
    times = [sum(gaps[:number]) for number in range(len(gaps))]
    assert let_in(rate, times) == let_in_by_counting(rate, times)


def test_the_place_is_free_exactly_one_window_later():
    rate = read_rate("1/30s")
    assert let_in(rate, [0, 29_999_999, 30_000_000]) == [0, 30_000_000]


@pytest.mark.parametrize("text", RATES)
def test_a_clock_that_steps_back_never_lets_more_in(text: str):
    """Counted in true time, whatever the clock says; and nobody is shut out for longer than a window."""
    rate, rng = read_rate(text), random.Random(3)
    log, passed, behind = [], [], 0
    for true in islice(arrivals(rate, seed=3), 5_000):
        behind += rng.choice((1_000_000, rate.window, 3 * rate.window)) if rng.random() < 0.01 else 0
        log = settled(log, rate, true - behind)
        assert seconds_until_room(held(log, rate), rate, true - behind) <= rate.seconds
        if has_room(log, rate):
            log.append(true - behind)
            passed.append(true)
    assert behind > 10 * rate.window
    assert most_in_any_window(passed, rate.window) <= rate.limit


@pytest.mark.parametrize("text", RATES)
def test_the_store_never_lets_more_in_when_the_clock_steps_back(text: str):
    rate, now = read_rate(text), 10**15
    store, bucket = SqliteStore(MEMORY, clock=lambda: now), [Bucket("a", rate, b"a")]
    assert sum(store.take(number, bucket).allowed for number in range(rate.limit + 1)) == rate.limit
    now -= 10 * rate.window
    assert not store.take(1, bucket).allowed
    now += rate.window - 1
    assert not store.take(1, bucket).allowed
    now += 1
    assert store.take(1, bucket).allowed
    store.close()


def test_after_the_limit_was_lowered_the_wait_is_until_enough_have_left():
    log = [0, 1_000_000, 2_000_000, 3_000_000]
    lowered = Rate(2, 60)
    assert not has_room(log, lowered)
    assert seconds_until_room(held(log, lowered), lowered, 3_000_000) == 59
    assert let_in(lowered, []) == []
    assert has_room(settled(log, lowered, 62_000_000), lowered)
    assert not has_room(settled(log, lowered, 61_999_999), lowered)
