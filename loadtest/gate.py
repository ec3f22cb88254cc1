"""Whether what Locust measured is good enough, read from the CSV that it keeps."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from loadtest.tasks import SIGN_IN, TASKS

MOST_P95 = 500  # milliseconds, which all tasks together and each alone must stay below
MOST_FAILED = 0.05  # of the requests, likewise
ALL = "all together"


class Measured(NamedTuple):
    """One task, or all together. Times are milliseconds, which Locust rounds to two digits."""

    name: str
    requests: int
    failures: int
    p50: float
    p95: float
    p99: float


def read(path: Path) -> list[Measured]:
    """What the file `…_stats.csv` says, all together last. Nothing where there is no such file."""
    if not path.exists():
        return []
    with path.open(newline="") as lines:
        return [
            Measured(
                ALL if row["Name"] == "Aggregated" else row["Name"],
                int(row["Request Count"]),
                int(row["Failure Count"]),
                *(_number(row[percentile]) for percentile in ("50%", "95%", "99%")),
            )
            for row in csv.DictReader(lines)
        ]


def _number(text: str) -> float:
    return float("nan") if text == "N/A" else float(text)


def count_rows(path: Path) -> int:
    """Rows of a CSV file below its header; 0 where there is none."""
    if not path.exists():
        return 0
    with path.open(newline="") as lines:
        return sum(1 for _ in csv.DictReader(lines))


def judged(kept: Path, ended: int) -> tuple[list[Measured], list[str]]:
    """What was measured, and what is not good enough: nothing where all is.

    `kept` is the path that Locust's files begin with, `ended` Locust's exit code.
    """
    measured, found = read(Path(f"{kept}_stats.csv")), []
    if ended:
        found.append(f"Locust ended with {ended}")
    if broken := count_rows(Path(f"{kept}_exceptions.csv")):
        found.append(f"Locust met {broken} exceptions of its own, see {kept}_exceptions.csv")
    return measured, found + shortcomings(measured)


def shortcomings(measured: Sequence[Measured]) -> list[str]:
    """What of these is too slow, failed too often or was never asked.

    Signing in is so seldom that its percentiles say nothing: its time is looked at among all.
    """
    asked = {each.name for each in measured if each.requests}
    found = [f"{name}: never asked" for name in (SIGN_IN, *(task.name for task in TASKS), ALL) if name not in asked]
    for each in measured:
        if each.requests and each.failures / each.requests >= MOST_FAILED:
            found.append(f"{each.name}: {each.failures} of {each.requests} failed, fewer than {MOST_FAILED:.0%} may")
        if each.requests and each.name != SIGN_IN and not each.p95 < MOST_P95:
            found.append(f"{each.name}: p95 {each.p95:g} ms, must be below {MOST_P95} ms")
    return found


def table(measured: Sequence[Measured]) -> str:
    lines = [f"{'':<20}{'requests':>9}{'failures':>9}{'p50':>9}{'p95':>9}{'p99':>9}"]
    for each in measured:
        times = "".join(f"{milliseconds:>6g} ms" for milliseconds in (each.p50, each.p95, each.p99))
        lines.append(f"{each.name:<20}{each.requests:>9}{each.failures:>9}{times}")
    return "\n".join(lines)
