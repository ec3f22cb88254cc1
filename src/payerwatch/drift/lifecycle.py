"""How a drift event opens, changes and closes as week after week is judged. Pure: no database.

An event opens when its node is first flagged, in either tier. It closes after three judged weeks in a row
in which the effect is as good as none, or points the other way. Each judged week leaves one entry in the
event's history, so judging a week again on new data replaces that week's entry and counts nothing twice.
What is kept of the whole episode (tier, certainty, first weeks) is read from that history.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from payerwatch.drift.judgement import DirectionResult
from payerwatch.drift.window_tests import Direction, Measure

CALM_WEEKS_TO_CLOSE = 3
_CERTAINTIES = ("watch", "likely", "very_likely")


@dataclass(frozen=True)
class WeekEntry:
    """One judged week of an event."""

    week: str
    tier: str | None
    certainty: str | None
    observed: int
    expected: float
    effect: float
    p_value: float
    q_value: float
    calm: bool


def week_entry(week: date, measure: Measure, direction: Direction, result: DirectionResult) -> dict[str, Any]:
    """What the history keeps of a judged week."""
    telling = result.telling
    return asdict(
        WeekEntry(
            week=week.isoformat(),
            tier=result.tier,
            certainty=result.certainty,
            observed=telling.observed,
            expected=telling.expected,
            effect=telling.effect,
            p_value=result.p_value,
            q_value=result.q_value,
            calm=result.quiet or _points_back(measure, direction, telling.effect),
        )
    )


def with_week(history: Sequence[dict[str, Any]], entry: dict[str, Any]) -> list[dict[str, Any]]:
    """The history with this week's entry, replacing one of the same week."""
    return [past for past in history if past["week"] < entry["week"]] + [entry]


@dataclass(frozen=True)
class Episode:
    """The flagged weeks of an event taken together. Tier and certainty are the highest of them."""

    tier: str
    certainty: str
    first_week: date
    alert_week: date | None


def episode_of(history: Sequence[dict[str, Any]]) -> Episode | None:
    """None where corrected data left no week that was flagged."""
    flagged = [entry for entry in history if entry["tier"]]
    if not flagged:
        return None
    alerts = [entry["week"] for entry in flagged if entry["tier"] == "alert"]
    return Episode(
        tier="alert" if alerts else "watch",
        certainty=max((entry["certainty"] for entry in flagged), key=_CERTAINTIES.index),
        first_week=date.fromisoformat(flagged[0]["week"]),
        alert_week=date.fromisoformat(alerts[0]) if alerts else None,
    )


def is_over(history: Sequence[dict[str, Any]]) -> bool:
    """Whether the last three judged weeks were calm, or corrected data left no week that was flagged."""
    if not any(entry["tier"] for entry in history):
        return True
    last = history[-CALM_WEEKS_TO_CLOSE:]
    return len(last) == CALM_WEEKS_TO_CLOSE and all(entry["calm"] for entry in last)


def _points_back(measure: Measure, direction: Direction, effect: float) -> bool:
    """Whether the effect lies beyond none, on the other side of the event's direction."""
    neutral = 0.0 if measure == "denial_rate" else 1.0
    more_is_worse = measure == "denial_rate"
    above_is_back = (direction == "better") == more_is_worse
    return effect > neutral if above_is_back else effect < neutral
