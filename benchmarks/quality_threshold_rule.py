"""The yardstick: two windows by submission date and fixed thresholds, as an open-source peer has it.

The rule of byteworthy/Upstream (payer_drift.py, January 2026): decided claims submitted in the last 14 days
against those of the 90 days before, at least 30 in each; a flag at 5 points or 50 % of the denial rate, at
3 days or 50 % of the median days to decision, either way.
"""

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality_process import History

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

CURRENT_DAYS, BASELINE_DAYS, MINIMUM = 14, 90, 30
LONGEST_DAYS = CURRENT_DAYS + BASELINE_DAYS


def flags_at(history: History, week: int) -> dict[str, tuple[Flags, Flags]]:
    """Series flagged worse, and flagged better, at the end of a week, per measure."""
    today = (week + 1) * 7
    start = today - CURRENT_DAYS
    current = _Decided(history, start, today, today)
    baseline = _Decided(history, start - BASELINE_DAYS, start, today)
    enough = (current.claims >= MINIMUM) & (baseline.claims >= MINIMUM)
    rise = current.rate - baseline.rate
    slower = current.median_days - baseline.median_days
    return {
        "denial_rate": _either_way(enough, rise, 0.05, baseline.rate),
        "days_to_decision": _either_way(enough, slower, 3, baseline.median_days),
    }


def _either_way(enough: Flags, change: Floats, least: float, baseline: Floats) -> tuple[Flags, Flags]:
    large = enough & ((abs(change) >= least) | ((baseline > 0) & (abs(change) >= 0.5 * baseline)))
    return large & (change > 0), large & (change < 0)


class _Decided:
    """Decided claims of one window by series: how many, which share denied, median days."""

    def __init__(self, history: History, first: int, stop: int, today: int) -> None:
        submitted = history.submitted_day
        chosen = (submitted >= first) & (submitted < stop) & (history.decided_day < today)
        series, size = history.series[chosen], history.payer.size
        days = history.decided_day[chosen] - submitted[chosen]
        by_day = np.bincount(series * (LONGEST_DAYS + 1) + days, minlength=size * (LONGEST_DAYS + 1))
        self._up_to = by_day.reshape(size, -1).cumsum(axis=1)
        self.claims = self._up_to[:, -1]
        denied = np.bincount(series[history.denied[chosen]], minlength=size)
        self.rate: Floats = denied / np.maximum(self.claims, 1)

    @property
    def median_days(self) -> Floats:
        """[S] median days to decision."""
        return (self._nth((self.claims - 1) // 2) + self._nth(self.claims // 2)) / 2

    def _nth(self, n: NDArray[np.int64]) -> Floats:
        """[S] days of the claim at place n (from 0) in order of days."""
        return np.asarray((self._up_to <= n[:, None]).sum(axis=1), dtype=float)
