"""Days to decision: decisions observed against those the waiting claims and their ages foretell.

A one-sample log-rank test (Breslow 1975) with weekly hazards from the series' own baseline. Pending claims
count for as long as they wait, so recent submissions do not bias it and a complete stall shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from payerwatch.drift import statistics
from payerwatch.drift.explanations import WeeklyCounts, median_days
from payerwatch.drift.runoff_arrays import LAG_WEEKS, RunoffArrays, by_submission_week
from payerwatch.drift.window_tests import (
    Window,
    WindowTests,
    baseline_span,
    trailing_window,
    weeks_since_first_decision,
)
from payerwatch.late import numpy as np
from payerwatch.late import scipy

if TYPE_CHECKING:
    from numpy.typing import NDArray

Floats: TypeAlias = "NDArray[np.float64]"

WINDOW_WEEKS = (1, 2, 4)
HAZARD_PRIOR_CLAIMS = 50
LARGEST_HAZARD = 0.999
DISPERSION_PRIOR = 30
EXPECTED_MINIMUM = 5
_LAGS = LAG_WEEKS - 1
"""The last lag week is open-ended: its waiting claims have no common age, so it is left out."""


@dataclass(frozen=True)
class _Expectation:
    hazard: Floats
    variance: Floats
    dispersion: Floats
    decided: NDArray[np.int64]


class DecisionDelay:
    """Decisions against expectation for every series and payer of a customer, in any week."""

    def __init__(self, arrays: RunoffArrays) -> None:
        self._arrays = arrays

    @cached_property
    def _decided(self) -> Floats:
        """[S, W, 25] decisions by week and lag."""
        return self._arrays.decided[..., :_LAGS].astype(float)

    @cached_property
    def _waiting(self) -> Floats:
        """[S, W, 25] claims waiting at the start of the week, by lag; submitted in it at lag 0."""
        cohorts = by_submission_week(self._arrays.decided)
        waiting = self._arrays.submitted[..., None] - (cohorts.cumsum(axis=2) - cohorts)
        by_week = np.zeros((*waiting.shape[:2], _LAGS))
        weeks = self._arrays.weeks
        for lag in range(min(_LAGS, weeks)):
            by_week[:, lag:, lag] = waiting[:, : weeks - lag, lag]
        return by_week

    def test(self, week_index: int) -> WindowTests:
        """Windows: the last 1, 2 and 4 weeks. Worse means fewer decisions than expected."""
        expectation = self._expectation(*baseline_span(week_index))
        windows = tuple(trailing_window("decisions", week_index, weeks) for weeks in WINDOW_WEEKS)
        observed, expected, variance = self._counts(windows, expectation.hazard)
        predictive = statistics.predictive_variance(
            variance, expectation.variance[:, None], expectation.dispersion[:, None]
        )
        deviation = np.sqrt(np.maximum(predictive, 1e-9))
        tested = expected >= EXPECTED_MINIMUM
        return WindowTests(
            measure="days_to_decision",
            windows=windows,
            observed=observed,
            expected=expected,
            variance=predictive,
            claims=np.stack([self._ever_waiting(window) for window in windows], axis=1),
            effect=observed / np.maximum(expected, 1e-9),
            worse_p=np.where(tested, scipy.special.ndtr((observed + 0.5 - expected) / deviation), 1),
            better_p=np.where(tested, scipy.special.ndtr((expected - observed + 0.5) / deviation), 1),
            tested=tested,
            baseline_weeks=weeks_since_first_decision(self._arrays, week_index),
            baseline_decided=expectation.decided,
        )

    def weekly(self, week_index: int, weeks: int) -> WeeklyCounts:
        """The last ``weeks`` weeks against the baseline of ``week_index``; claims are those waiting."""
        expectation = self._expectation(*baseline_span(week_index))
        span = slice(max(0, week_index + 1 - weeks), week_index + 1)
        waiting = self._waiting[:, span]
        sums = _expected(waiting, expectation.hazard)
        expected, variance = (self._arrays.with_payers(values) for values in sums)
        return WeeklyCounts(
            first_week=span.start,
            claims=self._arrays.with_payers(waiting.sum(axis=2)),
            observed=self._arrays.with_payers(self._decided[:, span].sum(axis=2)),
            expected=expected,
            variance=statistics.predictive_variance(
                variance, expectation.variance[:, None], expectation.dispersion[:, None]
            ),
        )

    def median_days(self, node: int, first: int, last: int) -> float | None:
        """Median days to decision of a node (series, or S + payer) over the weeks first to last."""
        series = self._arrays.series
        rows = [node] if node < series else np.flatnonzero(self._arrays.payer == node - series)
        decided, waiting = (
            counts[rows, first : last + 1].sum(axis=(0, 1)) for counts in (self._decided, self._waiting)
        )
        return median_days(decided, waiting)

    def _counts(self, windows: tuple[Window, ...], hazard: Floats) -> tuple[Floats, Floats, Floats]:
        """[nodes, windows] decisions observed and expected, and the variance of the expected."""
        spans = [slice(window.first, window.last + 1) for window in windows]
        observed = np.stack([self._decided[:, span].sum(axis=(1, 2)) for span in spans], axis=1)
        waiting = np.stack([self._waiting[:, span].sum(axis=1) for span in spans], axis=1)
        expected, variance = _expected(waiting, hazard)
        with_payers = self._arrays.with_payers
        return with_payers(observed), with_payers(expected), with_payers(variance)

    def _expectation(self, start: int, stop: int) -> _Expectation:
        decided, waiting = self._decided[:, start:stop], self._waiting[:, start:stop]
        hazard = self._hazard(decided.sum(axis=1), waiting.sum(axis=1))
        weekly = (decided.sum(axis=2), *_expected(waiting, hazard))
        pooled = max(1.0, statistics.pooled_dispersion(*statistics.dispersion_terms(*weekly)))
        by_node = [self._arrays.with_payers(values) for values in weekly]
        terms = statistics.dispersion_terms(*by_node)
        return _Expectation(
            hazard,
            by_node[2].sum(axis=1),
            statistics.shrunken_dispersion(*terms, pooled, DISPERSION_PRIOR),
            by_node[0].sum(axis=1).astype(np.int64),
        )

    def _hazard(self, decided: Floats, waiting: Floats) -> Floats:
        """[S, 25] chance that a waiting claim is decided in its lag week, drawn to the payer's."""
        payer = (self._arrays.sum_by_payer(decided) + 0.01) / (self._arrays.sum_by_payer(waiting) + 0.1)
        prior = payer[self._arrays.payer]
        hazard: Floats = (decided + HAZARD_PRIOR_CLAIMS * prior) / (waiting + HAZARD_PRIOR_CLAIMS)
        return np.minimum(hazard, LARGEST_HAZARD)

    def _ever_waiting(self, window: Window) -> Floats:
        """[nodes] claims waiting when the window begins and those submitted in it."""
        waiting: Floats = self._waiting[:, window.first, 1:].sum(axis=1)
        submitted = self._arrays.submitted[:, window.first : window.last + 1].sum(axis=1)
        return self._arrays.with_payers(waiting + submitted)


def _expected(waiting: Floats, hazard: Floats) -> tuple[Floats, Floats]:
    """[S, n] expected decisions and their variance of [S, n, 25] waiting claims."""
    by_lag = hazard[:, :, None]
    return (waiting @ by_lag)[..., 0], (waiting @ (by_lag * (1 - by_lag)))[..., 0]
