"""How the invented practice behaves: volumes, denials, lags, and drifts as large as the truth says."""

from datetime import date, timedelta

import numpy as np
import pytest

from payerwatch.operations.practice.catalogue import REASONS
from payerwatch.operations.sample import Drift, Practice, PracticeShape, draw_practice

pytestmark = pytest.mark.pure

UNTIL = date(2026, 1, 25)
LARGE = {"seed": 11, "weeks": 60, "claims_per_week": 3000, "until": UNTIL}


@pytest.fixture(scope="module")
def steady() -> Practice:
    return draw_practice(**LARGE, drift="none")  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def drifting() -> Practice:
    return draw_practice(**LARGE, drift="both")  # type: ignore[arg-type]


def touched(practice: Practice, drift: Drift) -> np.ndarray:
    """Claims of the drift's payer and group."""
    claims = practice.payer == practice.payers.index(drift.payer)
    if drift.cpt_group is not None:
        claims &= practice.claims.series % practice.shape.groups == practice.cpt_groups.index(drift.cpt_group)
    return claims


def after_change(practice: Practice, drift: Drift) -> np.ndarray:
    return practice.claims.submit_day >= (drift.change_week - practice.calendar.start).days


def lags(practice: Practice) -> np.ndarray:
    return practice.claims.decision_day - practice.claims.submit_day


def test_payers_and_groups_are_of_very_unequal_size(steady: Practice) -> None:
    by_payer = np.bincount(steady.payer, minlength=10) / steady.payer.size
    by_series = np.bincount(steady.claims.series, minlength=90)
    assert by_payer.max() > 0.18
    assert by_payer.min() < 0.03
    assert by_series.max() > 50 * by_series.min()


def test_denial_rates_stay_within_what_payers_do(steady: Practice) -> None:
    claims = np.bincount(steady.claims.series, minlength=90)
    rate = np.bincount(steady.claims.series, weights=steady.claims.denied, minlength=90) / claims
    filled = claims > 1000
    assert 0.03 < rate[filled].min() < 0.08
    assert 0.15 < rate[filled].max() < 0.28
    assert 0.08 < steady.claims.denied.mean() < 0.14


def test_some_payers_deny_slower_and_some_faster_than_they_pay(steady: Practice) -> None:
    lag, denied = lags(steady), steady.claims.denied
    slower = [
        np.median(lag[denied & (steady.payer == payer)]) > np.median(lag[~denied & (steady.payer == payer)])
        for payer in range(10)
    ]
    assert 3 <= sum(slower) <= 8


def test_medicare_pays_nothing_before_its_floor(steady: Practice) -> None:
    medicare = steady.payer == steady.payers.index("Medicare")
    assert lags(steady)[medicare & ~steady.claims.denied].min() >= 14
    assert lags(steady)[medicare & steady.claims.denied].min() < 14


def test_weekends_see_few_submissions_and_few_decisions(steady: Practice) -> None:
    for days in (steady.claims.submit_day, steady.claims.decision_day):
        assert np.mean(days % 7 >= 5) < 0.06


def test_volume_grows_and_dips_at_holidays(steady: Practice) -> None:
    weekly = np.bincount(steady.claims.submit_day // 7, minlength=60)
    christmas = (date(2025, 12, 25) - steady.calendar.start).days // 7
    assert weekly[40:45].mean() > weekly[10:15].mean()
    assert weekly[christmas] < 0.7 * weekly[christmas - 2]
    assert weekly.mean() == pytest.approx(3000, rel=0.01)


def test_reasons_differ_from_payer_to_payer(steady: Practice) -> None:
    kinds = np.array([reason.category for reason in REASONS])
    for payer, favourite in (("Medicare", "medical_necessity"), ("Medicaid", "eligibility")):
        theirs = steady.claims.denied & (steady.payer == steady.payers.index(payer))
        named, times = np.unique(kinds[steady.claims.reason[theirs]], return_counts=True)
        assert named[times.argmax()] == favourite


def test_only_denied_claims_have_a_reason(steady: Practice) -> None:
    assert ((steady.claims.reason >= 0) == steady.claims.denied).all()


def test_both_measures_drift_at_payers_of_their_own(drifting: Practice) -> None:
    assert sorted(drift.measure for drift in drifting.drifts) == 2 * ["days_to_decision"] + 2 * ["denial_rate"]
    assert len({drift.payer for drift in drifting.drifts}) == 4
    assert [drift.cpt_group is None for drift in drifting.drifts] == [True, True, False, False]


def test_denials_rise_by_the_size_told_from_the_change_week_on(drifting: Practice, steady: Practice) -> None:
    for drift in drifting.drifts:
        if drift.measure == "denial_rate":
            claims, after = touched(drifting, drift), after_change(drifting, drift)
            denied = drifting.claims.denied
            rise = denied[claims & after].mean() - denied[claims & ~after].mean()
            assert rise == pytest.approx(drift.size, abs=0.04)


def test_extra_denials_mostly_carry_the_new_policys_reason(drifting: Practice) -> None:
    kinds = np.array([reason.category for reason in REASONS])
    for drift in drifting.drifts:
        if drift.measure == "denial_rate":
            denied = touched(drifting, drift) & drifting.claims.denied
            after = after_change(drifting, drift)
            share = [
                np.mean(kinds[drifting.claims.reason[rows]] == drift.denial_category)
                for rows in (denied & ~after, denied & after)
            ]
            assert share[1] > share[0] + 0.15


def test_decisions_slow_by_the_days_told_and_denials_do_not_rise(drifting: Practice) -> None:
    for drift in drifting.drifts:
        if drift.measure == "days_to_decision":
            claims, after = touched(drifting, drift), after_change(drifting, drift)
            days, denied = lags(drifting), drifting.claims.denied
            assert np.median(days[claims & after]) - np.median(days[claims & ~after]) == pytest.approx(
                drift.size, abs=2
            )
            assert denied[claims & after].mean() == pytest.approx(denied[claims & ~after].mean(), abs=0.04)


def test_what_does_not_drift_is_as_in_the_practice_without_drift(drifting: Practice, steady: Practice) -> None:
    elsewhere = ~np.any([touched(drifting, drift) for drift in drifting.drifts], axis=0)
    assert (drifting.claims.series == steady.claims.series).all()
    assert (drifting.claims.denied[elsewhere] == steady.claims.denied[elsewhere]).all()
    assert (drifting.claims.decision_day[elsewhere] == steady.claims.decision_day[elsewhere]).all()


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("kind", ["denial", "delay"])
def test_one_payer_and_one_or_two_single_series_drift(seed: int, kind: str) -> None:
    practice = draw_practice(seed=seed, weeks=60, claims_per_week=300, until=UNTIL, drift=kind)  # type: ignore[arg-type]
    assert [drift.cpt_group is None for drift in practice.drifts] in ([True, False], [True, False, False])
    assert len({drift.payer for drift in practice.drifts}) == len(practice.drifts)
    for drift in practice.drifts:
        assert drift.size in (7, 8, 9, 10) if kind == "delay" else 0.12 <= drift.size <= 0.18
        assert (drift.change_week - practice.calendar.start).days // 7 >= 35
        assert 10 <= (UNTIL - drift.change_week).days // 7 + 1 <= 14


@pytest.mark.parametrize(
    ("weeks", "earliest", "latest"), [(1, 0, 0), (2, 1, 1), (12, 8, 8), (30, 24, 24), (41, 35, 35)]
)
def test_a_short_history_changes_as_late_as_can_still_be_seen(weeks: int, earliest: int, latest: int) -> None:
    practice = draw_practice(seed=1, weeks=weeks, claims_per_week=300, until=UNTIL, drift="denial")
    for drift in practice.drifts:
        assert earliest <= (drift.change_week - practice.calendar.start).days // 7 <= latest


def test_a_flat_practice_has_series_of_one_steady_volume() -> None:
    shape = PracticeShape.flat(payers=10, groups=10)
    practice = draw_practice(seed=1, weeks=40, claims_per_week=5000, until=UNTIL, shape=shape)
    by_series = np.bincount(practice.claims.series, minlength=100)
    by_week = np.bincount(practice.claims.submit_day // 7, minlength=40)
    assert by_series.size == 100
    assert np.abs(by_series / 2000 - 1).max() < 0.15
    assert np.abs(by_week / 5000 - 1).max() < 0.07


def test_a_benchmark_chooses_how_many_series_drift_when_and_by_how_much() -> None:
    shape = PracticeShape.flat(
        payers=10, groups=10, drifted_series=10, rate_jump=0.15, delay_days=7, weeks_after_change=12
    )
    for kind, size in (("denial", 0.15), ("delay", 7)):
        practice = draw_practice(
            seed=1,
            weeks=60,
            claims_per_week=1000,
            until=UNTIL,
            drift=kind,
            shape=shape,  # type: ignore[arg-type]
        )
        assert {(drift.payer) for drift in practice.drifts} == set(practice.payers)
        assert {drift.size for drift in practice.drifts} == {size}
        assert {drift.change_week for drift in practice.drifts} == {UNTIL - timedelta(days=6 + 7 * 11)}
        assert None not in {drift.cpt_group for drift in practice.drifts}


def test_a_payer_can_become_better() -> None:
    shape = PracticeShape.flat(payers=2, groups=1, drifted_series=1, rate_jump=-0.05)
    practice = draw_practice(seed=1, weeks=60, claims_per_week=2000, until=UNTIL, drift="denial", shape=shape)
    drift = practice.drifts[0]
    claims, after = touched(practice, drift), after_change(practice, drift)
    fall = practice.claims.denied[claims & ~after].mean() - practice.claims.denied[claims & after].mean()
    assert fall == pytest.approx(0.05, abs=0.02)
