"""What one process counts, in a file of which every page is on the disk before it is written to.

The library grows its files without having their pages: on a full disk the first count that needs one would end the
process (SIGBUS). Here a count for which there is no room stays with its process, and is told to the others as a whole
once there is. See `mmap(2)`, `posix_fallocate(3)`.
"""

import os
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

from prometheus_client import mmap_dict

MmapedDict: Any = mmap_dict.MmapedDict  # it has no types
FIRST_SIZE = 1 << 16
LOOK_AGAIN_AFTER = 1.0
"""Seconds for which a full disk is not asked for room again."""
_AROUND_A_KEY = 32
"""Bytes, at most: its length, what it is filled up with, the value and its time."""


class SharedFile:
    """In the place of the library's dictionary in a file, for the values of one process. Not safe between threads."""

    def __init__(self, name: str) -> None:
        self._path = Path(name)
        self._kept: _OnDisk | None = None
        self._look_again_at = float("-inf")

    def read_value(self, key: str) -> tuple[float, float]:
        """The value and its time: nothing, where the file has no room for it."""
        kept = self._with_room_for(key)
        value, timestamp = kept.read_value(key) if kept else (0.0, 0.0)
        return value, timestamp

    def write_value(self, key: str, value: float, timestamp: float) -> None:
        kept = self._with_room_for(key)
        if kept:
            kept.write_value(key, value, timestamp)

    def close(self) -> None:
        if self._kept:
            self._kept.close()

    def _with_room_for(self, key: str) -> "_OnDisk | None":
        if self._kept and self._kept.has(key):
            return self._kept
        if monotonic() < self._look_again_at:
            return None
        try:
            if self._kept is None:
                _make(self._path)
                self._kept = _OnDisk(str(self._path))
            self._kept.make_room_for(key)
        except OSError:
            self._look_again_at = monotonic() + LOOK_AGAIN_AFTER
            return None
        return self._kept


class _OnDisk(MmapedDict):
    def has(self, key: str) -> bool:
        return key in self._positions

    def make_room_for(self, key: str) -> None:
        """Raises OSError where the disk has none."""
        size, wanted = self._capacity, self._used + len(key.encode()) + _AROUND_A_KEY
        while size < wanted:
            size *= 2
        os.posix_fallocate(self._f.fileno(), 0, size)


def _make(path: Path) -> None:
    """Whole or not at all, as whoever collects reads each that is there. Raises OSError."""
    if path.exists():
        return
    beside = path.with_suffix(".new")
    try:
        with beside.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, FIRST_SIZE)
        beside.replace(path)
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
