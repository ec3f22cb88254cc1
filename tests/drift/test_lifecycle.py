"""When an event is over, and what is kept of its weeks."""

from datetime import date, timedelta
from typing import Any

import pytest

from payerwatch.drift.judgement import Certainty, DirectionResult, Tier, WindowResult
from payerwatch.drift.lifecycle import episode_of, is_over, week_entry, with_week
from payerwatch.drift.window_tests import Direction, Measure, Window

pytestmark = pytest.mark.pure

START = date(2026, 1, 5)


def result(effect: float, *, tier: Tier | None = None, certainty: Certainty | None = None, quiet: bool = False):
    window = WindowResult(
        window=Window("decided_4", 10, 13),
        observed=20,
        expected=10.0,
        variance=9.0,
        claims=100,
        effect=effect,
        worse_p=0.01,
        better_p=0.9,
        tested=True,
    )
    return DirectionResult(0.04, 0.06, window, tier, certainty or (tier and "likely"), unconfirmed=False, quiet=quiet)


def entry(number: int, **changes: Any) -> dict[str, Any]:
    """A flagged week, or whatever it is said to be."""
    direction: Direction = changes.pop("direction", "worse")
    measure: Measure = changes.pop("measure", "denial_rate")
    effect = changes.pop("effect", 0.1)
    return week_entry(START + timedelta(weeks=number), measure, direction, result(effect, **changes))


def flagged(number: int) -> dict[str, Any]:
    return entry(number, tier="alert")


def calm(number: int) -> dict[str, Any]:
    return entry(number, effect=0.001, quiet=True)


def test_two_calm_weeks_are_not_over_and_three_are():
    history = [flagged(0), calm(1), calm(2)]
    assert not is_over(history)
    assert is_over([*history, calm(3)])


def test_a_week_that_is_not_calm_starts_the_count_anew():
    assert not is_over([flagged(0), calm(1), calm(2), entry(3), calm(4), calm(5)])


def test_judging_one_week_again_replaces_it_and_counts_nothing_twice():
    history = [flagged(0), calm(1)]
    for _ in range(3):
        history = with_week(history, calm(2))
    assert [week["week"] for week in history] == ["2026-01-05", "2026-01-12", "2026-01-19"]
    assert not is_over(history)


def test_corrected_data_can_take_a_calm_week_back():
    history = [flagged(0), calm(1), calm(2), calm(3)]
    assert not is_over(with_week(history, entry(3)))


def test_an_event_that_corrected_data_no_longer_flags_is_over():
    history = with_week([flagged(0)], entry(0))
    assert is_over(history)
    assert episode_of(history) is None


@pytest.mark.parametrize(
    ("measure", "direction", "effect", "is_calm"),
    [
        ("denial_rate", "worse", -0.05, True),
        ("denial_rate", "better", -0.05, False),
        ("denial_rate", "better", 0.05, True),
        ("denial_rate", "worse", 0.05, False),
        ("days_to_decision", "worse", 1.3, True),
        ("days_to_decision", "better", 1.3, False),
        ("days_to_decision", "better", 0.7, True),
        ("days_to_decision", "worse", 0.7, False),
    ],
)
def test_an_effect_that_points_the_other_way_is_calm(
    measure: Measure, direction: Direction, effect: float, is_calm: bool
):
    assert entry(0, measure=measure, direction=direction, effect=effect)["calm"] is is_calm


def test_an_episode_keeps_its_highest_tier_and_certainty_and_its_first_weeks():
    history = [
        entry(0),
        entry(1, tier="watch", certainty="watch"),
        entry(2, tier="alert", certainty="very_likely"),
        entry(3, tier="alert", certainty="likely"),
        calm(4),
    ]
    episode = episode_of(history)
    assert episode is not None
    assert (episode.tier, episode.certainty) == ("alert", "very_likely")
    assert (episode.first_week, episode.alert_week) == (date(2026, 1, 12), date(2026, 1, 19))


def test_an_episode_that_was_only_watched_has_no_alert_week():
    episode = episode_of([entry(0, tier="watch", certainty="watch")])
    assert episode is not None
    assert (episode.tier, episode.certainty, episode.alert_week) == ("watch", "watch", None)
