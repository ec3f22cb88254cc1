"""Denial rate standardised by lag: the fallback when the export has no pending claims.

Without pending claims nobody knows what fraction of a cohort is decided, so claims are compared with
those decided after the same number of weeks. A change of speed can then pass for a change of the rate:
what it finds is provisional.
"""

from __future__ import annotations

from functools import cached_property

from payerwatch.drift import statistics
from payerwatch.drift.explanations import WeeklyCounts
from payerwatch.drift.rate_baseline import (
    Baseline,
    StratumCounts,
    WindowCounts,
    baseline_variance,
    expected_rates,
    judged_by,
    weeks_against,
)
from payerwatch.drift.runoff_arrays import RunoffArrays
from payerwatch.drift.window_tests import WindowTests, baseline_span, trailing_window, weeks_since_first_decision
from payerwatch.late import numpy as np

DECIDED_WEEKS = (2, 4, 8)
LAG_STRATA = (0, 1, 2, 3, 4, 5, 6, 8, 11)
"""First lag week of each stratum."""
DISPERSION_PRIOR = 30


class LagDenialRate:
    """Denials against expectation at the same lag, for every series and payer of a customer, in any week."""

    def __init__(self, arrays: RunoffArrays) -> None:
        self._arrays = arrays

    @cached_property
    def _by_week(self) -> StratumCounts:
        """[S, W, strata] claims by week of decision."""
        denied = np.add.reduceat(self._arrays.denied, LAG_STRATA, axis=2)
        paid = np.add.reduceat(self._arrays.paid, LAG_STRATA, axis=2)
        return StratumCounts(denied.astype(float), (denied + paid).astype(float))

    def test(self, week_index: int) -> WindowTests:
        """Windows: decided in the last 2, 4 and 8 weeks."""
        windows = tuple(trailing_window("decided", week_index, weeks) for weeks in DECIDED_WEEKS)
        baseline = self._baseline(*baseline_span(week_index))
        counts = [self._between(window.first, window.last + 1).over(1) for window in windows]
        sums = WindowCounts.of(self._arrays, baseline, windows, counts)
        return judged_by(baseline, sums, weeks_since_first_decision(self._arrays, week_index))

    def weekly(self, week_index: int, weeks: int) -> WeeklyCounts:
        """The last ``weeks`` weeks of decisions against the baseline of ``week_index``."""
        first = max(0, week_index + 1 - weeks)
        baseline = self._baseline(*baseline_span(week_index))
        return weeks_against(self._arrays, first, baseline, self._between(first, week_index + 1))

    def _between(self, start: int, stop: int) -> StratumCounts:
        return StratumCounts(self._by_week.denied[:, start:stop], self._by_week.decided[:, start:stop])

    def _baseline(self, start: int, stop: int) -> Baseline:
        by_week = self._between(start, stop)
        counts = by_week.over(1)
        rates = expected_rates(self._arrays, counts)
        variance = self._arrays.with_payers(baseline_variance(counts, rates))
        plain = Baseline(rates, variance, np.ones(variance.size), counts.decided.sum(axis=1))
        weekly = (by_week.denied.sum(axis=2), *plain.expected(by_week.decided))
        pooled = max(1.0, statistics.pooled_dispersion(*statistics.dispersion_terms(*weekly)))
        terms = statistics.dispersion_terms(*[self._arrays.with_payers(values) for values in weekly])
        dispersion = statistics.shrunken_dispersion(*terms, pooled, DISPERSION_PRIOR)
        return Baseline(rates, variance, dispersion, self._arrays.with_payers(plain.decided))
