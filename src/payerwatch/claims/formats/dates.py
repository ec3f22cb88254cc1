"""Dates as practice-management systems write them, and which of day and month comes first in a file."""

import re
from datetime import date
from typing import Literal, NamedTuple

DateOrder = Literal["mdy", "dmy", "ymd"]
DATE_ORDERS: tuple[DateOrder, ...] = ("mdy", "dmy", "ymd")
EARLIEST = date(1990, 1, 1)
_SERIALS = range(32_874, 80_000)  # a spreadsheet's day numbers of 1990 to 2119

BLANKS = frozenset(
    ["", "n/a", "na", "null", "none", "nil", "nan", "nat", "-", "--", "---", ".", "#n/a", "\\n", "?", "(blank)", "tbd"]
)
_NO_DATE = frozenset(
    [
        *("0000-00-00", "00/00/0000", "0/0/0000", "00/00/00", "00000000", "0001-01-01", "01/01/0001"),
        *("1900-01-01", "01/01/1900", "1/1/1900", "1900-01-00", "1/0/1900", "01/00/1900", "1753-01-01"),
        *("9999-12-31", "12/31/9999", "31/12/9999"),
    ]
)
_MONTH_NAMES = (
    *("jan january", "feb february", "mar march", "apr april", "may", "jun june", "jul july", "aug august"),
    *("sep sept september", "oct october", "nov november", "dec december"),
)
_MONTHS = {name: number for number, names in enumerate(_MONTH_NAMES, start=1) for name in names.split()}
_TIME = re.compile(
    r"[T ,]+\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?\s*(?:[AaPp]\.?[Mm]\.?)?\s*(?:Z|UTC|GMT|[A-Z]{3}|[+-]\d{2}:?\d{2})?$"
)
_WEEKDAY = re.compile(r"^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+", re.IGNORECASE)
_NUMBERS = re.compile(r"(\d{1,4})\s?([-/. ])\s?(\d{1,2})\s?\2\s?(\d{1,4})\.?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_DAY_MONTH = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?[-/., ]*([a-z]{3,9})\.?[-/., ]*(\d{4}|\d{2})", re.IGNORECASE)
_MONTH_DAY = re.compile(r"([a-z]{3,9})\.?[-/., ]*(\d{1,2})(?:st|nd|rd|th)?[-/., ]+(\d{4}|\d{2})", re.IGNORECASE)
_YEAR_MONTH_DAY = re.compile(r"(\d{4})[-/., ]*([a-z]{3,9})\.?[-/., ]*(\d{1,2})", re.IGNORECASE)
_SERIAL = re.compile(r"(\d{5})(?:\.\d+)?")


class Parts(NamedTuple):
    """A date taken apart: three numbers and, where the writing itself settles it, their order.

    `is_short` where the last number has two digits, so that it may be a day as well as a year.
    """

    first: int
    second: int
    third: int
    order: DateOrder | None
    is_short: bool = False


class DateReading(NamedTuple):
    """A date, or why there is none: `missing`, `invalid`, `serial` or `out_of_range`."""

    value: date | None
    problem: str | None


def is_blank(text: str) -> bool:
    """Whether a cell says nothing: empty, N/A, a dash and the like."""
    return text.strip().lower() in BLANKS


def read_date(text: str, order: DateOrder | None) -> DateReading:
    """The date a cell means, days and months told apart by `order` unless its writing settles that."""
    plain = text.strip()
    if is_blank(plain) or plain in _NO_DATE:
        return DateReading(None, "missing")
    parts = take_apart(plain)
    if parts is None:
        serial = _SERIAL.fullmatch(plain)
        return DateReading(None, "serial" if serial and int(serial[1]) in _SERIALS else "invalid")
    value = _as_date(parts, order)
    if value is None:
        return DateReading(None, "invalid")
    return DateReading(value, None) if value >= EARLIEST else DateReading(None, "out_of_range")


def take_apart(text: str) -> Parts | None:
    """The three numbers of a date, or None where the cell is no date."""
    if not any(character.isdigit() for character in text) or len(text) > 60:
        return None
    plain = _WEEKDAY.sub("", _TIME.sub("", text.strip())).strip()
    if numbers := _NUMBERS.fullmatch(plain):
        return _numeric(numbers[1], numbers[3], numbers[4])
    if compact := _COMPACT.fullmatch(plain):
        return _compact(compact)
    return _with_month_name(plain)


def order_proven(parts: Parts) -> DateOrder | Literal["either"] | None:
    """The order one date proves; `either` where both readings are different dates; None where it says nothing."""
    if parts.order is not None or parts.first == parts.second:
        return None
    as_mdy, as_dmy = _as_date(parts, "mdy"), _as_date(parts, "dmy")
    if as_mdy and as_dmy:
        return "either"
    return "mdy" if as_mdy else "dmy" if as_dmy else None


def _numeric(first: str, second: str, third: str) -> Parts | None:
    if len(first) == 4:
        return Parts(int(first), int(second), int(third), "ymd") if len(third) <= 2 else None
    if len(first) == 3 or len(third) not in (2, 4):
        return None
    is_short = len(third) == 2
    year = int(third) + (_century(int(third)) if is_short else 0)
    return Parts(int(first), int(second), year, None, is_short)


def _compact(match: re.Match[str]) -> Parts | None:
    if 1900 <= int(match[1]) <= 2199:
        return Parts(int(match[1]), int(match[2]), int(match[3]), "ymd")
    digits = match[0]
    return Parts(int(digits[:2]), int(digits[2:4]), int(digits[4:]), None)


def _with_month_name(plain: str) -> Parts | None:
    if found := _DAY_MONTH.fullmatch(plain):
        day, month, year = found[1], found[2], found[3]
    elif found := _MONTH_DAY.fullmatch(plain):
        month, day, year = found[1], found[2], found[3]
    elif found := _YEAR_MONTH_DAY.fullmatch(plain):
        year, month, day = found[1], found[2], found[3]
    else:
        return None
    if month.lower() not in _MONTHS:
        return None
    full_year = int(year) + (_century(int(year)) if len(year) == 2 else 0)
    return Parts(full_year, _MONTHS[month.lower()], int(day), "ymd")


def _century(two_digits: int) -> int:
    return 2000 if two_digits < 70 else 1900


def _as_date(parts: Parts, order: DateOrder | None) -> date | None:
    first, second, third, _, is_short = parts
    year, month, day = third, first, second
    match parts.order or order:
        case "ymd" if parts.order:
            year, month, day = first, second, third
        case "ymd" if is_short:
            year, month, day = first + _century(first), second, third % 100
        case "dmy":
            month, day = second, first
        case None | "ymd" if first != second:
            return None
    try:
        return date(year, month, day)
    except ValueError:
        return None
