"""Properties every measure keeps: what it counts, what it may know, what must not matter."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from payerwatch.drift.decision_delay import DecisionDelay
from payerwatch.drift.denial_rate import DenialRate
from payerwatch.drift.lag_denial_rate import LagDenialRate
from payerwatch.drift.runoff_arrays import RunoffArrays
from payerwatch.drift.window_tests import WindowTests, baseline_span
from tests.drift.invented import history, without_decisions_after

pytestmark = pytest.mark.pure

MEASURES = (DenialRate, LagDenialRate, DecisionDelay)
FIGURES = ("observed", "expected", "variance", "claims", "effect", "worse_p", "better_p", "baseline_weeks")
WEEK = 58


def figures(tests: WindowTests) -> NDArray[np.float64]:
    columns = [np.atleast_2d(getattr(tests, name).T) for name in FIGURES]
    calibrated = [tests.calibrated.worse_p.T] if tests.calibrated else []
    return np.vstack(columns + calibrated).T


def reordered(arrays: RunoffArrays, order: NDArray[np.int64]) -> RunoffArrays:
    names = ("payer", "submitted", "denied", "paid", "duplicate")
    return replace(arrays, **{name: getattr(arrays, name)[order] for name in names})


@pytest.mark.parametrize("measure", MEASURES)
def test_a_payer_is_the_sum_of_its_series(measure: type) -> None:
    tests = measure(history()).test(WEEK)
    for name in ("observed", "expected", "claims", "baseline_decided"):
        values = getattr(tests, name)
        assert values[20:] == pytest.approx(np.stack([values[:10].sum(0), values[10:20].sum(0)])), name


@pytest.mark.parametrize("measure", MEASURES)
def test_the_order_of_series_does_not_matter(measure: type) -> None:
    arrays = history()
    order = np.random.default_rng(1).permutation(20)
    straight, mixed = figures(measure(arrays).test(WEEK)), figures(measure(reordered(arrays, order)).test(WEEK))
    assert mixed[:20] == pytest.approx(straight[:20][order], abs=1e-9)
    assert mixed[20:] == pytest.approx(straight[20:], abs=1e-9)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("week", [0, 5, 12, 30, WEEK])
def test_what_happens_later_changes_nothing(measure: type, week: int) -> None:
    arrays = history(extra_rate=0.5, changed=(3,), change_week=40)
    then = measure(without_decisions_after(arrays, week)).test(week)
    assert figures(measure(arrays).test(week)) == pytest.approx(figures(then), abs=0, rel=0)


@pytest.mark.parametrize("measure", MEASURES)
def test_nothing_is_tested_before_there_is_a_baseline(measure: type) -> None:
    tests = measure(history()).test(7)
    assert baseline_span(7) == (0, 0)
    assert (tests.baseline_weeks == 0).all()
    assert (tests.worse_p == 1).all() or measure is DecisionDelay


@pytest.mark.parametrize("measure", [DenialRate, LagDenialRate])
def test_duplicates_are_neither_denied_nor_paid(measure: type) -> None:
    arrays = history()
    duplicate = np.random.default_rng(2).binomial(arrays.denied, 0.3)
    moved = replace(arrays, denied=arrays.denied - duplicate, duplicate=duplicate)
    whole, less = measure(arrays).test(WEEK), measure(moved).test(WEEK)
    gone = arrays.with_payers(duplicate[:, WEEK - 3 : WEEK + 1].sum(axis=(1, 2)))
    window = [w.name for w in whole.windows].index("decided_4")
    assert (whole.claims[:, window] - less.claims[:, window] == gone).all()
    assert (whole.observed[:, window] - less.observed[:, window] == gone).all()


def test_duplicates_are_decisions_for_the_delay() -> None:
    arrays = history()
    moved = replace(arrays, denied=np.zeros_like(arrays.denied), duplicate=arrays.denied)
    assert (figures(DecisionDelay(moved).test(WEEK)) == figures(DecisionDelay(arrays).test(WEEK))).all()


def test_claims_still_waiting_count_towards_the_fraction_decided() -> None:
    arrays = history()
    more = replace(arrays, submitted=arrays.submitted + 10)
    assert DenialRate(more).test(WEEK).expected != pytest.approx(DenialRate(arrays).test(WEEK).expected)


def test_a_full_stop_of_decisions_is_seen_though_nothing_is_decided() -> None:
    arrays = history()
    stopped = {name: getattr(arrays, name).copy() for name in ("denied", "paid")}
    for counts in stopped.values():
        counts[:10, WEEK - 1 :] = 0
    tests = DecisionDelay(replace(arrays, **stopped)).test(WEEK)
    p_values, _ = tests.most_telling("worse")
    assert (p_values[:10] < 1e-4).all()
    assert p_values[20] < 1e-12
    assert (p_values[10:20] > 1e-4).all()


def test_waiting_claims_are_those_pending_and_those_submitted() -> None:
    arrays = history(series=2, payers=1)
    tests = DecisionDelay(arrays).test(WEEK)
    decided_before = arrays.decided[:, :WEEK].sum(axis=(1, 2))
    waiting = arrays.submitted[:, : WEEK + 1].sum(axis=1) - decided_before
    assert tests.claims[:2, 0] == pytest.approx(waiting)


def test_weeks_of_baseline_count_from_the_first_decision() -> None:
    arrays = history()
    late = {name: getattr(arrays, name).copy() for name in ("submitted", "denied", "paid")}
    for counts in late.values():
        counts[0, :45] = 0
    late["denied"][0, :47], late["paid"][0, :47] = 0, 0
    late["paid"][0, 47, 2] = 1
    tests = DenialRate(replace(arrays, **late)).test(WEEK)
    assert tests.baseline_weeks[0] == WEEK - 8 - 47 + 1
    assert tests.baseline_weeks[1] == 26


def test_a_calibrated_opinion_leaves_windows_of_decisions_alone() -> None:
    tests = DenialRate(history()).test(WEEK)
    assert tests.calibrated is not None
    assert (tests.calibrated.worse_p[:, 0] == tests.worse_p[:, 0]).all()
    assert (tests.calibrated.expected[:, 1] != tests.expected[:, 1]).any()
