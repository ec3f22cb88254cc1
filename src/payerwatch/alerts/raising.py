"""What rules have to tell of: each rule put to each open event. Nothing is stored here."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from payerwatch.alerts.models import SERIES, AboutSeries, Alert, Rule
from payerwatch.alerts.routing import Told, escalation_of, tells_of
from payerwatch.alerts.rules import seen_of, terms_of
from payerwatch.drift.documents import event_sentence
from payerwatch.drift.models import DriftEvent

SETTLED_BY_PEOPLE = (DriftEvent.Triage.NOISE, DriftEvent.Triage.CLOSED)
Series = tuple[str, int, str, str, int]
Matches = Mapping[int, set[int]]
"""By rule, the open events that it tells of; both by their number."""


def series_of(about: AboutSeries | DriftEvent) -> Series:
    """What stays the same when an event is taken back and found again."""
    return about.measure, about.payer_id, about.cpt_group, about.direction, about.episode


def matches_of(rules: Sequence[Rule], open_events: Sequence[DriftEvent]) -> Matches:
    """A CPT group whose payer is told of by the same rule is part of that, and not told of beside it."""
    return {rule.pk: _matching(rule, open_events) for rule in rules}


def _matching(rule: Rule, open_events: Sequence[DriftEvent]) -> set[int]:
    terms = terms_of(rule)
    as_it_says = {event.pk for event in open_events if tells_of(terms, seen_of(event))}
    return {
        event.pk
        for event in open_events
        if event.pk in as_it_says and event.parent_id not in as_it_says and event.triage not in SETTLED_BY_PEOPLE
    }


def link_again(open_events: Sequence[DriftEvent]) -> None:
    """Alerts whose event was taken back and has been found again name it again."""
    by_series = {series_of(event): event for event in open_events}
    orphans = Alert.objects.filter(event=None, payer__in={event.payer_id for event in open_events})
    found = [alert for alert in orphans if series_of(alert) in by_series]
    for alert in found:
        alert.event = by_series[series_of(alert)]
    Alert.objects.bulk_update(found, ["event"])


def new_alerts(
    rules: Sequence[Rule],
    open_events: Sequence[DriftEvent],
    matches: Matches,
    unsettled: Sequence[Alert],
    now: datetime,
) -> Iterator[Alert]:
    """What is to be told that was not: the first alert about an event, or one more where its amount has doubled.

    One that was cancelled before it was sent is taken up again, once what it was cancelled for is no more.
    """
    known = _known(rules, open_events, unsettled)
    for rule in rules:
        for event in open_events:
            if event.pk in matches[rule.pk]:
                alert = _new_alert(rule, event, known[rule.pk, *series_of(event)])
                if alert is not None:
                    alert.state, alert.raised_at = Alert.State.WAITING, now
                    alert.because, alert.settled_at = "", None
                    yield alert


def _new_alert(rule: Rule, event: DriftEvent, known: Sequence[Alert]) -> Alert | None:
    """What the rule has to tell of the event now, if anything."""
    told = [Told(each.escalation, each.amount_at_risk) for each in known if each.state != Alert.State.CANCELLED]
    escalation = escalation_of(told, event.amount_at_risk)
    if escalation is None:
        return None
    cancelled = next((each for each in known if each.escalation == escalation), None)
    alert = cancelled or Alert(escalation=escalation, **{name: getattr(event, name) for name in SERIES})
    alert.rule = rule
    bring_up(alert, event)
    return alert


def bring_up(alert: Alert, event: DriftEvent) -> None:
    """What was not sent yet is told as its event stands when it is."""
    alert.event, alert.payer = event, event.payer
    alert.certainty, alert.amount_at_risk = event.certainty, event.amount_at_risk
    alert.sentence = event_sentence(event)


def _known(
    rules: Sequence[Rule], open_events: Sequence[DriftEvent], unsettled: Sequence[Alert]
) -> dict[tuple, list[Alert]]:
    """By rule and series: all alerts of theirs, sent or not. Those at hand already are the very same."""
    at_hand = {alert.pk: alert for alert in unsettled}
    payers = {event.payer_id for event in open_events}
    known: dict[tuple, list[Alert]] = defaultdict(list)
    for alert in Alert.objects.filter(rule__in=rules, payer__in=payers):
        known[alert.rule_id, *series_of(alert)].append(at_hand.get(alert.pk, alert))
    return known
