"""What a replay says a rule would have sent is what it sends, week by week, where nothing holds or delays it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from payerwatch.alerts.actions import bring_up_to_date
from payerwatch.alerts.feedback import give_verdict
from payerwatch.alerts.replay import replay_rule
from payerwatch.drift.models import DriftEvent
from payerwatch.tenancy.context import acting_in
from tests.alerts.making import MONDAY, Clock, alerts_in, endpoint, event, judged, payer, rule, week_entry
from tests.make import ACTOR, customer

pytestmark = [pytest.mark.django_db, pytest.mark.proof]

HISTORIES = 500 if os.environ.get("PAYERWATCH_PROOF") == "full" else 25
WEEKS = 10
GROUPS = ("", "imaging", "therapy")
CERTAINTIES = ("watch", "likely", "very_likely")
_NUMBERS = count(1)


@dataclass(frozen=True)
class Judged:
    """One week of a series: not judged, or how sure and how costly; `over` ends it."""

    certainty: str | None
    amount: int | None
    over: bool = False


judged_weeks = st.builds(
    Judged,
    st.sampled_from([None, *CERTAINTIES]),
    st.sampled_from([None, 500_00, 2_000_00, 4_500_00, 10_000_00, 40_000_00]),
    st.sampled_from([False] * 5 + [True]),
)
lives = st.fixed_dictionaries({
    group: st.lists(st.none() | judged_weeks, min_size=WEEKS, max_size=WEEKS) for group in GROUPS
})  # fmt: skip
terms = st.fixed_dictionaries({
    "certainty": st.sampled_from(CERTAINTIES),
    "least_amount": st.sampled_from([0, 0, 4_000_00]),
    "level": st.sampled_from(["", "", "payer", "cpt_group"]),
})  # fmt: skip


class History:
    """The life of a payer and its CPT groups, brought about as judgements do it: payers before their series."""

    def __init__(self) -> None:
        self.open: dict[str, DriftEvent] = {}
        self.episodes = dict.fromkeys(GROUPS, 0)

    def week(self, week: date, of_groups: dict[str, Judged | None]) -> None:
        for group in GROUPS:
            judged = of_groups.get(group)
            if judged is not None and (group in self.open or judged.certainty is not None):
                self.judge(week, group, judged)

    def judge(self, week: date, group: str, judged: Judged) -> None:
        tier = None if judged.certainty is None else "watch" if judged.certainty == "watch" else "alert"
        entry = week_entry(week, judged.certainty, judged.amount, tier)
        found = self.open.get(group) or self.begun(week, group)
        found.history = [*found.history, entry]
        flagged = [each for each in found.history if each["tier"]]
        found.certainty = max((each["certainty"] for each in flagged), key=CERTAINTIES.index)
        found.tier = "alert" if any(each["tier"] == "alert" for each in flagged) else "watch"
        found.as_of_week, found.amount_at_risk = week, judged.amount
        parent = self.open.get("")
        if group and parent is not None and parent.tier == "alert":
            found.parent = parent
        if judged.over and len(found.history) > 1:
            found.status, found.closed_week = "closed", week
            del self.open[group]
        found.save()

    def begun(self, week: date, group: str) -> DriftEvent:
        self.episodes[group] += 1
        columns: dict[str, Any] = {
            "as_of_week": week,
            "first_week": week,
            "history": [],
            "episode": self.episodes[group],
        }
        self.open[group] = event(payer(), group, **columns)
        return self.open[group]


def weeks() -> Iterator[date]:
    return (MONDAY + timedelta(weeks=number) for number in range(WEEKS))


@given(lives=lives, terms=terms)
@settings(
    max_examples=HISTORIES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
def test_a_replay_says_what_the_rule_sends_week_by_week(
    clock: Clock, lives: dict[str, list[Judged | None]], terms: dict[str, Any]
):
    with acting_in(customer(f"Practice {next(_NUMBERS)}")):
        endpoint()
        telling, history = rule(**terms), History()
        for number, week in enumerate(weeks()):
            history.week(week, {group: life[number] for group, life in lives.items()})
            clock.now = datetime.combine(week + timedelta(days=7), time(9), UTC)
            bring_up_to_date()
        replay = replay_rule(telling)
        assert replay.would_have_sent == len(alerts_in("sent"))


def test_what_was_found_of_it_is_said(clock: Clock):
    with acting_in(customer()):
        endpoint()
        telling = rule()
        for name in ("Aetna", "Cigna", "Humana"):
            event(payer(name))
        bring_up_to_date()
        real, noise, _ = alerts_in("sent")
        give_verdict(real, "real", recovered_amount=100, actor=ACTOR)
        give_verdict(noise, "noise", actor=ACTOR)
        said = "In the last 90 days it would have sent 3, 1 of them later confirmed, 1 found to be noise."
        assert replay_rule(telling).sentence == said


def test_a_group_that_was_told_before_its_payer_is_counted(clock: Clock):
    """It was part of nothing then."""
    with acting_in(customer()):
        history = History()
        first, second, *_ = weeks()
        history.week(first, {"imaging": Judged("likely", 5_000_00)})
        history.week(second, {"": Judged("likely", 9_000_00), "imaging": Judged("likely", 5_000_00)})
        clock.now = datetime.combine(second + timedelta(days=7), time(9), UTC)
        assert replay_rule(rule()).would_have_sent == 2


def test_old_data_are_looked_at_up_to_the_last_week_judged(clock: Clock):
    with acting_in(customer()):
        endpoint()
        telling = rule()
        event(payer())
        judged()
        clock.now += timedelta(days=400)
        said = "In the 90 days to 2026-01-11 it would have sent 1, 0 of them later confirmed, 0 found to be noise."
        assert replay_rule(telling).sentence == said
