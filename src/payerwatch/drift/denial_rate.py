"""Denial rate, standardised by decision order: denials against those expected at the same point of run-off.

A cohort is the claims of one series submitted in one week. Denied claims are often decided later (or
sooner) than paid ones, so young cohorts show too few (or too many) denials. Comparing claims decided
at the same *fraction decided* of their cohort removes that, and any change of speed common to both
outcomes (a slow-down, a stall, a flushed backlog) leaves the order of outcomes as it was, and so the
rate expected.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

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
from payerwatch.drift.runoff_arrays import RunoffArrays, by_submission_week
from payerwatch.drift.strata import PlacedCells, fractions_decided, place_in_strata
from payerwatch.drift.window_tests import WindowTests, baseline_span, trailing_window, weeks_since_first_decision
from payerwatch.late import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Floats: TypeAlias = "NDArray[np.float64]"

DECIDED_WEEKS = 4
SUBMITTED_WEEKS = (4, 8, 12)
BLOCK_WEEKS = 2
DISPERSION_PRIOR = 90
YOUTH_PRIOR_DENIALS = 10


class DenialRate:
    """Denials against expectation for every series and payer of a customer, in any week.

    ``test(t)`` uses submissions and decisions up to week t only. Pending claims must be counted in
    ``submitted``; without them use :class:`payerwatch.drift.lag_denial_rate.LagDenialRate`.
    """

    def __init__(self, arrays: RunoffArrays) -> None:
        self._arrays = arrays

    @cached_property
    def _cells(self) -> PlacedCells:
        decided = by_submission_week(self._arrays.decided)
        denied, paid = by_submission_week(self._arrays.denied), by_submission_week(self._arrays.paid)
        before, after = fractions_decided(self._arrays, decided)
        return place_in_strata(denied, denied + paid, before, after)

    def test(self, week_index: int) -> WindowTests:
        """Windows: decided in the last 4 weeks; submitted in the last 4, 8 and 12 and decided by now.

        The result carries a second opinion, ``calibrated``: the same with expectations corrected for
        what such young windows showed in the baseline itself.
        """
        start, stop = baseline_span(week_index)
        cohorts = self._cells.by_cohort(start, week_index)
        baseline = self._baseline(start, stop, cohorts)
        decided = trailing_window("decided", week_index, DECIDED_WEEKS)
        submitted = [trailing_window("submitted", week_index, weeks) for weeks in SUBMITTED_WEEKS]
        counts = [
            self._cells.by_decision(decided.first, week_index + 1).over(1),
            *(_weeks(cohorts, window.first - start, None).over(1) for window in submitted),
        ]
        sums = WindowCounts.of(self._arrays, baseline, (decided, *submitted), counts)
        weeks = weeks_since_first_decision(self._arrays, week_index)
        corrected = sums.scaled(self._youth_ratios(baseline, start, stop))
        return replace(judged_by(baseline, sums, weeks), calibrated=judged_by(baseline, corrected, weeks))

    def _youth_ratios(self, baseline: Baseline, start: int, stop: int) -> Floats:
        """[nodes, windows] observed / expected denials of each kind of window within the baseline, by payer.

        A decision week moves a cohort through several strata at once. Where outcomes change fast with the
        fraction decided, that smears the strata, and young cohorts differ from their expectation by a few
        per cent, always the same way: too little to see in a series, enough to raise a large payer for nothing.
        """
        ratios = [np.ones(self._arrays.payers)]
        for weeks in SUBMITTED_WEEKS:
            counts = self._cells.all_windows(start, stop, weeks)
            expected, _ = baseline.expected(counts.decided)
            denied = self._arrays.sum_by_payer(counts.denied.sum(axis=1))
            prior = weeks * YOUTH_PRIOR_DENIALS
            ratios.append((denied + prior) / (self._arrays.sum_by_payer(expected) + prior))
        by_payer = np.stack(ratios, axis=1)
        return np.concatenate([by_payer[self._arrays.payer], by_payer])

    def weekly(self, week_index: int, weeks: int) -> WeeklyCounts:
        """The last ``weeks`` weeks of decisions against the baseline of ``week_index``."""
        start, stop = baseline_span(week_index)
        baseline = self._baseline(start, stop, self._cells.by_cohort(start, week_index))
        first = max(0, week_index + 1 - weeks)
        return weeks_against(self._arrays, first, baseline, self._cells.by_decision(first, week_index + 1))

    def _baseline(self, start: int, stop: int, cohorts: StratumCounts) -> Baseline:
        by_week = self._cells.by_decision(start, stop)
        counts = by_week.over(1)
        rates = expected_rates(self._arrays, counts)
        variance = self._arrays.with_payers(baseline_variance(counts, rates))
        plain = Baseline(rates, variance, np.ones(variance.size), counts.decided.sum(axis=1))
        return Baseline(
            rates,
            variance,
            self._dispersion(plain, by_week, _weeks(cohorts, 0, stop - start)),
            self._arrays.with_payers(plain.decided),
        )

    def _dispersion(self, plain: Baseline, by_week: StratumCounts, cohorts: StratumCounts) -> Floats:
        """[nodes] over-dispersion of baseline cohorts, drawn to the customer's (or its blocks' if larger)."""
        blocks = _two_week_blocks(by_week)
        block_terms = statistics.dispersion_terms(blocks.denied.sum(axis=2), *plain.expected(blocks.decided))
        sums = (cohorts.denied.sum(axis=2), *plain.expected(cohorts.decided))
        cohort_terms = statistics.dispersion_terms(*sums)
        pooled = max(1.0, *[statistics.pooled_dispersion(*terms) for terms in (block_terms, cohort_terms)])
        by_node = statistics.dispersion_terms(*[self._arrays.with_payers(values) for values in sums])
        return statistics.shrunken_dispersion(*by_node, pooled, DISPERSION_PRIOR)


def _weeks(counts: StratumCounts, first: int, stop: int | None) -> StratumCounts:
    return StratumCounts(counts.denied[:, first:stop], counts.decided[:, first:stop])


def _two_week_blocks(by_week: StratumCounts) -> StratumCounts:
    starts = np.arange(0, by_week.decided.shape[1], BLOCK_WEEKS)
    if not starts.size:
        return by_week
    return StratumCounts(
        np.add.reduceat(by_week.denied, starts, axis=1), np.add.reduceat(by_week.decided, starts, axis=1)
    )
