"""Figures that explain a finding to a person: weekly bands, median days, what changed, the final rate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from payerwatch.drift import statistics
from payerwatch.late import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Floats: TypeAlias = "NDArray[np.float64]"

DAYS_TO_MID_WEEK = 3.5


@dataclass(frozen=True)
class WeeklyCounts:
    """Counts per node and week against the baseline's expectation: what a chart draws."""

    first_week: int
    """Week index of the first column."""
    claims: Floats
    """[nodes, weeks] claims decided, or waiting at the start of the week."""
    observed: Floats
    """[nodes, weeks] denials, or decisions."""
    expected: Floats
    """[nodes, weeks] the count the baseline foretells."""
    variance: Floats
    """[nodes, weeks] variance of observed around expected."""

    def band(self, node: int, coverage: float = 0.90) -> WeeklyBand:
        """The rates of one node with the range that ``coverage`` of weeks would stay in without drift."""
        claims, expected, variance = self.claims[node], self.expected[node], self.variance[node]
        tail = (1 - coverage) / 2
        bounds = [statistics.beta_binomial_quantile(chance, claims, expected, variance) for chance in (tail, 1 - tail)]
        trials = np.where(claims > 0, claims, np.nan)
        return WeeklyBand(self.first_week, claims, *(c / trials for c in (self.observed[node], expected, *bounds)))


@dataclass(frozen=True)
class WeeklyBand:
    """Observed and expected rates of one node by week; NaN in weeks without claims."""

    first_week: int
    claims: Floats
    observed: Floats
    expected: Floats
    lower: Floats
    upper: Floats


def median_days(decided: Floats, waiting: Floats) -> float | None:
    """Median days to decision from decisions and claims waiting [lags] over some weeks; None if not reached.

    Kaplan-Meier (1958) over lag weeks; within a week decisions are taken as evenly spread, and the end of
    lag week 0 as 3.5 days after submission on average.
    """
    hazard = np.clip(decided / np.maximum(waiting, 1), 0, 1)
    left = np.concatenate([[1.0], np.cumprod(1 - hazard)])
    days = np.concatenate([[0.0], DAYS_TO_MID_WEEK + 7 * np.arange(hazard.size)])
    reached = np.flatnonzero(left <= 0.5)
    if not reached.size:
        return None
    after = reached[0]
    part = (left[after - 1] - 0.5) / (left[after - 1] - left[after])
    return float(days[after - 1] + part * (days[after] - days[after - 1]))


@dataclass(frozen=True)
class CategoryChange:
    """A denial category and how many more denials it has than expected."""

    category: str
    observed: int
    expected: float

    @property
    def excess(self) -> float:
        """Denials above expectation."""
        return self.observed - self.expected


def most_grown_category(
    baseline: Mapping[str, int], window: Mapping[str, int], expected: float
) -> CategoryChange | None:
    """The category with most denials above its share of the ``expected`` ones; None if there is no denial.

    Shares come from the baseline's denials. Ties go to the name first in the alphabet.
    """
    total = max(1, sum(baseline.values()))
    changes = [
        CategoryChange(category, observed, expected * baseline.get(category, 0) / total)
        for category, observed in sorted(window.items())
        if observed
    ]
    return max(changes, key=lambda change: change.excess, default=None)
