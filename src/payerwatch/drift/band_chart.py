"""A small chart for the terminal: what was observed each week against the band of what was expected."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Literal

Unit = Literal["%", "days", "decisions"]
Values = Sequence[float | None]
Cell = tuple[str, str]

NARROWEST, LOWEST = 24, 3
WIDEST_WEEK = 4
NICE_STEPS = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
ALMOST = 1e-9
SMALLEST_STEP = 1.0
POINTS: dict[Unit, str] = {"%": "a week's share", "days": "a week's days", "decisions": "a week's decisions"}
RESET = "\x1b[0m"


@dataclass(frozen=True)
class Marks:
    """The characters a chart is drawn with."""

    band: str
    expected: str
    inside: str
    outside: str
    flag: str
    side: str
    tick: str
    corner: str
    floor: str


UNICODE = Marks(band="░", expected="─", inside="○", outside="●", flag="▲", side="│", tick="┤", corner="└", floor="─")
ASCII = Marks(band=":", expected="-", inside="o", outside="#", flag="^", side="|", tick="+", corner="+", floor="-")
PAINT = {"band": "\x1b[2m", "expected": "\x1b[2m", "outside": "\x1b[1;31m", "flag": "\x1b[1;33m"}


@dataclass(frozen=True)
class _Week:
    """One week's figures in the chart's unit; None where there is nothing to draw."""

    monday: date
    observed: float | None
    low: float | None
    high: float | None
    expected: float | None

    @property
    def is_outside(self) -> bool:
        """Whether the observation lies beyond a bound that is known."""
        if self.observed is None:
            return False
        below = self.low is not None and self.observed < self.low
        return below or (self.high is not None and self.observed > self.high)

    @property
    def values(self) -> list[float]:
        """The figures there are."""
        figures = (self.observed, self.low, self.high, self.expected)
        return [figure for figure in figures if figure is not None]


@dataclass(frozen=True)
class _Scale:
    """Rows from the bottom (row 0) up, `step` apart, so that every row stands for a round value."""

    bottom: float
    step: float
    height: int

    def row(self, value: float) -> int:
        """The row nearest to a figure."""
        return min(max(round((value - self.bottom) / self.step), 0), self.height - 1)

    def rows(self, low: float, high: float) -> range:
        """The rows from `low` to `high`; the nearest to their middle if they lie between two rows."""
        first = math.ceil((low - self.bottom) / self.step - ALMOST)
        last = math.floor((high - self.bottom) / self.step + ALMOST)
        middle = self.row((low + high) / 2)
        return range(first, last + 1) if first <= last else range(middle, middle + 1)

    def value(self, row: int) -> float:
        return self.bottom + row * self.step


@dataclass(frozen=True)
class _Frame:
    """Where things stand across the page: `margin` characters of labels, then `per_week` columns a week."""

    first: date
    last: date
    margin: int
    per_week: int

    @property
    def columns(self) -> int:
        return self.column(self.last) + self.per_week

    def column(self, monday: date) -> int:
        """The first column of a week, counted from the margin."""
        return (monday - self.first).days // 7 * self.per_week

    def middle(self, monday: date) -> int:
        """The column of a week's point, counted from the margin."""
        return self.column(monday) + self.per_week // 2


def band_chart(
    weeks: Sequence[date],
    observed: Values,
    low: Values,
    high: Values,
    *,
    expected: Values | None = None,
    change_week: date | None = None,
    as_of: date | None = None,
    unit: Unit = "%",
    label: str | None = None,
    height: int = 8,
    width: int = 72,
    unicode: bool = True,
    colour: bool = False,
) -> str:
    """Lines of text, none wider than `width` characters (colour codes not counted), without a final line end.

    weeks: Mondays in ascending order; a week left out stays blank; only the latest that fit are drawn.
    observed, low, high, expected: one figure per week, rates 0..1 for "%", else counts or days; None and
        NaN are not drawn. change_week: the week first flagged, marked beneath.
    label: what a point is, such as "share denied"; else named by the unit.
    as_of: the day up to which is known; the last week's Sunday where not given.
    Raises ValueError for a width under 24, a height under 3 or figures that do not match the weeks in number.
    """
    _refuse_misfits(weeks, (observed, low, high, expected), height, width)
    figures = (observed, low, high, [None] * len(weeks) if expected is None else expected)
    known = _weeks(weeks, figures, unit)
    known = [week for week in known if known[-1].monday - week.monday < timedelta(weeks=width)]
    if not any(week.values for week in known):
        return "nothing to draw yet"
    marks = UNICODE if unicode else ASCII
    scale = _scale(known, height)
    labels = [_label(scale.value(row), unit) for row in range(scale.height)]
    frame = _frame(known, max(map(len, labels)) + 2, width)
    shown = [week for week in known if week.monday >= frame.first]
    rows = [_painted(cells, colour) for cells in _trimmed(_cells(shown, scale, frame, marks))]
    plot = [_axis(labels[row], row, frame, marks) + rows[row] for row in reversed(range(len(rows)))]
    floor = " " * (frame.margin - 1) + marks.corner + marks.floor * frame.columns
    flag = [_flag_line(change_week, frame, marks, width, colour)] if change_week else []
    dates = _date_line(frame, as_of or frame.last + timedelta(days=6), width)
    legend = _legend(marks, label or POINTS[unit], width, has_line=expected is not None)
    return "\n".join(line.rstrip() for line in [*plot, floor, *flag, dates, legend])


def _refuse_misfits(weeks: Sequence[date], figures: Sequence[Values | None], height: int, width: int) -> None:
    if width < NARROWEST or height < LOWEST:
        raise ValueError(f"a chart needs a width of {NARROWEST} and a height of {LOWEST}, not {width} and {height}")
    for values in figures:
        if values is not None and len(values) != len(weeks):
            raise ValueError(f"{len(values)} figures for {len(weeks)} weeks")


def _weeks(mondays: Sequence[date], figures: Sequence[Values], unit: Unit) -> list[_Week]:
    factor = 100.0 if unit == "%" else 1.0
    rows = zip(mondays, *figures, strict=True)
    return [_Week(monday, *(_figure(value, factor) for value in values)) for monday, *values in rows]


def _figure(value: float | None, factor: float) -> float | None:
    return None if value is None or not math.isfinite(value) else value * factor


def _scale(weeks: list[_Week], height: int) -> _Scale:
    """Round rows that hold every figure; from zero unless all figures are far above it."""
    figures = [figure for week in weeks for figure in week.values]
    lowest, highest = min(figures), max(figures)
    start = min(lowest, 0.0) if lowest < highest / 2 or lowest <= 0 else lowest
    step = _nice(max((highest - start) / (height - 1), SMALLEST_STEP))
    while math.floor(start / step) * step + (height - 1) * step < highest:
        step = _nice(step * 1.01)
    bottom = math.floor(start / step) * step
    rows = math.ceil((highest - bottom) / step - ALMOST) + 1
    return _Scale(bottom, step, max(rows, LOWEST))


def _nice(step: float) -> float:
    """The least nice step, times a power of ten, that is not below `step`."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(nice * power for nice in NICE_STEPS if nice * power >= step * (1 - ALMOST))


def _label(value: float, unit: Unit) -> str:
    return f"{value:,.0f}%" if unit == "%" else f"{value:,.0f}"


def _frame(weeks: list[_Week], margin: int, width: int) -> _Frame:
    """As wide as the weeks allow; of a history too long for the page, the end."""
    last, room = weeks[-1].monday, width - margin
    first = max(weeks[0].monday, last - timedelta(weeks=room - 1))
    span = (last - first).days // 7 + 1
    return _Frame(first, last, margin, min(room // span, WIDEST_WEEK))


def _axis(label: str, row: int, frame: _Frame, marks: Marks) -> str:
    """Every second row is labelled."""
    text = label if row % 2 == 0 else ""
    return f"{text:>{frame.margin - 2}} {marks.tick if text else marks.side}"


def _cells(weeks: list[_Week], scale: _Scale, frame: _Frame, marks: Marks) -> list[list[Cell]]:
    """Rows from the bottom up of (character, kind) cells; a point hides the line, the line hides the band."""
    cells: list[list[Cell]] = [[(" ", "")] * frame.columns for _ in range(scale.height)]
    for week in weeks:
        columns = range(frame.column(week.monday), frame.column(week.monday) + frame.per_week)
        for column in columns:
            for row in _band_rows(week, scale):
                cells[row][column] = (marks.band, "band")
            if week.expected is not None:
                cells[scale.row(week.expected)][column] = (marks.expected, "expected")
        if week.observed is not None:
            mark = (marks.outside, "outside") if week.is_outside else (marks.inside, "inside")
            cells[_point_row(week.observed, week, scale)][frame.middle(week.monday)] = mark
    return cells


def _trimmed(cells: list[list[Cell]]) -> list[list[Cell]]:
    """Without the empty rows at the top."""
    filled = [number for number, row in enumerate(cells) if any(kind for _, kind in row)]
    return cells[: max(filled[-1] + 1, LOWEST)]


def _band_rows(week: _Week, scale: _Scale) -> range:
    return range(0) if week.low is None or week.high is None else scale.rows(week.low, week.high)


def _point_row(observed: float, week: _Week, scale: _Scale) -> int:
    """The nearest row, but never one in the band for a point outside of it."""
    row, band = scale.row(observed), _band_rows(week, scale)
    if row in band and week.high is not None and observed > week.high:
        row = band.stop
    if row in band and week.low is not None and observed < week.low:
        row = band.start - 1
    return min(max(row, 0), scale.height - 1)


def _painted(cells: list[Cell], colour: bool) -> str:
    if not colour:
        return "".join(mark for mark, _ in cells)
    runs = [("".join(mark for mark, _ in run), kind) for kind, run in groupby(cells, key=itemgetter(1))]
    return "".join(f"{PAINT[kind]}{text}{RESET}" if kind in PAINT else text for text, kind in runs)


def _flag_line(monday: date, frame: _Frame, marks: Marks, width: int, colour: bool) -> str:
    """The mark beneath the week first flagged, its date beside it where there is room."""
    words = f"first flagged {_day(monday)}"
    if not frame.first <= monday <= frame.last:
        return words[:width]
    at = frame.margin + frame.middle(monday)
    mark = f"{PAINT['flag']}{marks.flag}{RESET}" if colour else marks.flag
    if at > len(words):
        return f"{words.rjust(at - 1)} {mark}"
    return f"{' ' * at}{mark} {words}" if at + 2 + len(words) <= width else " " * at + mark


def _date_line(frame: _Frame, as_of: date, width: int) -> str:
    """First week, last week and the day up to which is known, as far as there is room."""
    known = f"{_day(frame.last)} (as of {_day(as_of).removesuffix(f', {frame.last.year}')})"
    lines = [" " * frame.margin + known]
    if frame.first < frame.last:
        first = " " * frame.margin + _day(frame.first)
        room = min(width, max(frame.margin + frame.columns, len(first) + 2 + len(known))) - len(first)
        lines = [first + last.rjust(room) for last in (known, _day(frame.last)) if len(last) + 2 <= room]
    return next((line for line in lines if len(line) <= width), known[:width])


def _legend(marks: Marks, label: str, width: int, *, has_line: bool) -> str:
    """What the marks mean, in as many words as fit on one line."""
    middle = f" (middle {marks.expected})" if has_line else ""
    outside = f"{marks.outside} outside the expected range {marks.band}"
    most = f"{marks.inside} {label}   {outside}"
    legends = (f"{most}{middle}", most, outside, f"{marks.outside} outside {marks.band}")
    return next(legend for legend in legends if len(legend) <= width)


def _day(day: date) -> str:
    return f"{day:%b} {day.day}, {day.year}"
