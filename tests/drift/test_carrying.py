"""Which event hangs beneath which, with tiers given by rule instead of by the statistics."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from payerwatch.drift import actions
from payerwatch.drift.detectors import judge
from payerwatch.drift.judgement import DirectionResult, Judgement, NodeResult, Tier
from tests.drift.invented import history
from tests.drift.run_off_claims import claims_of, detect, load, sunday
from tests.make import answer, customer, row, upload

pytestmark = pytest.mark.django_db

MONDAY = date(2024, 1, 1)
Events = dict[str | None, dict[str, Any]]


@pytest.fixture
def week(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Events]:
    """Judge a week, the tiers of its denials given (None: calm); the newest events then, by CPT group."""
    customer()
    load(tmp_path, claims_of(history(series=1, payers=1, weeks=60, volume=20)))

    def judged_by(number: int, *, payer: Tier | None, series: Tier | None) -> Events:
        def ruled(*arguments: Any, **options: Any) -> Judgement:
            found = judge(*arguments, **options)
            return replace(
                found, nodes=tuple(_ruled(node, payer if node.series is None else series) for node in found.nodes)
            )

        monkeypatch.setattr(actions, "judge", ruled)
        detect("--as-of", sunday(MONDAY, number))
        found = answer("events", "--all").document
        return {event["cpt_group"]: event for event in sorted(found, key=lambda event: event["episode"])}

    return judged_by


def _ruled(node: NodeResult, tier: Tier | None) -> NodeResult:
    tier = tier if node.measure == "denial_rate" else None
    return replace(node, worse=_as(node.worse, tier), better=_as(node.better, None))


def _as(result: DirectionResult | None, tier: Tier | None) -> DirectionResult:
    assert result is not None
    return replace(result, tier=tier, certainty=tier and ("watch" if tier == "watch" else "likely"), quiet=not tier)


def test_a_series_stands_alone_while_its_payer_is_only_watched(week: Callable[..., Events]):
    events = week(50, payer="watch", series="alert")
    assert events["office_visits"]["parent"] is None
    events = week(51, payer="alert", series="alert")
    assert events["office_visits"]["parent"] == events[None]["id"]


def test_a_series_stays_beneath_a_payer_that_calmed_but_is_not_over(week: Callable[..., Events]):
    week(50, payer="alert", series="alert")
    events = week(51, payer=None, series="alert")
    assert events[None]["status"] == "open"
    assert events["office_visits"]["parent"] == events[None]["id"]


def test_a_series_flagged_as_its_payers_event_closes_stands_alone(week: Callable[..., Events]):
    week(50, payer="alert", series=None)
    for number in (51, 52):
        week(number, payer=None, series=None)
    events = week(53, payer=None, series="alert")
    assert events[None]["status"] == "closed"
    assert events["office_visits"]["parent"] is None


def test_a_series_follows_its_payer_into_the_payers_next_episode(week: Callable[..., Events]):
    first = week(50, payer="alert", series="alert")
    for number in (51, 52, 53):
        week(number, payer=None, series="alert")
    events = week(54, payer="alert", series="alert")
    assert (first[None]["episode"], events[None]["episode"]) == (1, 2)
    assert events["office_visits"]["id"] == first["office_visits"]["id"]
    assert events["office_visits"]["parent"] == events[None]["id"]


def test_only_judged_weeks_count_towards_closing(week: Callable[..., Events]):
    week(40, payer="alert", series="alert")
    for number in (50, 56):
        events = week(number, payer=None, series=None)
        assert {event["status"] for event in events.values()} == {"open"}
    events = week(57, payer=None, series=None)
    assert {event["status"] for event in events.values()} == {"closed"}


def test_a_calm_week_judged_again_is_one_calm_week(week: Callable[..., Events], tmp_path: Path):
    week(50, payer="alert", series="alert")
    week(51, payer=None, series=None)
    for number in range(3):
        upload(tmp_path, [row(number=f"X{number}", submitted="2024-12-30", decided="2025-01-05")], name=f"{number}.csv")
        events = week(52, payer=None, series=None)
        assert {event["status"] for event in events.values()} == {"open"}
