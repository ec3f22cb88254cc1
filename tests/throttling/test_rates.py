"""Any window of fixed length can be written, and nothing else."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from payerwatch.throttling.rates import LONGEST_WINDOW, MOST_TIMES, Rate, read_rate
from payerwatch.throttling.refusals import RateUnreadable

pytestmark = pytest.mark.pure

WRITTEN = {
    "5/15m": (5, 900),
    "100/h": (100, 3_600),
    "20/30s": (20, 30),
    "1000/1d": (1_000, 86_400),
    "7/s": (7, 1),
    "5/m": (5, 60),
    " 3/2h ": (3, 7_200),
    "5/PT15M": (5, 900),
    "5/PT1H30M": (5, 5_400),
    "5/P1DT1S": (5, 86_401),
    "5/P2W": (5, 14 * 86_400),
}
NOT_RATES = [
    *("", "/", "5", "5/", "/m", "5 / m", "5/15 m", "5//m", "5/m/h", "5/15m15s", "m/5"),
    *("5/month", "5/M", "5/15M", "5/min", "5/minute", "5/hour", "5/day", "5/w", "5/y", "5/S", "5/ms", "5/fortnight"),
    *("0/m", "05/m", "-5/m", "+5/m", "5.0/m", "5e3/m", "1_0/m", "٥/m", "5/٣m", "5/0m", "5/05m", "5/-1m", "5/1.5m"),
    *("5/P", "5/PT", "5/P1M", "5/P1Y", "5/P1D2W", "5/P1DT", "5/PT1.5M", "5/pt15m", "5/PT0S", "5/PT1S1M", "5/15PT1M"),
    *("999999999/m", "5/999999999d", "5/367d", "5/P999999999W", "9" * 5_000 + "/m", "5/m\n5/m", "5/m\0"),
]


@pytest.mark.parametrize(("text", "limit", "seconds"), [(text, *rate) for text, rate in WRITTEN.items()])
def test_a_rate_is_read(text: str, limit: int, seconds: int):
    assert read_rate(text) == Rate(limit, seconds)
    assert read_rate(text).window == seconds * 1_000_000


@pytest.mark.parametrize("text", NOT_RATES)
def test_what_is_no_rate_is_refused(text: str):
    with pytest.raises(RateUnreadable) as refused:
        read_rate(text)
    assert "5/15m" in refused.value.fix
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize(
    ("text", "canonical"),
    [("5/PT15M", "5/15m"), ("600/60s", "600/m"), ("1000/24h", "1000/d"), ("5/90s", "5/90s"), ("5/PT1H30M", "5/90m")],
)
def test_a_rate_is_written_in_one_way(text: str, canonical: str):
    assert str(read_rate(text)) == canonical


@given(limit=st.integers(1, MOST_TIMES), seconds=st.integers(1, LONGEST_WINDOW))
@example(limit=MOST_TIMES, seconds=LONGEST_WINDOW)
def test_what_is_written_reads_back(limit: int, seconds: int):
    rate = Rate(limit, seconds)
    assert read_rate(str(rate)) == read_rate(f"{limit}/PT{seconds}S") == rate


@given(st.text(alphabet="0123456789/smhdwPTSMHDWY .-+e\n٣") | st.text())
def test_any_text_is_a_rate_that_reads_back_or_is_refused(text: str):
    try:
        rate = read_rate(text)
    except RateUnreadable:
        return
    assert read_rate(str(rate)) == rate
    assert 1 <= rate.limit <= MOST_TIMES
    assert 1 <= rate.seconds <= LONGEST_WINDOW


@pytest.mark.parametrize(
    ("limit", "seconds"), [(0, 60), (-1, 60), (MOST_TIMES + 1, 60), (5, 0), (5, LONGEST_WINDOW + 1)]
)
def test_a_rate_outside_its_bounds_cannot_be_made(limit: int, seconds: int):
    with pytest.raises(RateUnreadable):
        Rate(limit, seconds)
