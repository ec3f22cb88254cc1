"""Below capacity all are answered at once; beyond it what is too much is refused, and that passes with the load."""

import asyncio
import csv
import gc
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from loadtest.arrivals import Answered, Generator, Phase
from loadtest.phases import (
    HEAD,
    Figures,
    by_phase,
    due_between,
    figures,
    of_overload,
    of_recovery,
    of_steady,
    recovered_after,
    row,
)
from loadtest.serving import Unmeasurable, refuse_unless_answered, serving
from loadtest.tasks import TASKS, Caller

BELOW, BEYOND = 0.7, 1.5  # of the capacity
AT_ONCE = 16  # twice as many callers as a server has threads: none of these is ever without a request
WARM_UP, MEASURED, AFTER = 5, 20, 60  # seconds


class Overload(NamedTuple):
    capacity: float
    """Requests a second."""
    phases: tuple[Phase, Phase, Phase]
    """Below, beyond, and below again."""
    answered: list[Answered]

    @property
    def shortcomings(self) -> list[str]:
        below, beyond, again = self.phases
        parts = by_phase(self.answered, self.phases)
        ends = below.seconds + beyond.seconds
        found = {
            below.name: of_steady(parts[below.name]),
            beyond.name: of_overload(parts[beyond.name], self.capacity, below.seconds, ends),
            again.name: of_recovery(parts[again.name], ends, ends + again.seconds),
        }
        return [f"{name}: {each}" for name, those in found.items() for each in those]


def run(results: Path, callers: Sequence[Caller], seconds: float) -> list[str]:
    """Measure, say and keep it; what is not good enough. Raises Unmeasurable."""
    with serving(results / "full_server.log") as port:
        refuse_unless_answered(port, callers)
        gc.collect()
        gc.freeze()
        gc.disable()  # a pause of the generator's would be taken for the server's
        measured = asyncio.run(_measure(Generator(port, callers), seconds))
        gc.enable()
    _say(measured)
    _keep(results / "full_seconds.csv", measured)
    return measured.shortcomings


async def _measure(generator: Generator, seconds: float) -> Overload:
    await generator.saturate(AT_ONCE, WARM_UP)
    most = figures(await generator.saturate(AT_ONCE, MEASURED))
    if most.failed or not most.good:
        raise Unmeasurable(f"{most.failed} of {most.requests} failed while capacity was measured.")
    capacity = most.good / MEASURED
    print(f"capacity: {capacity:.0f} requests a second, by {AT_ONCE} callers who ask again at once\n", flush=True)
    phases = (
        Phase(f"at {BELOW:.0%}", capacity * BELOW, seconds),
        Phase(f"at {BEYOND:.0%}", capacity * BEYOND, seconds),
        Phase(f"at {BELOW:.0%} again", capacity * BELOW, AFTER),
    )
    return Overload(capacity, phases, await generator.offer(phases))


def _say(measured: Overload) -> None:
    parts = by_phase(measured.answered, measured.phases)
    print(HEAD)
    for phase in measured.phases:
        print(row(phase.name, parts[phase.name], phase.seconds))
    below, beyond, again = measured.phases
    print(f"\n{below.name}, by task\n{HEAD}")
    for task in TASKS:
        print(row(task.name, [each for each in parts[below.name] if each.task == task.name], below.seconds))
    ends = below.seconds + beyond.seconds
    print(f"\nrecovered {recovered_after(measured.answered, ends, ends + again.seconds)} s after the overload\n")


def _keep(path: Path, measured: Overload) -> None:
    """Each second's figures."""
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["second", *Figures._fields])
        for second in range(int(sum(phase.seconds for phase in measured.phases))):
            rows.writerow([second, *figures(due_between(measured.answered, second, second + 1))])
