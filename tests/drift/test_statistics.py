from fractions import Fraction
from math import comb, prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from payerwatch.drift import statistics

pytestmark = pytest.mark.pure


def exact_tails(observed: int, trials: int, a: Fraction, b: Fraction) -> tuple[float, float]:
    """Beta-binomial tails by enumeration in exact fractions."""

    def rising(x: Fraction, n: int) -> Fraction:
        return prod((x + i for i in range(n)), start=Fraction(1))

    chances = [
        comb(trials, k) * rising(a, k) * rising(b, trials - k) / rising(a + b, trials) for k in range(trials + 1)
    ]
    return float(sum(chances[observed:])), float(sum(chances[: observed + 1]))


@settings(max_examples=60, deadline=None)
@given(
    trials=st.integers(2, 60),
    share=st.floats(0, 1),
    rate=st.fractions("0.01", "0.99", max_denominator=100),
    correlation=st.fractions("0.001", "0.45", max_denominator=1000),
)
def test_beta_binomial_tails_equal_exact_enumeration(
    trials: int, share: float, rate: Fraction, correlation: Fraction
) -> None:
    observed = round(share * trials)
    size = 1 / correlation - 1
    mean = trials * rate
    variance = trials * rate * (1 - rate) * (1 + (trials - 1) * correlation)
    counts = [np.array([float(value)]) for value in (observed, trials, mean, variance)]
    upper, lower = statistics.beta_binomial_tails(*counts)
    expected = exact_tails(observed, trials, rate * size, (1 - rate) * size)
    assert (upper[0], lower[0]) == pytest.approx(expected, rel=1e-9, abs=1e-13)


@pytest.mark.parametrize("rate", [0.15, 0.85])
@pytest.mark.parametrize("trials", [1, 3, 20])
def test_no_more_than_binomial_variance_gives_binomial_tails(trials: int, rate: float) -> None:
    observed = np.arange(trials + 1.0)
    counts = (np.full(trials + 1, value) for value in (trials, trials * rate, trials * rate * (1 - rate) / 2))
    upper, lower = statistics.beta_binomial_tails(observed, *counts)
    assert upper == pytest.approx(stats.binom.sf(observed - 1, trials, rate), rel=1e-9, abs=0)
    assert lower == pytest.approx(stats.binom.cdf(observed, trials, rate), rel=1e-9, abs=0)


def test_tails_of_thousands_of_claims_stay_accurate_far_out() -> None:
    observed, trials = np.array([3000.0]), np.array([20000.0])
    upper, _ = statistics.beta_binomial_tails(observed, trials, np.array([2400.0]), np.array([2600.0]))
    rate = 0.12
    size = 1 / ((2600 / (20000 * rate * (1 - rate)) - 1) / 19999) - 1
    expected = stats.betabinom.pmf(np.arange(3000, 20001), 20000, rate * size, (1 - rate) * size).sum()
    assert upper[0] == pytest.approx(expected, rel=1e-6)


def test_a_tail_far_out_is_summed_and_not_what_the_other_leaves_of_one() -> None:
    a, b, trials = 0.05, 30.0, 100
    upper, _ = statistics._spread_tails(*(np.array([each]) for each in (50.0, float(trials), a, b)))
    expected = stats.betabinom.pmf(np.arange(50, trials + 1), trials, a, b).sum()
    assert 0 < expected < 1e-9
    assert upper[0] == pytest.approx(expected, rel=1e-9, abs=0)


def test_no_trials_are_no_evidence() -> None:
    zero = np.zeros(1)
    assert statistics.beta_binomial_tails(zero, zero, zero, zero) == (1.0, 1.0)


@given(
    chance=st.floats(0.01, 0.99),
    trials=st.integers(0, 200),
    rate=st.floats(0.01, 0.9),
    spread=st.floats(1, 4),
)
@settings(max_examples=60, deadline=None)
def test_a_quantile_is_the_first_count_to_reach_its_chance(
    chance: float, trials: int, rate: float, spread: float
) -> None:
    n, mean = np.array([float(trials)]), np.array([trials * rate])
    variance = mean * (1 - rate) * spread
    quantile = statistics.beta_binomial_quantile(chance, n, mean, variance)
    counts = np.arange(trials + 1.0)
    _, lower = statistics.beta_binomial_tails(counts, n, mean, variance)
    assert quantile[0] == (np.flatnonzero(lower >= chance)[0] if trials else 0)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.sampled_from([0.01, 0.05, 0.1, 0.25]))
def test_adjusted_p_values_reject_what_the_step_up_procedure_rejects(p_values: list[float], q: float) -> None:
    ranked = sorted(p_values)
    passing = [k for k, p in enumerate(ranked, start=1) if p * len(ranked) / k <= q]
    rejected = passing[-1] if passing else 0
    assert (statistics.adjusted_p_values(np.array(p_values)) <= q).sum() >= rejected
    threshold = ranked[rejected - 1] if rejected else -1.0
    assert ((statistics.adjusted_p_values(np.array(p_values)) <= q) == (np.array(p_values) <= threshold)).all()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_adjusted_p_values_equal_those_of_scipy(p_values: list[float]) -> None:
    expected = stats.false_discovery_control(p_values, method="bh")
    assert statistics.adjusted_p_values(np.array(p_values)) == pytest.approx(expected, abs=1e-15)


def test_dispersion_counts_only_blocks_with_enough_variance() -> None:
    observed, expected = np.array([[3.0, 9.0, 5.0]]), np.array([[1.0, 4.0, 0.1]])
    chi_square, freedom = statistics.dispersion_terms(observed, expected, np.array([[1.0, 5.0, 0.4]]))
    assert (chi_square[0], freedom[0]) == (4 + 5, 1)


def test_a_node_without_blocks_takes_the_pooled_dispersion() -> None:
    assert statistics.shrunken_dispersion(np.zeros(1), np.zeros(1), 1.7, 90)[0] == pytest.approx(1.7)


def test_less_than_expected_scatter_is_not_believed() -> None:
    assert statistics.shrunken_dispersion(np.array([2.0]), np.array([20.0]), 1.0, 90)[0] == 1


def test_the_excess_of_few_claims_is_shrunk_more() -> None:
    few = statistics.shrunken_excess_rate(
        np.array([5.0]), np.array([20.0]), np.array([2.0]), np.array([20.0]), np.ones(1)
    )
    many = statistics.shrunken_excess_rate(
        np.array([50.0]), np.array([200.0]), np.array([20.0]), np.array([200.0]), np.ones(1)
    )
    assert 0 < few[0] < many[0] < 0.25


def test_a_mean_of_none_or_of_all_gives_chances_as_well() -> None:
    observed, mean = np.array([0.0, 3.0, 10.0, 7.0]), np.array([0.0, 0.0, 10.0, 10.0])
    upper, lower = statistics.beta_binomial_tails(observed, np.full(4, 10.0), mean, np.ones(4))
    assert np.all((np.array([upper, lower]) >= 0) & (np.array([upper, lower]) <= 1))
    assert upper[2] > 0.99
    assert lower[0] > 0.99
