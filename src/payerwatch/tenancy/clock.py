"""The time by which things fall due, one for all machines: the database's, as far as this process was told it.

Jobs wait in the database until its clock has come to their time. What a worker whose own clock is behind or ahead
takes for due would else be put back at once, again and again, or come an hour late.
"""

import time
from datetime import datetime, timedelta
from typing import NamedTuple

from django.utils import timezone


class _Told(NamedTuple):
    clock: datetime
    at: float
    """By this machine's monotonic clock, which nobody sets."""


_told: list[_Told] = []


def go_by(clock: datetime, *, asked_at: float) -> None:
    """Go by the database's clock, which was asked at that moment of `time.monotonic()`."""
    _told[:] = [_Told(clock, asked_at)]


def now() -> datetime:
    """The database's time where it was told, in a worker; else this machine's."""
    if not _told:
        return timezone.now()
    [last] = _told
    return last.clock + timedelta(seconds=time.monotonic() - last.at)
