"""Dates as exports write them."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payerwatch.claims.formats.dates import order_proven, read_date, take_apart

pytestmark = pytest.mark.pure

DAYS = st.dates(min_value=date(1990, 1, 1), max_value=date(2068, 12, 31))


@pytest.mark.parametrize(
    "text",
    [
        *("2025-03-04", "2025/3/4", "20250304", " 2025-03-04 ", "2025-03-04T00:00:00Z", "2025-03-04 13:45:10.123"),
        *("March 4, 2025", "Mar 4 2025", "4-Mar-25", "04MAR2025", "4th March 2025", "Tue, 4 Mar 2025", "2025-Mar-04"),
        *("2025.03.04", "2025-03-04T09:30:00+02:00", "2025-03-04 9:05 PM"),
    ],
)
def test_dates_that_carry_their_order_need_none(text: str) -> None:
    assert read_date(text, None).value == date(2025, 3, 4)


@pytest.mark.parametrize("text", ["03/04/2025", "3/4/25", "03-04-2025", "3.4.2025", "03042025", "3/4/2025 10:00"])
def test_the_order_decides_what_day_a_date_is(text: str) -> None:
    assert read_date(text, "mdy").value == date(2025, 3, 4)
    assert read_date(text, "dmy").value == date(2025, 4, 3)
    assert read_date(text, None).problem == "invalid"


def test_year_first_with_two_digits_needs_to_be_asked_for() -> None:
    assert read_date("25/03/04", "ymd").value == date(2025, 3, 4)
    assert read_date("03/04/1925", "ymd").problem == "invalid"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        *(
            (blank, "missing")
            for blank in ("", " ", "N/A", "null", "-", "0000-00-00", "00/00/0000", "12/31/9999", "1/1/1900")
        ),
        *(("45000", "serial"), ("45000.5", "serial"), ("12345678901", "invalid"), ("soon", "invalid")),
        *(
            ("2025-02-30", "invalid"),
            ("13/13/2025", "invalid"),
            ("1989-12-31", "out_of_range"),
            ("1/1/1925", "out_of_range"),
        ),
        *(("2025-13-01", "invalid"), ("99999999", "invalid"), ("1" * 500, "invalid")),
    ],
)
def test_why_a_cell_is_no_date(text: str, problem: str) -> None:
    assert read_date(text, "mdy") == (None, problem)


@settings(max_examples=100)
@given(DAYS, st.sampled_from(["%m/%d/%Y", "%m-%d-%y", "%m.%d.%Y", "%Y-%m-%d", "%Y%m%d", "%d %B %Y", "%b %d, %Y"]))
def test_a_date_written_is_the_date_read(day: date, form: str) -> None:
    assert read_date(day.strftime(form), "mdy").value == day


@settings(max_examples=100)
@given(DAYS)
def test_a_date_proves_an_order_only_if_the_other_reading_is_none(day: date) -> None:
    parts = take_apart(day.strftime("%d/%m/%Y"))
    assert parts is not None
    proven = order_proven(parts)
    expected = "dmy" if day.day > 12 else None if day.day == day.month else "either"
    assert proven == expected


@settings(max_examples=200)
@given(st.text(max_size=40))
def test_any_text_is_read_or_explained(text: str) -> None:
    for order in (None, "mdy", "dmy", "ymd"):
        reading = read_date(text, order)
        assert (reading.value is None) != (reading.problem is None)
