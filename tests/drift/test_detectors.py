from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from payerwatch.drift.denial_rate import DenialRate
from payerwatch.drift.detectors import Detectors, judge
from payerwatch.drift.judgement import Judgement, NodeResult
from payerwatch.drift.opinion import confirmed_tier, is_quiet
from payerwatch.drift.parameters import Parameters
from payerwatch.drift.runoff_arrays import RunoffArrays
from payerwatch.drift.statistics import adjusted_p_values
from tests.drift.invented import history

pytestmark = pytest.mark.pure

WEEK = 60


def nodes(judgement: Judgement, measure: str) -> list[NodeResult]:
    return [node for node in judgement.nodes if node.measure == measure]


def frozen(arrays: RunoffArrays, series: slice, weeks: int = 2) -> RunoffArrays:
    stopped = {name: getattr(arrays, name).copy() for name in ("denied", "paid")}
    for counts in stopped.values():
        counts[series, WEEK + 1 - weeks :] = 0
    return replace(arrays, **stopped)


def test_every_series_and_payer_is_answered_for_both_measures() -> None:
    judgement = judge(history(), WEEK)
    keys = Counter((node.measure, node.payer, node.series) for node in judgement.nodes)
    assert len(keys) == 2 * (20 + 2)
    assert set(keys.values()) == {1}
    assert judgement.tests == 2 * 2 * (20 + 2)


def test_a_rise_of_denials_is_an_alert_of_its_series_alone() -> None:
    arrays = history(volume=60, extra_rate=0.25, changed=(3,))
    denials = nodes(judge(arrays, WEEK), "denial_rate")
    alerts = [node for node in denials if node.worse and node.worse.tier == "alert"]
    assert [(node.payer, node.series) for node in alerts] == [(0, 3)]
    assert alerts[0].worse.certainty == "very_likely"
    assert alerts[0].worse.telling.observed > alerts[0].worse.telling.expected
    assert alerts[0].better.tier is None


def test_a_fall_of_denials_is_found_on_the_better_side() -> None:
    arrays = history(volume=100, extra_rate=-0.09, changed=(3,))
    node = nodes(judge(arrays, WEEK), "denial_rate")[3]
    assert (node.better.tier, node.worse.tier) == ("alert", None)
    assert node.better.telling.effect < -0.02


def test_slower_decisions_are_a_delay_and_not_a_denial_drift() -> None:
    arrays = history(volume=60, extra_weeks=2, changed=(3,))
    judgement = judge(arrays, 54)
    assert nodes(judgement, "days_to_decision")[3].worse.tier == "alert"
    assert nodes(judgement, "denial_rate")[3].worse.tier is None


def test_q_values_are_adjusted_over_series_and_payers_together() -> None:
    family = nodes(judge(history(), WEEK), "denial_rate")
    p_values = np.array([node.worse.p_value for node in family])
    assert [node.worse.q_value for node in family] == pytest.approx(adjusted_p_values(p_values))


def test_untested_nodes_do_not_weigh_on_the_others() -> None:
    arrays = history()
    thin = {name: getattr(arrays, name).copy() for name in ("submitted", "denied", "paid")}
    for counts in thin.values():
        counts[0] = 0
    family = nodes(judge(replace(arrays, **thin), WEEK), "denial_rate")
    assert (family[0].reason, family[0].worse, family[0].better) == ("learning", None, None)
    p_values = np.array([node.worse.p_value for node in family if node.judged])
    assert p_values.size == 21
    assert [n.worse.q_value for n in family if n.judged] == pytest.approx(adjusted_p_values(p_values))


def test_a_young_history_is_learning_and_says_for_how_long() -> None:
    judgement = judge(history(), 14)
    assert {node.reason for node in judgement.nodes} == {"learning"}
    assert {node.baseline_weeks for node in judgement.nodes} <= {6, 7}
    assert judgement.tests == 0


def test_too_few_claims_are_said_to_be_too_few() -> None:
    judgement = judge(history(volume=0.4), WEEK)
    reasons = {node.reason for node in nodes(judgement, "denial_rate") if node.series is not None}
    assert reasons == {"too_few"}


def test_without_pending_claims_the_rate_is_provisional_and_the_delay_not_judged() -> None:
    judgement = judge(history(), WEEK, pending_known=False)
    denials, delays = nodes(judgement, "denial_rate"), nodes(judgement, "days_to_decision")
    assert all(node.judged and node.provisional for node in denials)
    assert {node.reason for node in delays} == {"no_pending"}
    assert {w.window.name for w in denials[0].windows} == {"decided_2", "decided_4", "decided_8"}


def test_nearly_all_payers_slower_at_once_is_a_stalled_feed() -> None:
    arrays = frozen(history(payers=4), slice(0, 15))
    judgement = judge(arrays, WEEK)
    assert judgement.data_feed_stalled
    assert {node.reason for node in nodes(judgement, "days_to_decision")} == {"data_feed_stalled"}
    assert {node.reason for node in nodes(judgement, "denial_rate")} == {None}


def test_half_the_payers_slower_is_the_payers_doing() -> None:
    judgement = judge(frozen(history(payers=4), slice(0, 10)), WEEK)
    assert not judgement.data_feed_stalled
    assert nodes(judgement, "days_to_decision")[0].worse.tier == "alert"


def test_two_payers_never_make_a_stalled_feed() -> None:
    judgement = judge(frozen(history(payers=2), slice(0, 20)), WEEK)
    assert not judgement.data_feed_stalled


def test_a_payer_of_one_series_says_the_same_twice() -> None:
    judgement = judge(history(series=4, payers=4), WEEK)
    denials = nodes(judgement, "denial_rate")
    assert denials[2].worse.p_value == pytest.approx(denials[4 + 2].worse.p_value)


def test_thresholds_are_parameters() -> None:
    arrays = history(volume=60, extra_rate=0.25, changed=(3,))
    strict = Parameters(denial_effect=0.9)
    assert nodes(judge(arrays, WEEK, parameters=strict), "denial_rate")[3].worse.tier is None


def test_an_alert_the_second_opinion_does_not_confirm_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = history(volume=60, extra_rate=0.25, changed=(3,))
    tests = DenialRate(arrays).test(WEEK)
    doubting = replace(tests, calibrated=replace(tests.calibrated, worse_p=np.ones_like(tests.worse_p)))
    monkeypatch.setattr(DenialRate, "test", lambda *_: doubting)
    node = nodes(judge(arrays, WEEK), "denial_rate")[3]
    assert node.worse.q_value < 0.01
    assert (node.worse.tier, node.worse.certainty, node.worse.unconfirmed) == ("watch", "watch", True)


def test_an_alert_needs_both_opinions_and_is_watched_otherwise() -> None:
    assert confirmed_tier("alert", "alert") == "alert"
    assert confirmed_tier("alert", "watch") == "watch"
    assert confirmed_tier("alert", None) == "watch"
    assert confirmed_tier("watch", None) == "watch"
    assert confirmed_tier(None, "alert") is None


@pytest.mark.parametrize(
    ("measure", "effect", "quiet"),
    [
        ("denial_rate", 0.009, True),
        ("denial_rate", -0.011, False),
        ("days_to_decision", 0.96, True),
        ("days_to_decision", 1.06, False),
    ],
)
def test_a_week_is_quiet_when_its_effect_is_next_to_none(measure: str, effect: float, quiet: bool) -> None:
    assert is_quiet(measure, effect) is quiet


def test_charts_draw_the_expectation_judged_by() -> None:
    detectors = Detectors(history())
    tests = nodes(detectors.judge(WEEK), "denial_rate")
    weekly = detectors.weekly("denial_rate", WEEK, 4)
    window = tests[5].windows[0]
    assert weekly.expected[5].sum() == pytest.approx(window.expected)
    assert weekly.observed[5].sum() == window.observed
    assert weekly.first_week == WEEK - 3


def test_delay_charts_draw_decisions_of_those_waiting() -> None:
    detectors = Detectors(history())
    window = nodes(detectors.judge(WEEK), "days_to_decision")[21].windows[2]
    weekly = detectors.weekly("days_to_decision", WEEK, 4)
    assert weekly.expected[21].sum() == pytest.approx(window.expected)
    assert (weekly.claims[21] >= weekly.observed[21]).all()


def test_charts_without_pending_claims_use_lag_strata() -> None:
    detectors = Detectors(history())
    judgement = detectors.judge(WEEK, pending_known=False)
    weekly = detectors.weekly("denial_rate", WEEK, 8, pending_known=False)
    assert weekly.expected[5].sum() == pytest.approx(nodes(judgement, "denial_rate")[5].windows[2].expected)


def test_median_days_of_a_payer_rise_when_its_decisions_slow_down() -> None:
    arrays = history(extra_weeks=1, changed=tuple(range(10)))
    before, after = Detectors(arrays).median_days(20, WEEK)
    assert before is not None
    assert after == pytest.approx(before + 7, abs=1.5)
