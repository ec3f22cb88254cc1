"""Placing decided claims in strata of the fraction of their cohort already decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from payerwatch.drift.rate_baseline import StratumCounts
from payerwatch.drift.runoff_arrays import Ints, RunoffArrays
from payerwatch.late import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Floats: TypeAlias = "NDArray[np.float64]"

STRATA = 10
COHORT_PRIOR_CLAIMS = 10
"""Claims' worth of weight that draws a small cohort's fraction decided towards its payer's."""


def fractions_decided(arrays: RunoffArrays, decided: Ints) -> tuple[Floats, Floats]:
    """[S, W, 26] fraction of each cohort decided before and after each lag week, shrunk to the payer's.

    ``decided`` is by submission week. Fractions are held within 0 and 1.
    """
    after = decided.cumsum(axis=2)
    payer_submitted = np.maximum(arrays.sum_by_payer(arrays.submitted), 1)[..., None]
    claims = arrays.submitted[..., None] + COHORT_PRIOR_CLAIMS

    def fraction(count: Ints) -> Floats:
        payer_fraction = (arrays.sum_by_payer(count) / payer_submitted)[arrays.payer]
        share: Floats = np.clip((count + COHORT_PRIOR_CLAIMS * payer_fraction) / claims, 0, 1)
        return share

    return fraction(after - decided), fraction(after)


@dataclass(frozen=True)
class PlacedCells:
    """Run-off cells split over strata, by week of decision: one entry a cell and stratum."""

    shape: tuple[int, int]
    """Series and weeks."""
    series: NDArray[np.intp]
    cohort: NDArray[np.intp]
    stratum: NDArray[np.intp]
    denied: Floats
    decided: Floats
    starts: NDArray[np.intp]
    """[W + 1] first entry of each decision week."""

    def by_decision(self, first: int, stop: int) -> StratumCounts:
        """[S, weeks, strata] claims decided in the weeks ``first`` to ``stop`` - 1."""
        week = np.repeat(np.arange(first, stop), np.diff(self.starts[first : stop + 1]))
        return self._summed(slice(self.starts[first], self.starts[stop]), week - first, max(0, stop - first))

    def by_cohort(self, first: int, last: int) -> StratumCounts:
        """[S, weeks, strata] claims submitted from ``first`` on and decided up to the week ``last``."""
        span = slice(self.starts[first], self.starts[last + 1])
        return self._summed(span, self.cohort[span] - first, last + 1 - first)

    def all_windows(self, first: int, stop: int, weeks: int) -> StratumCounts:
        """[S, strata] sums over the windows of the last ``weeks`` submission weeks as seen at every age.

        From decisions of the weeks ``first`` to ``stop`` - 1; a claim of lag l is in ``weeks`` - l of them.
        """
        span = slice(self.starts[first], self.starts[stop])
        lag = np.repeat(np.arange(first, stop), np.diff(self.starts[first : stop + 1])) - self.cohort[span]
        index = self.series[span] * STRATA + self.stratum[span]
        times = np.maximum(weeks - lag, 0)

        def summed(counts: Floats) -> Floats:
            size = self.shape[0] * STRATA
            sums: Floats = np.bincount(index, counts[span] * times, minlength=size).astype(float)
            return sums.reshape(self.shape[0], STRATA)

        return StratumCounts(summed(self.denied), summed(self.decided))

    def _summed(self, span: slice, week: NDArray[np.intp], weeks: int) -> StratumCounts:
        """Sum entries into weeks; those before the first are left out."""
        shape = (self.shape[0], weeks, STRATA)
        index = (self.series[span] * weeks + week) * STRATA + self.stratum[span]
        inside = week >= 0

        def summed(counts: Floats) -> Floats:
            size = shape[0] * shape[1] * shape[2]
            sums: Floats = np.bincount(index[inside], counts[span][inside], minlength=size).astype(float)
            return sums.reshape(shape)

        return StratumCounts(summed(self.denied), summed(self.decided))


def place_in_strata(denied: Ints, decided: Ints, before: Floats, after: Floats) -> PlacedCells:
    """Split each cell [S, W, 26] by submission week over the strata its fraction decided passes through.

    A cell of no width goes to the stratum it lies in.
    """
    series, cohort, lag = np.nonzero(decided)
    order = np.argsort(cohort + lag, kind="stable")
    series, cohort, lag = series[order], cohort[order], lag[order]
    shares = _shares(before[series, cohort, lag], after[series, cohort, lag])
    cell, stratum = np.nonzero(shares)
    share = shares[cell, stratum]
    weeks = decided.shape[1]
    series, cohort, lag = series[cell], cohort[cell], lag[cell]
    return PlacedCells(
        shape=(decided.shape[0], weeks),
        series=series,
        cohort=cohort,
        stratum=stratum,
        denied=denied[series, cohort, lag] * share,
        decided=decided[series, cohort, lag] * share,
        starts=np.searchsorted(cohort + lag, np.arange(weeks + 1)),
    )


def _shares(before: Floats, after: Floats) -> Floats:
    """[cells, strata] share of each cell in each stratum; rows sum to 1."""
    edges = np.arange(STRATA) / STRATA
    ends = np.arange(1, STRATA + 1) / STRATA
    after = np.maximum(after, before)[:, None]
    overlap = np.clip(np.minimum(after, ends) - np.maximum(before[:, None], edges), 0, None)
    width = overlap.sum(axis=1, keepdims=True)
    middle = np.minimum((before + after[:, 0]) / 2 * STRATA, STRATA - 1).astype(int)
    shares: Floats = np.where(width > 1e-6, overlap / np.maximum(width, 1e-9), np.eye(STRATA)[middle])
    return shares
