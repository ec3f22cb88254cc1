"""What the measures give, computed once more from their definitions, one claim count after the other."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from payerwatch.drift import statistics
from payerwatch.drift.decision_delay import WINDOW_WEEKS, DecisionDelay
from payerwatch.drift.denial_rate import SUBMITTED_WEEKS, YOUTH_PRIOR_DENIALS, DenialRate
from payerwatch.drift.detectors import Detectors
from payerwatch.drift.explanations import median_days
from payerwatch.drift.lag_denial_rate import LagDenialRate
from payerwatch.drift.rate_baseline import StratumCounts, expected_rates
from payerwatch.drift.runoff_arrays import RunoffArrays
from payerwatch.drift.strata import STRATA, _shares, fractions_decided
from payerwatch.drift.window_tests import Window, baseline_span, trailing_window
from tests.drift.invented import history

pytestmark = pytest.mark.pure

WEEK = 60
MEASURES = (DenialRate, LagDenialRate, DecisionDelay)


@pytest.fixture(scope="module")
def arrays() -> RunoffArrays:
    """Six series of two payers, so that a loop over every claim count is quick."""
    return history(series=6, volume=40, extra_rate=0.2, extra_weeks=1, changed=(2,))


def test_young_windows_are_expected_to_show_what_they_showed_in_the_baseline(arrays: RunoffArrays) -> None:
    """The ratio of denials found to denials expected, over the windows as they were seen at every age."""
    measure = DenialRate(arrays)
    tests = measure.test(WEEK)
    assert tests.calibrated is not None
    assert [window.name for window in tests.windows] == [
        "decided_4",
        *(f"submitted_{each}" for each in SUBMITTED_WEEKS),
    ]
    ratios = tests.calibrated.expected / tests.expected
    assert ratios[:, 0] == pytest.approx(1)
    for column, weeks in enumerate(SUBMITTED_WEEKS, 1):
        for payer, (denied, expected) in enumerate(seen_in_the_baseline(measure, arrays, weeks)):
            prior = YOUTH_PRIOR_DENIALS * weeks
            ratio = (denied + prior) / (expected + prior)
            nodes = [*np.flatnonzero(arrays.payer == payer), arrays.series + payer]
            assert abs(ratio - 1) > 1e-4
            assert ratios[nodes, column] == pytest.approx(ratio)
    assert np.array_equal(tests.calibrated.observed, tests.observed)
    start, stop = baseline_span(WEEK)
    baseline = measure._baseline(start, stop, measure._cells.by_cohort(start, WEEK))
    binomial = np.array([[variance_of(node, column, baseline, tests) for column in range(4)] for node in range(8)])
    assert tests.calibrated.variance == pytest.approx(baseline.predictive_variance(binomial * ratios))


def variance_of(node: int, column: int, baseline: object, tests: object) -> float:
    """The binomial variance from which the predictive one of a window was made: v + v² / V0, times phi."""
    v0, phi = baseline.variance[node], baseline.dispersion[node]  # type: ignore[attr-defined]
    predictive = tests.variance[node, column] / phi  # type: ignore[attr-defined]
    return float((-1 + np.sqrt(1 + 4 * predictive / v0)) * v0 / 2)


def seen_in_the_baseline(measure: DenialRate, arrays: RunoffArrays, weeks: int) -> list[tuple[float, float]]:
    """Denials and expected denials of each payer: a claim of lag l was seen in a window ``weeks`` - l times."""
    start, stop = baseline_span(WEEK)
    baseline = measure._baseline(start, stop, measure._cells.by_cohort(start, WEEK))
    cells = measure._cells
    found = np.zeros((arrays.payers, 2))
    for decided_in in range(start, stop):
        for entry in range(cells.starts[decided_in], cells.starts[decided_in + 1]):
            series, lag = cells.series[entry], decided_in - cells.cohort[entry]
            if lag < weeks:
                rate = baseline.rates[series, cells.stratum[entry]]
                counted = cells.denied[entry], cells.decided[entry] * rate
                found[arrays.payer[series]] += np.array(counted) * (weeks - lag)
    return [(denied, expected) for denied, expected in found]


def test_days_to_decision_are_compared_by_the_normal_distribution(arrays: RunoffArrays) -> None:
    tests = DecisionDelay(arrays).test(WEEK)
    assert [window.name for window in tests.windows] == [f"decisions_{each}" for each in WINDOW_WEEKS]
    assert tests.tested.all()
    deviation = np.sqrt(tests.variance)
    assert tests.worse_p == pytest.approx(stats.norm.cdf(tests.observed + 0.5, tests.expected, deviation))
    assert tests.better_p == pytest.approx(stats.norm.sf(tests.observed - 0.5, tests.expected, deviation))
    assert tests.effect == pytest.approx(tests.observed / tests.expected)


@pytest.mark.parametrize("volume", [0.3, 2.0])
def test_days_to_decision_of_too_few_are_not_compared(volume: float) -> None:
    tests = DecisionDelay(history(series=6, volume=volume)).test(WEEK)
    assert not tests.tested.all()
    assert {*tests.worse_p[~tests.tested], *tests.better_p[~tests.tested]} == {1.0}


def test_median_days_of_a_payer_are_those_of_all_its_series(arrays: RunoffArrays) -> None:
    measure, detectors = DecisionDelay(arrays), Detectors(arrays)
    start, stop = baseline_span(WEEK)
    for node, rows in ((2, [2]), (arrays.series, [0, 1, 2]), (arrays.series + 1, [3, 4, 5])):
        of_spans = [
            median_days(*(counts[rows, first:end].sum(axis=(0, 1)) for counts in (measure._decided, measure._waiting)))
            for first, end in ((start, stop), (WEEK - 3, WEEK + 1))
        ]
        assert detectors.median_days(node, WEEK) == tuple(of_spans)
        assert None not in of_spans


def test_median_days_at_the_beginning_are_of_the_weeks_that_there_are(arrays: RunoffArrays) -> None:
    assert Detectors(arrays).median_days(0, 2)[1] == DecisionDelay(arrays).median_days(0, 0, 2)


@pytest.mark.parametrize("measure", MEASURES)
def test_more_weeks_than_there_are_begin_with_the_first(measure: type, arrays: RunoffArrays) -> None:
    for week in (3, 20):
        weekly = measure(arrays).weekly(week, 100)
        assert weekly.first_week == 0
        assert weekly.observed.shape[1] == week + 1


def test_a_fraction_decided_is_never_more_than_all_and_of_one_claim_it_is_that_claims() -> None:
    counts = np.zeros((1, 2, 26), int)
    counts[0, 0, 1], counts[0, 1, 0] = 1, 3  # one of one, and three of two
    one = RunoffArrays(history().first_week, np.array([0]), np.array([[1, 2]]), counts, counts * 0, counts * 0)
    before, after = fractions_decided(one, counts)
    assert after.max() <= 1
    assert before[0, 0, :3].tolist() == pytest.approx([0, 0, 1])
    assert after[0, 0, :3].tolist() == pytest.approx([0, 1, 1])


def test_a_cell_is_shared_by_the_strata_it_passes_through() -> None:
    shares = _shares(np.array([0.05, 0.35, 0.0, 1.0]), np.array([0.25, 0.35, 1.0, 1.0]))
    assert shares[0, :3].tolist() == pytest.approx([0.25, 0.5, 0.25])
    assert np.flatnonzero(shares[1]).tolist() == [3]
    assert shares[2] == pytest.approx(np.full(STRATA, 1 / STRATA))
    assert np.flatnonzero(shares[3]).tolist() == [STRATA - 1]
    assert shares.sum(axis=1) == pytest.approx(1)


def test_sums_have_as_many_weeks_as_were_asked_for(arrays: RunoffArrays) -> None:
    cells = DenialRate(arrays)._cells
    decided: NDArray[np.int64] = arrays.decided
    assert cells.starts.size == arrays.weeks + 1
    assert cells.by_decision(7, 7).decided.shape == (6, 0, STRATA)
    by_cohort = cells.by_cohort(10, 30).decided
    assert by_cohort.shape == (6, 21, STRATA)
    known = [(cohort, lag) for cohort in range(10, 31) for lag in range(26) if cohort + lag <= 30]
    assert by_cohort.sum() == pytest.approx(sum(decided[:, cohort + lag, lag].sum() for cohort, lag in known))


def test_the_first_decision_of_a_series_is_sought_from_the_week_it_was_made_in() -> None:
    arrays = history(series=2, payers=2)
    late = {name: getattr(arrays, name).copy() for name in ("denied", "paid")}
    for counts in late.values():
        counts[0, :40] = 0
    late["paid"][0, 40, 0] = 1
    start, stop = baseline_span(WEEK)
    weeks = DenialRate(replace(arrays, **late)).test(WEEK).baseline_weeks
    assert weeks.tolist() == [stop - 40, stop - start, stop - 40, stop - start]
    for counts in late.values():
        counts[0, : WEEK + 1] = 0
    assert DenialRate(replace(arrays, **late)).test(WEEK).baseline_weeks.tolist() == [0, stop - start, 0, stop - start]


def test_of_a_series_that_is_new_what_its_payer_shows_is_expected() -> None:
    denied, decided = np.full((2, STRATA), 30.0), np.full((2, STRATA), 200.0)
    denied[0], decided[0] = 0, 0
    nothing = np.zeros((2, 1, 26), int)
    arrays = RunoffArrays(history().first_week, np.array([0, 0]), np.zeros((2, 1), int), nothing, nothing, nothing)
    rates = expected_rates(arrays, StratumCounts(denied, decided))
    assert rates[0] == pytest.approx(np.full(STRATA, 31 / 208))
    assert rates[1] == pytest.approx(np.full(STRATA, 0.15), abs=0.001)


def test_a_window_begins_with_the_first_week_that_there_is() -> None:
    assert trailing_window("decided", 2, 8) == Window("decided_8", 0, 2)
    assert trailing_window("decided", 8, 8) == Window("decided_8", 1, 8)


def test_little_variance_does_not_count_and_one_claim_counts_once() -> None:
    least = statistics.SMALLEST_BLOCK_VARIANCE
    ones = np.ones((1, 2))
    assert statistics.dispersion_terms(ones * 3, ones, np.full((1, 2), least))[0] == 0
    one, many = (
        statistics.shrunken_excess_rate(*(np.array([each]) for each in (0.5, trials, 0.25, 10.0, 1.0)))
        for trials in (1.0, 2.0)
    )
    assert one == pytest.approx(2 * many)


def test_a_quantile_of_a_chance_that_is_exactly_reached_is_the_count_that_reaches_it() -> None:
    half = [np.array([each]) for each in (1.0, 0.5, 0.25)]
    assert statistics.beta_binomial_quantile(0.5, *half).tolist() == [0]
    assert statistics.beta_binomial_quantile(0.5, *(np.array([]) for _ in range(3))).size == 0
