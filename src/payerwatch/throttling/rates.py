"""How often something may be done: `5/15m`, `100/h`, `20/30s`, `1000/1d`, or with an ISO 8601 duration, `5/PT15M`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from payerwatch.throttling.refusals import RateUnreadable

MICROSECONDS = 1_000_000  # in a second
MOST_TIMES = 100_000  # every hit within the window is kept
LONGEST_WINDOW = 366 * 86_400  # seconds

_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_RATE = re.compile(r"(?P<limit>[1-9][0-9]{0,8})/(?:(?P<count>[1-9][0-9]{0,8})?(?P<unit>[a-zA-Z]+)|(?P<iso>P[^\s/]+))")
_ISO = re.compile(
    r"P(?!$)(?:(?P<w>[0-9]{1,9})W|(?:(?P<d>[0-9]{1,9})D)?"
    r"(?:T(?!$)(?:(?P<h>[0-9]{1,9})H)?(?:(?P<m>[0-9]{1,9})M)?(?:(?P<s>[0-9]{1,9})S)?)?)"
)
_ISO_SECONDS = {"w": 7 * 86_400, **_SECONDS}
_MAY_BE_WRITTEN = (
    "Write a whole number, a slash and a window in s, m (minutes), h or d, such as 20/30s, 5/15m, 100/h, 1000/1d; "
    "or an ISO 8601 duration of weeks, days, hours, minutes or seconds, such as 5/PT15M."
)


@dataclass(frozen=True)
class Rate:
    """At most `limit` times in any `seconds` seconds, wherever those begin."""

    limit: int
    seconds: int

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= MOST_TIMES:
            raise RateUnreadable(f"{self.limit} times is not between 1 and {MOST_TIMES}", fix=_MAY_BE_WRITTEN)
        if not 1 <= self.seconds <= LONGEST_WINDOW:
            raise RateUnreadable(f"A window of {self.seconds} s is not between 1 s and 366 days", fix=_MAY_BE_WRITTEN)

    @property
    def window(self) -> int:
        """The window's length in microseconds, in which hits are counted."""
        return self.seconds * MICROSECONDS

    def __str__(self) -> str:
        """The one way of writing it that reads back as the same rate: in the largest unit that divides the window."""
        unit = next(unit for unit, length in _SECONDS.items() if self.seconds % length == 0)
        count = self.seconds // _SECONDS[unit]
        return f"{self.limit}/{'' if count == 1 else count}{unit}"


@lru_cache(maxsize=256)
def read_rate(text: str) -> Rate:
    """The rate written in the text. Raises RateUnreadable for any other word, such as `5/month` or `5/M`."""
    found = _RATE.fullmatch(text.strip())
    if found is None:
        raise _unreadable(text)
    if found["iso"]:
        return Rate(int(found["limit"]), _iso_seconds(text, found["iso"]))
    if found["unit"] not in _SECONDS:
        raise _unreadable(text)
    return Rate(int(found["limit"]), int(found["count"] or 1) * _SECONDS[found["unit"]])


def _iso_seconds(text: str, duration: str) -> int:
    found = _ISO.fullmatch(duration)
    if found is None:
        raise _unreadable(text)
    return sum(int(number) * _ISO_SECONDS[unit] for unit, number in found.groupdict().items() if number)


def _unreadable(text: str) -> RateUnreadable:
    return RateUnreadable(
        f"{text[:40]!r} is not a rate", fix=f"{_MAY_BE_WRITTEN} Months and years have no fixed length."
    )
