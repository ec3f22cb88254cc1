"""Each threshold of a judgement, tried exactly at it and a hair beside it: which side it belongs to is a promise."""

from dataclasses import replace
from math import inf, nextafter

import numpy as np
import pytest

from payerwatch.drift.detectors import judge
from payerwatch.drift.judgement import DirectionResult, Judgement, NodeResult
from payerwatch.drift.lifecycle import _points_back
from payerwatch.drift.opinion import is_quiet
from payerwatch.drift.parameters import DEFAULTS, Parameters
from payerwatch.drift.runoff_arrays import RunoffArrays
from tests.drift.invented import history

pytestmark = pytest.mark.pure

WEEK = 60
STALLED = 4
"""Weeks in which nothing is decided for the payers that are stalled."""


def below(value: float) -> float:
    return nextafter(value, -inf)


def above(value: float) -> float:
    return nextafter(value, inf)


def raised() -> RunoffArrays:
    return history(volume=60, extra_rate=0.25, changed=(3,))


def node_of(arrays: RunoffArrays, measure: str, series: int, **parameters: object) -> NodeResult:
    judgement = judge(arrays, WEEK, parameters=replace(DEFAULTS, **parameters))
    [found] = [each for each in judgement.nodes if (each.measure, each.series) == (measure, series)]
    return found


def worse(**parameters: object) -> DirectionResult:
    """Of the series that denies more."""
    found = node_of(raised(), "denial_rate", 3, **parameters).worse
    assert found is not None
    return found


def test_an_adjusted_p_value_of_exactly_the_rate_is_an_alert() -> None:
    q_value = worse().q_value
    assert worse(false_discovery_rate=q_value).tier == "alert"
    assert worse(false_discovery_rate=below(q_value)).tier == "watch"


def test_an_alert_of_exactly_the_stricter_rate_is_very_likely_and_any_other_likely() -> None:
    q_value = worse().q_value
    assert worse(very_likely_rate=q_value).certainty == "very_likely"
    assert worse(very_likely_rate=below(q_value)).certainty == "likely"


def test_a_watch_is_below_its_p_value_and_its_certainty_is_its_name() -> None:
    p_value = worse().p_value
    assert worse(false_discovery_rate=-1.0, watch_p_value=p_value).tier is None
    watched = worse(false_discovery_rate=-1.0, watch_p_value=above(p_value))
    assert (watched.tier, watched.certainty) == ("watch", "watch")


def test_an_effect_of_exactly_the_least_is_worth_telling() -> None:
    effect = worse().telling.effect
    assert worse(denial_effect=effect).tier == "alert"
    assert worse(denial_effect=above(effect)).tier is None


@pytest.mark.parametrize(
    ("extra_weeks", "week", "direction", "parameter", "beyond"),
    [(2, 54, "worse", "slower_ratio", below), (-1, WEEK, "better", "faster_ratio", above)],
)
def test_a_ratio_of_exactly_the_threshold_is_worth_telling(
    extra_weeks: int, week: int, direction: str, parameter: str, beyond: object
) -> None:
    def tier(**parameters: float) -> DirectionResult:
        judgement = judge(decided_sooner_or_later(extra_weeks), week, parameters=replace(DEFAULTS, **parameters))
        [node] = [each for each in judgement.nodes if (each.measure, each.series) == ("days_to_decision", 3)]
        found: DirectionResult = getattr(node, direction)
        return found

    ratio = tier().telling.effect
    assert tier(**{parameter: ratio}).tier == "alert"
    assert tier(**{parameter: beyond(ratio)}).tier is None  # type: ignore[operator]


def decided_sooner_or_later(weeks: int) -> RunoffArrays:
    if weeks > 0:
        return history(volume=60, extra_weeks=weeks, changed=(3,))
    arrays = history(volume=60)
    sooner = {name: getattr(arrays, name).copy() for name in ("denied", "paid")}
    for counts in sooner.values():
        last = counts[3, WEEK].copy()
        counts[3, WEEK] += last  # twice as many were decided in the last week
    return replace(arrays, **sooner)


def test_quiet_is_nearer_to_none_than_the_threshold_and_ratios_belong_to_it() -> None:
    least, (low, high) = DEFAULTS.quiet_denial_effect, DEFAULTS.quiet_ratio
    assert [is_quiet("denial_rate", each) for each in (least, below(least), -least, above(-least))] == [
        *(False, True),
        *(False, True),
    ]
    ratios = (below(low), low, high, above(high))
    assert [is_quiet("days_to_decision", each) for each in ratios] == [False, True, True, False]


def test_no_effect_at_all_points_nowhere() -> None:
    for measure, none in (("denial_rate", 0.0), ("days_to_decision", 1.0)):
        for direction in ("worse", "better"):
            assert not _points_back(measure, direction, none)
            assert _points_back(measure, direction, below(none)) != _points_back(measure, direction, above(none))


def test_as_many_weeks_as_are_needed_are_enough() -> None:
    arrays = history()
    found = node_of(arrays, "denial_rate", 0).baseline_weeks
    assert node_of(arrays, "denial_rate", 0, baseline_weeks_minimum=found).reason is None
    assert node_of(arrays, "denial_rate", 0, baseline_weeks_minimum=found + 1).reason == "learning"


def test_what_has_learned_enough_and_has_nothing_to_test_is_too_few() -> None:
    thin = history(volume=0.4)
    learned = node_of(thin, "denial_rate", 0).baseline_weeks
    assert node_of(thin, "denial_rate", 0, baseline_weeks_minimum=learned).reason == "too_few"
    assert node_of(thin, "denial_rate", 0, baseline_weeks_minimum=learned + 1).reason == "learning"


def test_one_window_that_can_be_tested_is_enough() -> None:
    partly = [
        node
        for node in judge(history(volume=2.2), WEEK).nodes
        if {each.tested for each in node.windows} == {True, False}
    ]
    assert partly
    assert all(node.judged for node in partly)


def stalled_feed(payers: int, slower: int, **parameters: object) -> Judgement:
    """Of so many payers with five series each, so many of which stand still."""
    arrays = history(series=5 * payers, payers=payers)
    stopped = {name: getattr(arrays, name).copy() for name in ("denied", "paid")}
    for counts in stopped.values():
        counts[: 5 * slower, WEEK + 1 - STALLED :] = 0
    return judge(replace(arrays, **stopped), WEEK, parameters=replace(Parameters(), **parameters))


def test_a_feed_is_stalled_at_exactly_the_share_and_the_number_of_payers() -> None:
    assert stalled_feed(4, 3, stalled_share=0.75, stalled_payers_minimum=4).data_feed_stalled is True
    assert stalled_feed(4, 3, stalled_share=above(0.75)).data_feed_stalled is False
    assert stalled_feed(4, 3, stalled_payers_minimum=5).data_feed_stalled is False


def test_a_payer_of_exactly_the_p_value_is_not_slower() -> None:
    judged = [
        each.worse.p_value
        for each in stalled_feed(4, 3, stalled_share=2.0).nodes
        if each.measure == "days_to_decision" and each.series is None and each.worse
    ]
    least_clear = sorted(judged)[2]
    assert not stalled_feed(4, 3, stalled_share=0.75, watch_p_value=least_clear).data_feed_stalled
    assert stalled_feed(4, 3, stalled_share=0.75, watch_p_value=above(least_clear)).data_feed_stalled


def test_payers_that_are_slower_by_little_stall_no_feed() -> None:
    """Both are asked for: that it is no chance, and that it is large."""
    assert not stalled_feed(4, 4, slower_ratio=-1.0).data_feed_stalled
    assert not stalled_feed(4, 4, watch_p_value=-1.0).data_feed_stalled
    payers = [each for each in stalled_feed(4, 4).nodes if each.measure == "days_to_decision" and each.series is None]
    assert payers
    largest = max(each.windows[0].worse_p for each in payers)
    assert largest < 1e-9


def test_each_payer_is_answered_for_under_its_own_number() -> None:
    judgement = judge(history(payers=4), WEEK)
    payers = [each.payer for each in judgement.nodes if each.series is None and each.measure == "denial_rate"]
    assert payers == [0, 1, 2, 3]
    assert not any(each.provisional for each in judgement.nodes)


def test_what_is_not_tested_has_a_p_value_of_one() -> None:
    judgement = judge(history(volume=3), WEEK)
    untested = [window for node in judgement.nodes for window in node.windows if not window.tested]
    assert untested
    assert {(window.worse_p, window.better_p) for window in untested} == {(1.0, 1.0)}
    assert np.all([0 <= window.worse_p <= 1 for node in judgement.nodes for window in node.windows])
