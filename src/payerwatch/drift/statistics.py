"""Statistical primitives of the detectors: tails, false discovery rate, dispersion, shrinkage.

Pure functions of arrays, vectorised over nodes and windows; nothing here knows of claims.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from payerwatch.late import numpy as np
from payerwatch.late import scipy

if TYPE_CHECKING:
    from numpy.typing import NDArray

Floats: TypeAlias = "NDArray[np.float64]"

SMALLEST_BINOMIAL_CORRELATION = 1e-6
LARGEST_CORRELATION = 0.5
SMALLEST_BLOCK_VARIANCE = 0.5
LOG_ODDS_PRIOR_VARIANCE = 0.25
_TERMS_AT_ONCE = 64
_NEGLIGIBLE = 1e-18


def beta_binomial_tails(observed: Floats, trials: Floats, mean: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """P(X >= observed) and P(X <= observed) for a count of given mean and variance.

    X is beta-binomial over ``trials``, matched by moments (correlation
    rho = (variance / (n mu (1 - mu)) - 1) / (n - 1), Skellam 1948), or binomial when the variance
    is no larger than the binomial's. Both are 1 where there are no trials.
    """
    observed, trials, mean, variance = np.broadcast_arrays(observed, trials, mean, variance)
    rate = np.clip(mean / np.maximum(trials, 1), 1e-6, 1 - 1e-6)
    excess = variance / np.maximum(trials * rate * (1 - rate), 1e-12) - 1
    correlation = np.where(trials > 1, excess / np.maximum(trials - 1, 1), 0.0)
    upper, lower = np.ones(trials.shape), np.ones(trials.shape)
    spread = (trials > 0) & (correlation > SMALLEST_BINOMIAL_CORRELATION)
    plain = (trials > 0) & ~spread
    upper[plain], lower[plain] = _binomial_tails(observed[plain], trials[plain], rate[plain])
    size = 1 / np.minimum(correlation[spread], LARGEST_CORRELATION) - 1
    shape = (rate[spread] * size, (1 - rate[spread]) * size)
    upper[spread], lower[spread] = _spread_tails(observed[spread], trials[spread], *shape)
    return upper, lower


def _binomial_tails(observed: Floats, trials: Floats, rate: Floats) -> tuple[Floats, Floats]:
    upper = np.where(observed > 0, scipy.special.betainc(np.maximum(observed, 1), trials - observed + 1, rate), 1.0)
    below = scipy.special.betainc(np.maximum(trials - observed, 1), observed + 1, 1 - rate)
    return upper, np.where(observed < trials, below, 1.0)


def _spread_tails(observed: Floats, trials: Floats, a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Beta-binomial tails: sum the tail that lies away from the mean, take the other from its complement."""
    upwards = observed > trials * a / (a + b)
    # Counting failures instead of successes turns a lower tail into an upper one.
    start = np.where(upwards, observed, trials - observed)
    first, second = np.where(upwards, a, b), np.where(upwards, b, a)
    chance = np.exp(
        scipy.special.betaln(start + first, trials - start + second)
        - scipy.special.betaln(first, second)
        - scipy.special.betaln(trials - start + 1, start + 1)
        - np.log(trials + 1)
    )
    outer = chance * _sum_of_ratios(start, trials, first, second)
    inner = 1 - outer + chance
    tails = np.clip(np.where(upwards, (outer, inner), (inner, outer)), 0, 1)
    return tails[0], tails[1]


def _sum_of_ratios(start: Floats, trials: Floats, a: Floats, b: Floats) -> Floats:
    """Sum over k >= start of P(k) / P(start), by the ratio of neighbouring terms, to machine precision."""
    total, term = np.ones(start.shape), np.ones(start.shape)
    active, offset = np.arange(start.size), 0
    while active.size:
        k = start[active, None] + offset + np.arange(_TERMS_AT_ONCE)
        n = trials[active, None]
        left = np.maximum(n - k, 0)
        above = left * (a[active, None] + k)
        below = (k + 1) * (b[active, None] + np.maximum(left - 1, 0))
        terms = term[active, None] * np.cumprod(above / below, axis=1)
        total[active] += terms.sum(axis=1)
        term[active] = terms[:, -1]
        offset += _TERMS_AT_ONCE
        active = active[terms[:, -1] > _NEGLIGIBLE * total[active]]
    return total


def adjusted_p_values(p_values: Floats) -> Floats:
    """Benjamini-Hochberg adjusted p-values (1995): rejecting those <= q holds false discoveries at q."""
    p_values = np.asarray(p_values, dtype=float)
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * p_values.size / np.arange(1, p_values.size + 1)
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1)
    return adjusted


def dispersion_terms(observed: Floats, expected: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """[nodes] chi-square and degrees of freedom over [nodes, blocks]; little variance does not count."""
    counts = variance > SMALLEST_BLOCK_VARIANCE
    squares = (observed - expected) ** 2 / np.maximum(variance, SMALLEST_BLOCK_VARIANCE)
    return np.where(counts, squares, 0).sum(axis=1), np.maximum(counts.sum(axis=1) - 1.0, 0)


def pooled_dispersion(chi_square: Floats, freedom: Floats) -> float:
    """Chi-square over degrees of freedom of all nodes together."""
    return float(chi_square.sum() / max(1.0, freedom.sum()))


def shrunken_dispersion(chi_square: Floats, freedom: Floats, pooled: float, prior: float) -> Floats:
    """[nodes] dispersion, drawn to the pool with the weight of ``prior`` degrees of freedom, at least 1."""
    return np.maximum(1.0, (chi_square + prior * pooled) / (freedom + prior))


def predictive_variance(variance: Floats, baseline_variance: Floats, dispersion: Floats) -> Floats:
    """Variance of observed - expected when the expectation itself was estimated from a baseline."""
    return dispersion * (variance + variance * variance / np.maximum(baseline_variance, 1e-9))


def shrunken_excess_rate(
    excess: Floats, trials: Floats, variance: Floats, baseline_variance: Floats, dispersion: Floats
) -> Floats:
    """Excess count per trial, shrunk by a normal prior on the log odds ratio (variance 1/4)."""
    noise = 1 / np.maximum(variance, 1e-9) + 1 / np.maximum(baseline_variance, 1e-9)
    weight: Floats = 1 / (1 + dispersion * noise / LOG_ODDS_PRIOR_VARIANCE)
    return weight * excess / np.maximum(trials, 1)


def beta_binomial_quantile(chance: float, trials: Floats, mean: Floats, variance: Floats) -> Floats:
    """Smallest count whose lower tail reaches ``chance``, by bisection; 0 where there are no trials."""
    low, high = np.full(trials.shape, -1.0), np.asarray(trials, dtype=float).copy()
    for _ in range(int(np.ceil(np.log2(trials.max(initial=1) + 2)))):
        middle = np.floor((low + high) / 2)
        _, lower = beta_binomial_tails(np.maximum(middle, 0), trials, mean, variance)
        reached = (lower >= chance) & (middle >= 0)
        high, low = np.where(reached, middle, high), np.where(reached, low, middle)
    quantile: Floats = np.maximum(high, 0)
    return quantile
