"""What a rule would have told in the past: its own terms and timing, put to the weeks that were judged."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

from django.utils import timezone

from payerwatch.alerts.models import Rule, Verdict
from payerwatch.alerts.routing import CERTAINTIES, Seen, Terms, Told, escalation_of, tells_of
from payerwatch.alerts.rules import terms_of
from payerwatch.drift.models import DriftEvent

DAYS = 90


class Week(NamedTuple):
    """One judged week of an event, at its highest up to then."""

    week: str
    certainty: str
    amount: int | None


@dataclass(frozen=True)
class Replay:
    """How much a rule would have sent, and what people have found that to be."""

    weeks: int
    would_have_sent: int
    confirmed: int
    noise: int

    @property
    def sentence(self) -> str:
        if not self.would_have_sent:
            return f"In the last {DAYS} days it would have sent nothing."
        later = f"{self.confirmed} of them later confirmed, {self.noise} found to be noise"
        return f"In the last {DAYS} days it would have sent {self.would_have_sent}, {later}."


def replay_rule(rule: Rule) -> Replay:
    """The rule over the weeks judged in the last 90 days, whether or not it was there then.

    What was sent in truth may differ by what was snoozed or held, and by when the cool-down let it go.
    """
    first = (timezone.localdate() - timedelta(days=DAYS)).isoformat()
    seen = DriftEvent.objects.filter(as_of_week__gte=first).select_related("parent").order_by("pk")
    events = list(seen)
    sent = _sent(terms_of(rule), events, first)
    verdicts = _verdicts(events)
    found = [verdicts.get(_series(event), "") for event, number in sent.items() for _ in range(number)]
    weeks = {week.week for event in events for week in weeks_of(event) if week.week >= first}
    return Replay(len(weeks), len(found), found.count(Verdict.Kind.REAL), found.count(Verdict.Kind.NOISE))


def weeks_of(event: DriftEvent) -> Iterator[Week]:
    """The event week by week from the first in which it was flagged."""
    highest: str | None = None
    for entry in event.history:
        certainty = entry["certainty"] if entry["tier"] else None
        if certainty and (highest is None or CERTAINTIES.index(certainty) > CERTAINTIES.index(highest)):
            highest = certainty
        if highest is not None:
            yield Week(entry["week"], highest, entry.get("amount_at_risk", event.amount_at_risk))


def _sent(terms: Terms, events: Sequence[DriftEvent], first: str) -> dict[DriftEvent, int]:
    """How many alerts each event would have brought since the first day."""
    told_of_payers = {event.pk for event in events if not event.cpt_group and any(_hits(terms, event, first))}
    sent: dict[DriftEvent, int] = defaultdict(int)
    for event in events:
        if event.parent_id in told_of_payers:
            continue
        told: list[Told] = []
        for week in _hits(terms, event, first):
            escalation = escalation_of(told, week.amount)
            if escalation is not None:
                told.append(Told(escalation, week.amount))
        if told:
            sent[event] = len(told)
    return sent


def _hits(terms: Terms, event: DriftEvent, first: str) -> Iterator[Week]:
    """The weeks in which the rule's terms were met."""
    for week in weeks_of(event):
        seen = Seen(event.measure, event.payer_id, event.cpt_group, event.direction, week.certainty, week.amount)
        if week.week >= first and tells_of(terms, seen):
            yield week


def _verdicts(events: Sequence[DriftEvent]) -> dict[tuple, str]:
    """The latest verdict on each event, or on an alert about it."""
    given = Verdict.objects.filter(superseded_at=None, payer__in={event.payer_id for event in events})
    names = ("measure", "payer_id", "cpt_group", "direction", "episode", "kind")
    return {tuple(series): kind for *series, kind in given.order_by("given_at", "pk").values_list(*names)}


def _series(event: DriftEvent) -> tuple[Any, ...]:
    return event.measure, event.payer_id, event.cpt_group, event.direction, event.episode
