"""The exact sliding window, as functions of a bucket's log: the times of its hits in microseconds, oldest first.

1. What is as old as the window or older is dropped: a window includes its beginning and not its end.
2. A hit in the future means that the clock stepped back. It happened at the latest now, so it is set to now:
   it counts longer than it needed to, and nobody waits longer than one window.
3. There is room while fewer than `limit` are left; then the hit is added.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from payerwatch.throttling.rates import MICROSECONDS, Rate


@dataclass(frozen=True)
class Held:
    """A bucket's log in two numbers: how many hits it holds, and the time of the one that has to leave next.

    That is the oldest; where the limit was lowered, the one whose leaving brings the log below it. None: no hits.
    """

    hits: int
    leaves: int | None


def settled(log: Sequence[int], rate: Rate, now: int) -> list[int]:
    """The log as it counts at `now`: what has left the window dropped, what lies in the future set to now."""
    kept = log[bisect_right(log, now - rate.window) :]
    return [min(at, now) for at in kept]


def has_room(log: Sequence[int], rate: Rate) -> bool:
    """Whether one more hit may be added to a settled log."""
    return len(log) < rate.limit


def held(log: Sequence[int], rate: Rate) -> Held:
    """A settled log in two numbers."""
    return Held(len(log), log[max(len(log) - rate.limit, 0)] if log else None)


def seconds_until_room(state: Held, rate: Rate, now: int) -> int:
    """Whole seconds, rounded up, until one more hit finds room that finds none before; a window where none is held."""
    if state.leaves is None:
        return rate.seconds
    return -(-(state.leaves + rate.window - now) // MICROSECONDS)
