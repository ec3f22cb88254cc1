"""Being told to end: once, at most, and never while something is done that must not be left half done."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_TOLD_BY = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupted_once() -> None:
    """From now on the first of these signals raises KeyboardInterrupt. No other does: going back is not cut short."""
    for each in _TOLD_BY:
        signal.signal(each, _interrupt)


@contextmanager
def undisturbed() -> Iterator[None]:
    """What comes meanwhile is disregarded. What is started meanwhile hears it all the same."""
    before = {each: signal.signal(each, _disregard) for each in _TOLD_BY}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    for each in _TOLD_BY:
        signal.signal(each, _disregard)
    raise KeyboardInterrupt


def _disregard(_number: int, _frame: FrameType | None) -> None:
    """Not SIG_IGN, which would be handed down to what is started."""
