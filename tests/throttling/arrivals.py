"""Invented arrivals, and how many of those let in any one window holds."""

import random
from collections.abc import Iterator, Sequence

from payerwatch.throttling.rates import Rate

CALM, BURST, ON_THE_EDGE, SIMULTANEOUS, LULL = range(5)


def arrivals(rate: Rate, seed: int) -> Iterator[int]:
    """Times in microseconds, never falling: calm stretches, bursts, arrivals exactly a window apart, and lulls."""
    rng = random.Random(seed)
    now, window = 1_000_000_000, rate.window
    while True:
        kind = rng.choices((CALM, BURST, ON_THE_EDGE, SIMULTANEOUS, LULL), weights=(8, 6, 3, 3, 1))[0]
        for _ in range(rng.randint(1, 2 * rate.limit)):
            now += _gap(kind, rng, rate, window)
            yield now


def _gap(kind: int, rng: random.Random, rate: Rate, window: int) -> int:
    if kind == CALM:
        return int(rng.expovariate(1.0) * window / rate.limit)
    if kind == BURST:
        return rng.randint(0, 1_000)
    if kind == ON_THE_EDGE:
        return rng.choice((window - 1, window, window + 1, window // rate.limit, 1))
    return 0 if kind == SIMULTANEOUS else int(rng.expovariate(1.0) * window)


def most_in_any_window(times: Sequence[int], window: int) -> int:
    """The most of the times, which never fall, that lie in any [t, t + window)."""
    first, most = 0, 0
    for last, at in enumerate(times):
        while times[first] <= at - window:
            first += 1
        most = max(most, last - first + 1)
    return most
