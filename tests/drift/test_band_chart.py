"""The chart in the terminal: what it shows, and that it stays on the page."""

import math
import re
from datetime import date, timedelta

import pytest

from payerwatch.drift.band_chart import band_chart

pytestmark = pytest.mark.pure

MONDAY = date(2025, 8, 4)
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def mondays(count: int) -> list[date]:
    return [MONDAY + timedelta(weeks=week) for week in range(count)]


def steady(count: int, observed: list[float | None], **options: object) -> str:
    """A band from 5 % to 15 % around 10 %."""
    low, high, middle = [0.05] * count, [0.15] * count, [0.10] * count
    return band_chart(mondays(count), observed, low, high, expected=middle, **options)  # type: ignore[arg-type]


RISING: list[float | None] = [0.10, 0.05, 0.15, 0.10, 0.10, 0.15, None, 0.10, 0.25, 0.30, 0.25, 0.30]

GOLDEN = """\
30% ┤                                      ●       ●
    │                                  ●       ●
20% ┤
    │░░░░░░░░░░○░░░░░░░░░░░○░░░░░░░░░░░░░░░░░░░░░░░░░
10% ┤──○───────────○───○───────────○─────────────────
    │░░░░░░○░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
 0% ┤
    └────────────────────────────────────────────────
                 first flagged Oct 6, 2025 ▲
     Aug 4, 2025          Oct 20, 2025 (as of Oct 26)
○ a week's share   ● outside the expected range ░ (middle ─)"""


def test_a_rising_denial_rate_leaves_its_band() -> None:
    assert steady(12, RISING, change_week=date(2025, 10, 6)) == GOLDEN


def test_without_unicode_the_chart_is_plain_ascii_of_the_same_shape() -> None:
    plain = steady(12, RISING, change_week=date(2025, 10, 6), unicode=False)
    swapped = GOLDEN.translate(str.maketrans("░─○●▲│┤└", ":-o#^|++"))
    assert plain.isascii()
    assert plain == swapped


def test_colour_changes_nothing_but_colour() -> None:
    coloured = steady(12, RISING, change_week=date(2025, 10, 6), colour=True)
    assert COLOURS.sub("", coloured) == GOLDEN
    assert coloured.count("\x1b[1;31m●") == 4


@pytest.mark.parametrize("width", [24, 30, 40, 60, 72, 120])
@pytest.mark.parametrize("weeks", [1, 2, 12, 60, 300])
@pytest.mark.parametrize("flagged", [0, 5, 299])
def test_no_line_is_wider_than_asked(width: int, weeks: int, flagged: int) -> None:
    rates: list[float | None] = [0.1 + 0.001 * (week % 50) for week in range(weeks)]
    chart = steady(weeks, rates, change_week=MONDAY + timedelta(weeks=flagged), width=width, as_of=date(2031, 1, 5))
    assert max(map(len, chart.splitlines())) <= width


@pytest.mark.parametrize("height", [3, 5, 8, 20])
def test_no_chart_is_taller_than_asked(height: int) -> None:
    plot = [line for line in steady(12, RISING, height=height).splitlines() if "│" in line or "┤" in line]
    assert 3 <= len(plot) <= height


def test_the_mark_stands_beneath_the_flagged_week() -> None:
    lines = steady(12, RISING, change_week=date(2025, 9, 29)).splitlines()
    flag = next(line for line in lines if "▲" in line)
    first_outside = min(line.index("●") for line in lines[:7] if "●" in line)
    assert flag.index("▲") == first_outside


def test_a_flagged_week_off_the_page_is_named_in_words() -> None:
    chart = steady(12, RISING, change_week=date(2025, 1, 6))
    assert "first flagged Jan 6, 2025" in chart
    assert "▲" not in chart


def test_no_flagged_week_leaves_no_mark() -> None:
    assert "flagged" not in steady(12, RISING)


@pytest.mark.parametrize("absent", [None, math.nan])
def test_a_week_without_figures_stays_blank(absent: float | None) -> None:
    chart = band_chart(mondays(3), [0.1, absent, 0.1], [0.05, absent, 0.05], [0.15, absent, 0.15])
    plot = [re.split("[│┤]", line)[1].ljust(12) for line in chart.splitlines() if re.search("[│┤]", line)]
    assert all(line[4:8] == "    " for line in plot)
    assert any(line[0] == line[8] == "░" for line in plot)
    assert chart.count("○") == 2 + 1


def test_a_week_left_out_of_the_list_leaves_its_gap() -> None:
    without = band_chart([MONDAY, MONDAY + timedelta(weeks=2)], [0.1, 0.1], [0.05] * 2, [0.15] * 2)
    blank = band_chart(mondays(3), [0.1, None, 0.1], [0.05, None, 0.05], [0.15, None, 0.15])
    assert without == blank


def test_a_point_just_outside_the_band_stands_clear_of_it() -> None:
    chart = band_chart(mondays(2), [0.152, 0.048], [0.05] * 2, [0.15] * 2)
    assert chart.count("●") == 2 + 1
    for line in chart.splitlines()[:-1]:
        assert not ("●" in line and "░" in line)


def test_a_band_thinner_than_a_row_is_still_seen() -> None:
    chart = band_chart(mondays(3), [0.5] * 3, [0.101] * 3, [0.103] * 3)
    assert "░░░░░░░░░░░░" in chart


def test_a_single_week_is_drawn() -> None:
    chart = steady(1, [0.3])
    assert "●" in chart
    assert "Aug 4, 2025 (as of Aug 10)" in chart


def test_figures_all_equal_are_drawn() -> None:
    chart = band_chart(mondays(5), [0.2] * 5, [0.2] * 5, [0.2] * 5)
    assert chart.splitlines()[:3][-1].startswith("20% ┤")
    assert chart.splitlines()[2].count("○") == 5


def test_all_zero_is_drawn_on_the_floor() -> None:
    assert band_chart(mondays(4), [0.0] * 4, [0.0] * 4, [0.0] * 4).splitlines()[2].startswith("0% ┤")


@pytest.mark.parametrize("weeks", [0, 4])
def test_nothing_to_draw_is_said(weeks: int) -> None:
    nothing: list[float | None] = [None] * weeks
    assert band_chart(mondays(weeks), nothing, nothing, nothing) == "nothing to draw yet"


def test_a_history_too_long_for_the_page_shows_its_end() -> None:
    chart = steady(300, [0.9] * 100 + [0.1] * 200)
    assert (MONDAY + timedelta(weeks=299)).strftime("%Y") in chart
    assert "Aug 4, 2025" not in chart
    assert "90%" not in chart


def test_days_and_decisions_are_named_and_carry_no_percent_sign() -> None:
    for unit, words in (("days", "a week's days"), ("decisions", "a week's decisions")):
        chart = band_chart(mondays(9), [14.0] * 9, [10.0] * 9, [20.0] * 9, unit=unit)  # type: ignore[arg-type]
        assert words in chart
        assert "%" not in chart


def test_a_label_says_what_a_point_is() -> None:
    assert "○ decided of those waiting   ●" in steady(12, RISING, label="decided of those waiting")


def test_thousands_are_separated_on_the_axis() -> None:
    assert "1,800 ┤" in band_chart(mondays(2), [1900.0] * 2, [0.0] * 2, [2000.0] * 2, unit="decisions")


def test_figures_far_from_zero_use_the_whole_height() -> None:
    chart = band_chart(mondays(2), [30.0, 34.0], [28.0] * 2, [33.0] * 2, unit="days")
    assert not re.search(r"^ *0 ┤", chart, re.MULTILINE)


def test_the_day_up_to_which_is_known_can_be_another_year() -> None:
    assert "Oct 20, 2025 (as of Jan 3, 2026)" in steady(12, RISING, as_of=date(2026, 1, 3))


@pytest.mark.parametrize(("height", "width"), [(2, 72), (8, 23)])
def test_a_page_too_small_is_refused(height: int, width: int) -> None:
    with pytest.raises(ValueError, match="a chart needs a width of 24 and a height of 3"):
        steady(12, RISING, height=height, width=width)


def test_figures_that_do_not_match_the_weeks_are_refused() -> None:
    with pytest.raises(ValueError, match="2 figures for 3 weeks"):
        band_chart(mondays(3), [0.1] * 3, [0.1] * 2, [0.1] * 3)
