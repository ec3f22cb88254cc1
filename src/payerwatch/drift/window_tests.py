"""What a measure says of every node in every window of one week, before tiers are decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from payerwatch.drift.runoff_arrays import WEEKS_NEEDED, RunoffArrays
from payerwatch.late import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Floats: TypeAlias = "NDArray[np.float64]"
Measure = Literal["denial_rate", "days_to_decision"]
Direction = Literal["worse", "better"]

BASELINE_WEEKS = 26
GAP_WEEKS = 8


@dataclass(frozen=True)
class Window:
    """A stretch of weeks, named for what it counts: ``decided_4``, ``submitted_8`` …"""

    name: str
    first: int
    """Index of its first week."""
    last: int
    """Index of its last week, the judged one."""


@dataclass(frozen=True)
class WindowTests:
    """Observed against expected, per node and window. Nodes are the S series, then the P payers."""

    measure: Measure
    windows: tuple[Window, ...]
    observed: Floats
    """[nodes, windows] denials, or decisions."""
    expected: Floats
    """[nodes, windows] the count the baseline foretells."""
    variance: Floats
    """[nodes, windows] variance of observed around expected, over-dispersion and baseline error included."""
    claims: Floats
    """[nodes, windows] claims decided (denial rate) or waiting at some time (days to decision)."""
    effect: Floats
    """[nodes, windows] shrunken excess rate, or observed / expected."""
    worse_p: Floats
    """[nodes, windows] one-sided p-value of more denials, or fewer decisions; 1 where not tested."""
    better_p: Floats
    """[nodes, windows] one-sided p-value of the other direction; 1 where not tested."""
    tested: NDArray[np.bool_]
    """[nodes, windows] whether there was enough to test."""
    baseline_weeks: NDArray[np.int64]
    """[nodes] weeks of the baseline since the node's first decision, 0 to 26."""
    baseline_decided: NDArray[np.int64]
    """[nodes] claims decided in the baseline."""
    calibrated: WindowTests | None = None
    """A second opinion that must agree before anything is raised; None if there is none."""

    def p_by_window(self, direction: Direction) -> Floats:
        """[nodes, windows] p-values of one direction."""
        return self.worse_p if direction == "worse" else self.better_p

    def most_telling(self, direction: Direction) -> tuple[Floats, NDArray[np.intp]]:
        """[nodes] p-value over all windows (Bonferroni) and the window with the smallest one."""
        p_values = self.p_by_window(direction)
        smallest = p_values.argmin(axis=1)
        return np.minimum(1, p_values.min(axis=1) * len(self.windows)), smallest


def baseline_span(week_index: int) -> tuple[int, int]:
    """First week of the baseline and the week after its last: 26 weeks ending 8 weeks ago, cut at week 0."""
    return max(0, week_index - GAP_WEEKS - BASELINE_WEEKS + 1), max(0, week_index - GAP_WEEKS + 1)


def trailing_window(name: str, week_index: int, weeks: int) -> Window:
    """The last ``weeks`` weeks, cut at week 0."""
    return Window(f"{name}_{weeks}", max(0, week_index - weeks + 1), week_index)


def weeks_since_first_decision(arrays: RunoffArrays, week_index: int) -> NDArray[np.int64]:
    """[nodes] baseline weeks since the first decision, sought as far back as the baseline's cohorts go."""
    start, stop = baseline_span(week_index)
    horizon = max(0, week_index + 1 - WEEKS_NEEDED)
    decided = arrays.with_payers(arrays.decided[:, horizon : week_index + 1].sum(axis=2)) > 0
    first = np.where(decided.any(axis=1), horizon + decided.argmax(axis=1), week_index + 1)
    weeks: NDArray[np.int64] = np.maximum(stop - np.maximum(first, start), 0)
    return weeks
