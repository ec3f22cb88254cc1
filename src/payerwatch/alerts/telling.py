"""An alert as it is told: to the people of its rule by e-mail, and to its endpoints."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from payerwatch.alerts.models import Alert, Rule
from payerwatch.deliveries import outbox
from payerwatch.deliveries.messages import tell_endpoints, tell_members
from payerwatch.deliveries.models import Endpoint
from payerwatch.deliveries.notices import Chart, Notice
from payerwatch.drift.documents import group_label
from payerwatch.drift.explaining import weeks_of
from payerwatch.drift.models import DriftEvent
from payerwatch.drift.sentences import label_within_a_sentence
from payerwatch.members.models import Member

MOST_IN_A_DIGEST = 50
"""Named in one message; how many there are is told beside."""
_LONGEST_SENTENCE = 300
_RAISED, _ESCALATED, _HELD, _DIGEST = "alert.raised", "alert.escalated", "alert.held", "alert.digest"
_TITLES = {
    ("denial_rate", "worse"): "{} denies more",
    ("denial_rate", "better"): "{} denies less",
    ("days_to_decision", "worse"): "{} decides later",
    ("days_to_decision", "better"): "{} decides sooner",
}
_CHARTS = {"denial_rate": "share denied of the claims decided each week",
           "days_to_decision": "share decided of the claims waiting each week"}  # fmt: skip


@dataclass(frozen=True)
class Receivers:
    """Whom a rule tells."""

    members: Sequence[str]
    endpoints: Sequence[Endpoint]

    def __bool__(self) -> bool:
        return bool(self.members or self.endpoints)


def receivers_of(rule: Rule, event_type: str) -> Receivers:
    """Its members who are still active; its endpoints, or where it names none all that subscribe to the type."""
    active = Member.objects.filter(public_id__in=rule.recipients, state=Member.State.ACTIVE)
    named = Endpoint.objects.filter(public_id__in=rule.endpoints, removed_at=None)
    endpoints = list(named.order_by("pk")) if rule.endpoints else outbox.subscribers(event_type)
    return Receivers(list(active.order_by("pk").values_list("public_id", flat=True)), endpoints)


def tell(rule: Rule, alerts: Sequence[Alert], now: datetime) -> None:
    """Send these now: one by one, or of a daily rule in one digest. Where there is nobody to tell they are held."""
    digest = rule.cadence == Rule.Cadence.DAILY and len(alerts) > 1
    receivers = receivers_of(rule, _DIGEST if digest else _RAISED)
    for notice in [_digest(rule, alerts, now)] if digest else [alert_notice(each, now) for each in alerts]:
        tell_endpoints(notice, receivers.endpoints)
        if receivers.members:
            tell_members(notice, receivers.members)
    for alert in alerts:
        alert.state = Alert.State.SENT if receivers else Alert.State.HELD
        alert.because = "" if receivers else Alert.Because.NOBODY_TO_TELL
        alert.waits_for, alert.due_at, alert.settled_at = "", None, now
        alert.save(update_fields=["state", "because", "waits_for", "due_at", "settled_at"])


def tell_held(alert: Alert, now: datetime) -> None:
    """Let endpoints that ask for it know that an alert is held back."""
    tell_endpoints(alert_notice(alert, now, _HELD), outbox.subscribers(_HELD))


def alert_notice(alert: Alert, now: datetime, event_type: str = "") -> Notice:
    """One alert, with the weeks that people look at."""
    event = alert.event
    return Notice(
        type=event_type or (_ESCALATED if alert.escalation else _RAISED),
        about=alert.public_id,
        at=now,
        title=_title(alert),
        sentence=alert.sentence,
        data={
            "alert": alert.public_id,
            "rule": alert.rule.public_id,
            "drift_event": event.public_id if event is not None else None,
            "measure": alert.measure,
            "direction": alert.direction,
            "certainty": alert.certainty,
            "amount_at_risk": None if alert.amount_at_risk is None else alert.amount_at_risk / 100,
            "escalation": alert.escalation,
        },
        lines=_lines(alert),
        chart=_chart(event) if event is not None else None,
    )


def _digest(rule: Rule, alerts: Sequence[Alert], now: datetime) -> Notice:
    count = len(alerts)
    return Notice(
        type=_DIGEST,
        about=rule.public_id,
        at=now,
        title=f"{count} changes in how payers treat your claims",
        sentence=f"{count} drift events were noticed since the last digest.",
        data={
            "rule": rule.public_id,
            "alerts": [each.public_id for each in alerts[:MOST_IN_A_DIGEST]],
            "count": count,
        },
        lines=[each.sentence[:_LONGEST_SENTENCE] for each in alerts[:MOST_IN_A_DIGEST]],
    )


def _title(alert: Alert) -> str:
    title = _TITLES[alert.measure, alert.direction].format(alert.payer.name)
    label = group_label(alert.cpt_group)
    scope = f" for {label_within_a_sentence(label)}" if label else ""
    return f"{title}{scope}{': it has doubled' if alert.escalation else ''}"


def _lines(alert: Alert) -> list[str]:
    event = alert.event
    if event is not None and event.returned_from_id is not None:
        return [f"It is back again: it was over before, and this is the {event.episode}. time."]
    return []


def _chart(event: DriftEvent) -> Chart | None:
    weeks = weeks_of(event)
    if weeks is None or not weeks.weeks:
        return None
    return Chart(
        title=_CHARTS[event.measure],
        unit="%",
        first_week=weeks.weeks[0].isoformat(),
        observed=weeks.observed,
        expected=weeks.expected,
        low=weeks.low,
        high=weeks.high,
    )
