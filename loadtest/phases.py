"""What is made of an open model's answers: figures of each phase, and what of them is not good enough."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from loadtest.arrivals import Answered, Phase

SHED = frozenset({429, 503})
MOST_P95 = 0.1  # seconds, below capacity
QUICK = 0.5  # seconds within which nineteen of twenty that are shed must know
LEAST_KEPT = 0.8  # of the capacity that must still be answered well beyond it
RECOVERS_WITHIN = 5  # seconds
MOST_LATE = 0.1  # seconds that the generator itself may be late, for one request in a hundred
BURST = 5  # seconds at the beginning of an overload, in which the server may still hope that it passes


class Figures(NamedTuple):
    """Of some requests; times are seconds from when each was due. `late` is how late it was sent."""

    requests: int
    good: int
    shed: int
    failed: int
    p50: float
    p95: float
    p99: float
    shed_p95: float
    late_p99: float


def percentile(values: Iterable[float], share: float) -> float:
    """The nearest rank: the least of the values that so large a share does not exceed. NaN of none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


def figures(answered: Sequence[Answered]) -> Figures:
    """Times are of those answered well, but for `shed_p95`."""
    good = [each.latency for each in answered if each.status == 200]
    shed = [each.latency for each in answered if each.status in SHED]
    return Figures(
        len(answered),
        len(good),
        len(shed),
        len(answered) - len(good) - len(shed),
        *(percentile(good, share) for share in (0.5, 0.95, 0.99)),
        percentile(shed, 0.95),
        percentile((each.sent - each.due for each in answered), 0.99),
    )


def due_between(answered: Iterable[Answered], begin: float, end: float) -> list[Answered]:
    return [each for each in answered if begin <= each.due < end]


def by_phase(answered: Sequence[Answered], phases: Sequence[Phase]) -> dict[str, list[Answered]]:
    found, begin = {}, 0.0
    for phase in phases:
        found[phase.name] = due_between(answered, begin, begin + phase.seconds)
        begin += phase.seconds
    return found


def recovered_after(answered: Sequence[Answered], begin: float, end: float) -> float:
    """Seconds until one in which nothing failed or was shed and p95 is as it must be; infinite where there is none."""
    for second in range(int(end - begin)):
        those = figures(due_between(answered, begin + second, begin + second + 1))
        if those.requests and those.good == those.requests and those.p95 < MOST_P95:
            return second
    return math.inf


def of_steady(those: Sequence[Answered]) -> list[str]:
    """What is wrong with a phase below capacity."""
    found, measured = [], figures(those)
    if measured.good != measured.requests:
        found.append(f"{measured.requests - measured.good} of {measured.requests} failed or were shed, none may")
    if not measured.p95 < MOST_P95:
        found.append(f"p95 {measured.p95 * 1000:.0f} ms, must be below {MOST_P95 * 1000:.0f} ms")
    return found + _of_generator(measured)


def of_overload(those: Sequence[Answered], capacity: float, begin: float, end: float) -> list[str]:
    """What is wrong with a phase beyond capacity, which is in requests a second."""
    found, measured = [], figures(those)
    if measured.failed:
        statuses = Counter(each.status for each in those if each.status not in {200, *SHED})
        found.append(f"{measured.failed} neither answered nor shed, by status: {dict(statuses)}")
    if not measured.shed:
        found.append("nothing was shed")
    if measured.shed_p95 > QUICK:
        found.append(f"p95 of what was shed {measured.shed_p95 * 1000:.0f} ms, must be below {QUICK * 1000:.0f} ms")
    settled = figures(due_between(those, begin + BURST, end))
    kept = settled.good / (end - begin - BURST) / capacity
    if kept < LEAST_KEPT:
        found.append(f"{kept:.0%} of capacity answered, must be {LEAST_KEPT:.0%}")
    return found + _of_generator(measured)


def of_recovery(those: Sequence[Answered], begin: float, end: float) -> list[str]:
    """What is wrong with a phase below capacity that follows an overload."""
    after = recovered_after(those, begin, end)
    if after >= RECOVERS_WITHIN:
        return [f"recovered after {after} s, must within {RECOVERS_WITHIN} s"]
    return of_steady(due_between(those, begin + RECOVERS_WITHIN, end))


def _of_generator(measured: Figures) -> list[str]:
    if measured.late_p99 <= MOST_LATE:
        return []
    return [f"the generator was {measured.late_p99 * 1000:.0f} ms late for one request in a hundred: nothing is known"]


def row(name: str, those: Sequence[Answered], seconds: float) -> str:
    measured, milliseconds = figures(those), _in_milliseconds
    times = (measured.p50, measured.p95, measured.p99, measured.shed_p95, measured.late_p99)
    counts = f"{measured.requests / seconds:>9.1f}{measured.good / seconds:>9.1f}"
    return f"{name:<20}{counts}{measured.shed:>8}{measured.failed:>8}" + "".join(map(milliseconds, times))


HEAD = f"{'':<20}{'asked/s':>9}{'good/s':>9}{'shed':>8}{'failed':>8}" + "".join(
    f"{name:>10}" for name in ("p50", "p95", "p99", "shed p95", "late p99")
)
_in_milliseconds: Callable[[float], str] = lambda seconds: f"{seconds * 1000:>7.1f} ms"  # noqa: E731
