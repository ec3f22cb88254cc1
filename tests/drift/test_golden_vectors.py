"""The detectors give the numbers an independent implementation of the same definitions gave.

`golden/run_off.npz` holds run-off arrays of five invented histories (30 series of 3 payers, 72 weeks: denials
slower, denials faster, growth with wobbling rates, payers that slow down, few claims) and, for nine weeks
from week 11 on, the p-value (worse direction) and effect of every series.
"""

from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from payerwatch.drift.decision_delay import DecisionDelay
from payerwatch.drift.denial_rate import DenialRate
from payerwatch.drift.lag_denial_rate import LagDenialRate
from payerwatch.drift.runoff_arrays import RunoffArrays
from tests.drift.invented import last_weeks

pytestmark = pytest.mark.pure

HISTORIES = ("slower_denials", "faster_denials", "growth_overdispersed", "slower_payers", "few_claims")
MEASURES = {
    "denial_rate": DenialRate,
    "days_to_decision": DecisionDelay,
    "lag_denial_rate": LagDenialRate,
}


@cache
def golden() -> dict[str, NDArray[np.float64]]:
    with np.load(Path(__file__).parent / "golden" / "run_off.npz") as file:
        return dict(file)


def arrays(history: str) -> RunoffArrays:
    denied = golden()[f"{history}/denied"]
    counts = [golden()[f"{history}/{name}"] for name in ("payer", "submitted")]
    return RunoffArrays(date(2024, 1, 1), *counts, denied, golden()[f"{history}/paid"], np.zeros_like(denied))


@pytest.mark.parametrize("history", HISTORIES)
@pytest.mark.parametrize("measure", MEASURES)
def test_p_values_and_effects_agree_with_the_golden_vectors(history: str, measure: str) -> None:
    detector = MEASURES[measure](arrays(history))
    for row, week in enumerate(golden()["weeks"].tolist()):
        tests = detector.test(week)
        p_values, telling = tests.most_telling("worse")
        expected_p = golden()[f"{history}/{measure}/p"][row]
        expected_effect = golden()[f"{history}/{measure}/effect"][row]
        series = expected_p.size
        assert p_values[:series] == pytest.approx(expected_p, abs=1e-9, rel=0)
        effects = tests.effect[np.arange(telling.size), telling][:series]
        assert effects == pytest.approx(expected_effect, abs=1e-9, rel=0)


@pytest.mark.parametrize("measure", MEASURES)
def test_the_last_59_weeks_give_the_same_as_the_whole_history(measure: str) -> None:
    whole = arrays("slower_denials")
    for week in (58, 60, 71):
        cut = last_weeks(whole, week)
        full, short = MEASURES[measure](whole).test(week), MEASURES[measure](cut).test(cut.weeks - 1)
        for name in ("observed", "expected", "variance", "effect", "worse_p", "better_p", "baseline_weeks"):
            assert getattr(short, name) == pytest.approx(getattr(full, name), abs=1e-12), name
