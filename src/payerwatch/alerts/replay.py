"""What a rule would have told in the past: its own terms, put to the weeks that were judged, one after the other."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from django.db.models import Max

from payerwatch.alerts.feedback import verdicts_in_force
from payerwatch.alerts.models import Rule, Verdict
from payerwatch.alerts.raising import Series, series_of
from payerwatch.alerts.routing import CERTAINTIES, Seen, Terms, Told, escalation_of, tells_of
from payerwatch.alerts.rules import terms_of
from payerwatch.drift.models import DriftEvent
from payerwatch.drift.queries import judged_runs
from payerwatch.tenancy import time_zones

DAYS = 90
BEHIND = timedelta(days=14)
"""By which what was judged last may lie back and still be called the last days."""


class Week(NamedTuple):
    """An event as it stood when a week had been judged, certainty and tier at their highest up to then."""

    week: str
    certainty: str
    amount: int | None
    alert: bool
    """Whether it was of the tier of alerts."""


@dataclass(frozen=True)
class Replay:
    """How much a rule would have sent, and what people have found that to be."""

    until: date
    weeks: int
    would_have_sent: int
    confirmed: int
    noise: int
    current: bool = True
    """Whether what was looked at goes on until now."""

    @property
    def sentence(self) -> str:
        when = f"In the last {DAYS} days" if self.current else f"In the {DAYS} days to {self.until}"
        if not self.would_have_sent:
            return f"{when} it would have sent nothing."
        later = f"{self.confirmed} of them later confirmed, {self.noise} found to be noise"
        return f"{when} it would have sent {self.would_have_sent}, {later}."


def replay_rule(rule: Rule) -> Replay:
    """The rule over 90 days up to the last week judged, whether or not it was there then.

    What was sent in truth may differ by what was snoozed, held or triaged, and by when the cool-down let it go.
    """
    today = time_zones.today()
    until = _last_day_judged(today)
    first = (until - timedelta(days=DAYS)).isoformat()
    events = list(DriftEvent.objects.filter(as_of_week__gte=first).order_by("pk"))
    lives = {event: list(weeks_of(event)) for event in events}
    sent = _sent(terms_of(rule), lives, first)
    verdicts = _verdicts(events)
    found = [verdicts.get(series_of(event), "") for event, number in sent.items() for _ in range(number)]
    return Replay(
        until,
        weeks=len(_judged(lives, first)),
        would_have_sent=len(found),
        confirmed=found.count(Verdict.Kind.REAL),
        noise=found.count(Verdict.Kind.NOISE),
        current=today - until <= BEHIND,
    )


def _last_day_judged(today: date) -> date:
    """The end of the last week judged, today at most; today where none was."""
    week: date | None = judged_runs().aggregate(last=Max("as_of_week"))["last"]
    return today if week is None else min(today, week + timedelta(days=6))


def weeks_of(event: DriftEvent) -> Iterator[Week]:
    """The event week by week, from the first in which it was flagged until it was over."""
    highest, alert = -1, False
    closed = event.closed_week.isoformat() if event.closed_week is not None else ""
    for entry in event.history:
        if entry["tier"]:
            highest, alert = max(highest, CERTAINTIES.index(entry["certainty"])), alert or entry["tier"] == "alert"
        if highest >= 0 and not (closed and entry["week"] >= closed):
            amount = entry.get("amount_at_risk", event.amount_at_risk)
            yield Week(entry["week"], CERTAINTIES[highest], amount, alert)


Lives = Mapping[DriftEvent, Sequence[Week]]


def _judged(events: Iterable[DriftEvent], first: str) -> list[str]:
    """The weeks in which something was judged of any of them, those included in which one was over."""
    return sorted({entry["week"] for event in events for entry in event.history if entry["week"] >= first})


def _sent(terms: Terms, lives: Lives, first: str) -> Mapping[DriftEvent, int]:
    """How many alerts each event would have brought since the first day."""
    told: dict[DriftEvent, list[Told]] = defaultdict(list)
    for week in _judged(lives, first):
        standing = _standing(lives, week)
        hits = {event for event, seen in standing.items() if tells_of(terms, _seen(event, seen))}
        for event in hits:
            if _parent(event, lives, standing) not in hits:
                escalation = escalation_of(told[event], standing[event].amount)
                if escalation is not None:
                    told[event].append(Told(escalation, standing[event].amount))
    return {event: len(each) for event, each in told.items()}


def _standing(lives: Lives, week: str) -> dict[DriftEvent, Week]:
    """The events that were open when the week had been judged, each as last seen then."""
    seen = {event: [each for each in weeks if each.week <= week] for event, weeks in lives.items()}
    over = {event: event.closed_week is not None and event.closed_week.isoformat() <= week for event in lives}
    return {event: weeks[-1] for event, weeks in seen.items() if weeks and not over[event]}


def _parent(event: DriftEvent, lives: Lives, standing: Mapping[DriftEvent, Week]) -> DriftEvent | None:
    """The payer's event beneath which a CPT group's hung then: an open alert when the group was last judged."""
    for payer in standing if event.cpt_group else ():
        same = (payer.measure, payer.payer_id, payer.direction) == (event.measure, event.payer_id, event.direction)
        alert_since = next((each.week for each in lives[payer] if each.alert), None)
        if same and not payer.cpt_group and alert_since is not None and standing[event].week >= alert_since:
            return payer
    return None


def _seen(event: DriftEvent, week: Week) -> Seen:
    return Seen(event.measure, event.payer_id, event.cpt_group, event.direction, week.certainty, week.amount)


def _verdicts(events: Sequence[DriftEvent]) -> dict[Series, str]:
    """The latest verdict on each event, or on an alert about it."""
    given = verdicts_in_force().filter(payer__in={event.payer_id for event in events})
    return {series_of(verdict): verdict.kind for verdict in given.order_by("given_at", "pk")}
