"""Seeded customers of 100 series: the detectors stay calm, find what changed, and do not mix measures up."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from benchmarks.quality_looks import Looks, product_looks
from benchmarks.quality_process import Change, Process, draw
from benchmarks.quality_scenarios import DENIALS_FASTER, DENIALS_SLOWER, ONE_IN_TEN

from payerwatch.drift.denial_rate import DenialRate
from payerwatch.drift.window_tests import WindowTests

pytestmark = [pytest.mark.pure, pytest.mark.untraced]

SEED = 20_240
LOOKS = 20


@cache
def looks(process: Process) -> dict[str, Looks]:
    return product_looks(draw(process, SEED))


def changed(process: Process, **change: int | float) -> dict[str, Looks]:
    return looks(replace(process, change=Change(ONE_IN_TEN, **change)))


@pytest.mark.parametrize("process", [DENIALS_SLOWER, DENIALS_FASTER], ids=["slower", "faster"])
@pytest.mark.parametrize("measure", ["denial_rate", "days_to_decision"])
def test_a_steady_customer_raises_at_most_four_alerts_in_twenty_weeks(process: Process, measure: str) -> None:
    assert looks(process)[measure].starts[:LOOKS].sum() <= 4


def test_fifteen_points_more_denials_at_fifty_claims_a_week_are_found_by_week_ten() -> None:
    found = changed(DENIALS_SLOWER, extra_rate=0.15)["denial_rate"].alert[:10, list(ONE_IN_TEN)].any(axis=0)
    assert found.all()


def test_seven_days_more_are_a_delay_within_five_weeks() -> None:
    found = changed(DENIALS_SLOWER, extra_days=7)["days_to_decision"].alert[:5, list(ONE_IN_TEN)].any(axis=0)
    assert found.mean() >= 0.9


def test_a_change_of_speed_alone_is_denial_drift_in_at_most_a_tenth() -> None:
    speeds = ((DENIALS_SLOWER, 7), (DENIALS_FASTER, 7), (DENIALS_SLOWER, -6))
    alerts = [changed(process, extra_days=days)["denial_rate"].alert for process, days in speeds]
    assert np.mean([alert[:12, list(ONE_IN_TEN)].any(axis=0) for alert in alerts]) <= 0.1


def test_an_event_alerts_once_until_three_quiet_weeks_have_passed() -> None:
    alert = np.array([1, 0, 1, 0, 0, 0, 1, 0], bool)[:, None]
    quiet = np.array([0, 1, 0, 1, 1, 1, 0, 1], bool)[:, None]
    assert np.flatnonzero(Looks(alert, alert, quiet).events).tolist() == [0, 6]
    assert np.flatnonzero(Looks(alert, alert, quiet).starts).tolist() == [0, 2, 6]


def test_calibration_takes_the_lean_from_young_cohorts_of_steady_payers() -> None:
    measure = DenialRate(draw(DENIALS_FASTER, SEED).arrays)
    weeks = [measure.test(week) for week in (50, 57, 64, 71)]

    def lean(tests: list[WindowTests]) -> float:
        return float(np.mean([((t.observed - t.expected) / np.sqrt(t.variance))[100:, 1] for t in tests]))

    assert lean(weeks) > 0.5
    assert abs(lean([tests.calibrated for tests in weeks if tests.calibrated])) < 0.35
