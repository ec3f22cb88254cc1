"""The denial rate to expect in each stratum, learned from a baseline and shared by both denial measures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from payerwatch.drift import statistics
from payerwatch.drift.explanations import WeeklyCounts
from payerwatch.drift.runoff_arrays import RunoffArrays
from payerwatch.drift.window_tests import Window, WindowTests
from payerwatch.late import numpy as np
from payerwatch.late import scipy

if TYPE_CHECKING:
    from numpy.typing import NDArray

Floats: TypeAlias = "NDArray[np.float64]"

SERIES_PRIOR_CLAIMS = 40
"""Claims' worth of weight that draws a series' rate towards its payer's."""
STRATUM_PRIOR_CLAIMS = 20
"""Claims' worth of weight that draws a stratum's rate towards the payer's profile at the series' level."""
NEWTON_STEPS = 6
BASELINE_MINIMUM = 50
WINDOW_MINIMUM = 8


@dataclass(frozen=True)
class StratumCounts:
    """Denied and decided claims, [series, ..., strata]; fractions where a cell spans strata."""

    denied: Floats
    decided: Floats

    def over(self, axis: int) -> StratumCounts:
        """Summed over an axis."""
        return StratumCounts(self.denied.sum(axis=axis), self.decided.sum(axis=axis))


@dataclass(frozen=True)
class Baseline:
    """What to expect of each series, and how far to trust it."""

    rates: Floats
    """[S, strata] expected denial rate q."""
    variance: Floats
    """[nodes] variance V0 of the baseline's own denials."""
    dispersion: Floats
    """[nodes] over-dispersion phi."""
    decided: Floats
    """[nodes] claims decided in the baseline."""

    def predictive_variance(self, variance: Floats) -> Floats:
        """[nodes, n] variance of observed - expected denials, from their binomial variance."""
        return statistics.predictive_variance(variance, self.variance[:, None], self.dispersion[:, None])

    def expected(self, decided: Floats) -> tuple[Floats, Floats]:
        """Expected denials and their binomial variance for [S, ..., strata] decided claims."""
        rates = self.rates.reshape(self.rates.shape[0], *[1] * (decided.ndim - 2), -1)
        return (decided * rates).sum(axis=-1), (decided * rates * (1 - rates)).sum(axis=-1)


def expected_rates(arrays: RunoffArrays, counts: StratumCounts) -> Floats:
    """[S, strata] rates: the payer's profile over strata, moved on the logit scale to the series' level.

    Empirical Bayes twice: the level towards the payer's rate, each stratum towards the moved profile.
    """
    denied, decided = arrays.sum_by_payer(counts.denied), arrays.sum_by_payer(counts.decided)
    profile = scipy.special.logit((denied + 1) / (decided + 8))[arrays.payer]
    payer_rate = (denied.sum(axis=1) / np.maximum(1, decided.sum(axis=1)))[arrays.payer]
    claims = counts.decided.sum(axis=1)
    level = (counts.denied.sum(axis=1) + SERIES_PRIOR_CLAIMS * payer_rate) / (claims + SERIES_PRIOR_CLAIMS)
    moved = scipy.special.expit(profile + _logit_shift(profile, counts.decided, level * claims)[:, None])
    rates: Floats = (counts.denied + STRATUM_PRIOR_CLAIMS * moved) / (counts.decided + STRATUM_PRIOR_CLAIMS)
    return rates


def _logit_shift(profile: Floats, decided: Floats, target: Floats) -> Floats:
    """[S] shift for which the profile foretells ``target`` denials: Newton from 0, steps of at most 1."""
    shift = np.zeros(target.size)
    for _ in range(NEWTON_STEPS):
        rates = scipy.special.expit(profile + shift[:, None])
        slope = (decided * rates * (1 - rates)).sum(axis=1)
        step = (target - (decided * rates).sum(axis=1)) / np.maximum(slope, 1e-9)
        shift += np.where(slope > 0, np.clip(step, -1, 1), 0)
    return shift


def baseline_variance(counts: StratumCounts, rates: Floats) -> Floats:
    """[S] variance of the baseline's denials, the prior claims included."""
    spread = rates.mean(axis=1)
    prior = SERIES_PRIOR_CLAIMS * spread * (1 - spread)
    variance: Floats = (counts.decided * rates * (1 - rates)).sum(axis=1) + prior
    return variance


def weeks_against(arrays: RunoffArrays, first_week: int, baseline: Baseline, by_week: StratumCounts) -> WeeklyCounts:
    """Denials of each week [S, weeks, strata] against the expectation, for every series and payer."""
    expected, variance = (arrays.with_payers(values) for values in baseline.expected(by_week.decided))
    return WeeklyCounts(
        first_week=first_week,
        claims=np.round(arrays.with_payers(by_week.decided.sum(axis=2))),
        observed=np.round(arrays.with_payers(by_week.denied.sum(axis=2))),
        expected=expected,
        variance=baseline.predictive_variance(variance),
    )


@dataclass(frozen=True)
class WindowCounts:
    """Denials and claims decided in each window, [nodes, windows], with what the baseline foretells of them."""

    windows: tuple[Window, ...]
    denied: Floats
    decided: Floats
    expected: Floats
    variance: Floats
    """Binomial variance of the denials expected."""

    @classmethod
    def of(
        cls,
        arrays: RunoffArrays,
        baseline: Baseline,
        windows: tuple[Window, ...],
        counts: Sequence[StratumCounts],
    ) -> WindowCounts:
        """Add up the counts [S, strata] of each window for every series and payer."""
        by_stratum = np.stack([count.decided for count in counts], axis=1)
        denied = np.stack([count.denied.sum(axis=1) for count in counts], axis=1)
        expected, variance = (arrays.with_payers(values) for values in baseline.expected(by_stratum))
        return cls(
            windows,
            # Whole claims, though each may have been spread over strata.
            np.round(arrays.with_payers(denied)),
            np.round(arrays.with_payers(by_stratum.sum(axis=2))),
            expected,
            variance,
        )

    def scaled(self, ratio: Floats) -> WindowCounts:
        """The same windows with ``ratio`` times the denials expected."""
        return replace(self, expected=self.expected * ratio, variance=self.variance * ratio)


def judged_by(baseline: Baseline, counts: WindowCounts, baseline_weeks: NDArray[np.int64]) -> WindowTests:
    """Test the denials of each window against the number expected."""
    spread = (baseline.variance[:, None], baseline.dispersion[:, None])
    predictive = baseline.predictive_variance(counts.variance)
    upper, lower = statistics.beta_binomial_tails(counts.denied, counts.decided, counts.expected, predictive)
    enough = (np.round(baseline.decided) >= BASELINE_MINIMUM)[:, None]
    tested = (counts.decided >= WINDOW_MINIMUM) & enough
    excess = counts.denied - counts.expected
    return WindowTests(
        measure="denial_rate",
        windows=counts.windows,
        observed=counts.denied,
        expected=counts.expected,
        variance=predictive,
        claims=counts.decided,
        effect=statistics.shrunken_excess_rate(excess, counts.decided, counts.variance, *spread),
        worse_p=np.where(tested, upper, 1),
        better_p=np.where(tested, lower, 1),
        tested=tested,
        baseline_weeks=baseline_weeks,
        baseline_decided=np.round(baseline.decided).astype(np.int64),
    )
