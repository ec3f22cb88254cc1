"""Progress of long work: a bar with its stages on a terminal, plain lines elsewhere; always on stderr."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

STAGES = {
    "read": "Reading",
    "check": "Checking",
    "save": "Saving",
    "count": "Counting",
    "judge": "Judging",
    "seal": "Sealing",
    "back_up": "Backing up",
    "read_again": "Reading again",
    "restore": "Restoring",
    "verify": "Verifying",
    "forget": "Forgetting",
}


class Bars:
    """One bar per stage, for a terminal."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage not in self._tasks:
            self._tasks[stage] = self._progress.add_task(STAGES[stage], total=max(total, 1))
        self._progress.update(self._tasks[stage], completed=done if total else 1, total=max(total, 1))


class Lines:
    """A line where a stage begins and one at each further quarter, for logs and pipes."""

    def __init__(self) -> None:
        self._quarters: dict[str, int] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        quarter = 4 * done // total if total else 4
        if quarter > self._quarters.get(stage, -1):
            self._quarters[stage] = quarter
            sys.stderr.write(f"{STAGES[stage]}: {25 * quarter} %\n")


def silent(stage: str, done: int, total: int) -> None:
    """No progress is shown."""


@contextmanager
def shown_progress() -> Iterator[Bars | Lines]:
    """A bar on a terminal, lines elsewhere."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    columns = (TextColumn("{task.description:<13}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield Bars(progress)
