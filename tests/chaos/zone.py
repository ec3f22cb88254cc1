"""New York as processes know it that are told so: what time it is there, and when its summer time ends, a test says.

So summer time ends while the product runs, by the true clocks of all machines. The stretch that comes twice, which is
an hour in the real New York, is as short as the test wishes.
"""

import os
import struct
import zoneinfo
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

NAME = "America/New_York"
_ALWAYS = -(2**40)  # before anything happened
_HEAD = struct.Struct(">4sc15x6l")
_TYPE = struct.Struct(">lbb")  # seconds east of UTC, whether it is summer time, where its name begins
_NAMES = b"EDT\0EST\0"
_NOON = timedelta(hours=12)


class Zone:
    """Its file is read by each process once, when it first needs it."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / NAME
        self._file.parent.mkdir(parents=True)
        self.told = {"PYTHONTZPATH": os.pathsep.join([str(folder), *zoneinfo.TZPATH])}

    def comes_to(self, hour: int, at: datetime, *, goes_back_at: datetime, by: timedelta) -> date:
        """Let it be this hour at that moment, and let the clocks go back later; the day that it is."""
        summer = _within_half_a_day(timedelta(hours=hour) - (at - at.replace(hour=0, minute=0, second=0)))
        self._file.write_bytes(_written(summer, goes_back_at, summer - by))
        return (at.astimezone(UTC) + summer).date()


def _within_half_a_day(offset: timedelta) -> timedelta:
    return (offset + _NOON) % (2 * _NOON) - _NOON


def _written(summer: timedelta, ends: datetime, winter: timedelta) -> bytes:
    """https://www.rfc-editor.org/rfc/rfc9636, version 2: a part for those who know no other, and the one meant."""
    unread = _HEAD.pack(b"TZif", b"2", 0, 0, 0, 0, 1, 1) + _TYPE.pack(0, 0, 0) + b"\0"
    moments = struct.pack(">2q", _ALWAYS, int(ends.timestamp())) + bytes([0, 1])
    types = _TYPE.pack(int(summer.total_seconds()), 1, 0) + _TYPE.pack(int(winter.total_seconds()), 0, 4)
    return unread + _HEAD.pack(b"TZif", b"2", 0, 0, 0, 2, 2, len(_NAMES)) + moments + types + _NAMES + b"\n\n"
