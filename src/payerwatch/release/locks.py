"""Locks on files, each held until the file is closed, here and in all that it was handed down to."""

import fcntl
import time
from collections.abc import Callable
from typing import IO

LOOKED_AT_WITHIN = 0.5
"""Seconds: whoever only looks whether there is a lock has it for a moment."""


def lock(file: IO[str], how: int) -> bool:
    """Whether it can be had: LOCK_EX alone, LOCK_SH beside others."""
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def true_within(seconds: float, is_so: Callable[[], bool]) -> bool:
    """Whether it comes to be so, in so many seconds at most."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
