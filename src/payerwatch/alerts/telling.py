"""An alert as it is told: to the people of its rule by e-mail, and to its endpoints."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from payerwatch.alerts.models import Alert, Rule
from payerwatch.deliveries import outbox
from payerwatch.deliveries.messages import Told, tell_all
from payerwatch.deliveries.models import Endpoint
from payerwatch.deliveries.notices import Chart, Notice
from payerwatch.drift.documents import group_label
from payerwatch.drift.explaining import Weeks, weeks_of_each
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


class Everybody:
    """All who may be told as they are now, read once."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        named = {each for rule in rules for each in rule.recipients}
        active = Member.objects.filter(
            public_id__in=named, state=Member.State.ACTIVE, person__suspended_at=None
        ).order_by("pk")
        self._members = list(active.values_list("public_id", flat=True)) if named else []
        self._endpoints = outbox.present()

    def receivers_of(self, rule: Rule, event_type: str) -> Receivers:
        """Its members who are still active; its endpoints, or where it names none all that subscribe to the type."""
        named = [each for each in self._endpoints if each.public_id in rule.endpoints]
        endpoints = named if rule.endpoints else self.subscribers(event_type)
        return Receivers([each for each in self._members if each in rule.recipients], endpoints)

    def subscribers(self, event_type: str) -> list[Endpoint]:
        return [each for each in self._endpoints if outbox.subscribes(each, event_type)]


def tell(alerts: Sequence[Alert], now: datetime) -> None:
    """Send these now: one by one, or of a daily rule in one digest. Where there is nobody to tell they are held.

    What has become of the alerts is for the caller to keep.
    """
    if not alerts:
        return
    everybody = Everybody({alert.rule_id: alert.rule for alert in alerts}.values())
    told = [(each, everybody.receivers_of(each[0].rule, _type_of(each))) for each in _together(alerts)]
    charts = charts_of([costliest(each) for each, receivers in told if receivers.members])
    for together, receivers in told:
        for alert in together:
            _settle(alert, bool(receivers), now)
    tell_all([Told(_notice(each, now, charts), to.endpoints, to.members) for each, to in told])


def let_go_where_somebody_is(alerts: Iterable[Alert]) -> None:
    """What was held as nobody was there to be told waits again, once somebody is."""
    held = [alert for alert in alerts if alert.because == Alert.Because.NOBODY_TO_TELL]
    if not held:
        return
    everybody = Everybody({alert.rule_id: alert.rule for alert in held}.values())
    for alert in held:
        if everybody.receivers_of(alert.rule, _type_of([alert])):
            alert.state, alert.because, alert.settled_at = Alert.State.WAITING, "", None


def tell_held(alerts: Sequence[Alert], now: datetime) -> None:
    """Let endpoints that ask for it know that alerts are held back."""
    if alerts:
        asking = Everybody(()).subscribers(_HELD)
        tell_all([Told(alert_notice(alert, now, _HELD), _of_rule(alert.rule, asking)) for alert in alerts])


def _of_rule(rule: Rule, endpoints: Sequence[Endpoint]) -> Sequence[Endpoint]:
    """Of these, where the rule names some, only those."""
    return [each for each in endpoints if each.public_id in rule.endpoints] if rule.endpoints else endpoints


def _together(alerts: Sequence[Alert]) -> list[list[Alert]]:
    """What goes in one message: all of a daily rule, and of others each alone."""
    by_rule: dict[int, list[Alert]] = defaultdict(list)
    for alert in alerts:
        by_rule[alert.rule_id].append(alert)
    daily = Rule.Cadence.DAILY
    return [
        together
        for of_rule in by_rule.values()
        for together in ([of_rule] if of_rule[0].rule.cadence == daily else [[alert] for alert in of_rule])
    ]


def _type_of(together: Sequence[Alert]) -> str:
    if together[0].rule.cadence == Rule.Cadence.DAILY:
        return _DIGEST
    return _ESCALATED if together[0].escalation else _RAISED


def _settle(alert: Alert, told: bool, now: datetime) -> None:
    alert.state = Alert.State.SENT if told else Alert.State.HELD
    alert.because = "" if told else Alert.Because.NOBODY_TO_TELL
    alert.waits_for, alert.due_at, alert.settled_at = "", None, now


def _notice(together: Sequence[Alert], now: datetime, charts: Mapping[int, Chart]) -> Notice:
    event_type, chart = _type_of(together), charts.get(costliest(together).event_id or 0)
    if event_type == _DIGEST:
        return _digest(together, now, chart)
    return alert_notice(together[0], now, event_type, chart)


def costliest(together: Sequence[Alert]) -> Alert:
    """The one of which a message has a picture."""
    return max(together, key=lambda alert: alert.amount_at_risk or 0)


def alert_notice(alert: Alert, now: datetime, event_type: str, chart: Chart | None = None) -> Notice:
    """One alert, with the weeks that people look at."""
    event = alert.event
    return Notice(
        type=event_type,
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
        chart=chart,
    )


def _digest(alerts: Sequence[Alert], now: datetime, chart: Chart | None) -> Notice:
    """Of one alone, people read the same as if it had been told at once. Of several the picture says of which it is."""
    count, alone = len(alerts), alerts[0] if len(alerts) == 1 else None
    return Notice(
        type=_DIGEST,
        about=alerts[0].rule.public_id,
        at=now,
        title=_title(alone) if alone else f"{count} changes in how payers treat your claims",
        sentence=alone.sentence if alone else f"{count} drift events were noticed since the last digest.",
        data={
            "rule": alerts[0].rule.public_id,
            "alerts": [each.public_id for each in alerts[:MOST_IN_A_DIGEST]],
            "count": count,
        },
        lines=_lines(alone) if alone else _listed(alerts),
        chart=chart if alone or chart is None else replace(chart, title=f"{_title(costliest(alerts))}\n{chart.title}"),
    )


def _listed(alerts: Sequence[Alert]) -> list[str]:
    left_out = len(alerts) - MOST_IN_A_DIGEST
    more = [f"And {left_out} more, listed where alerts are."] if left_out > 0 else []
    return [_shortened(each.sentence) for each in alerts[:MOST_IN_A_DIGEST]] + more


def _shortened(sentence: str) -> str:
    return sentence if len(sentence) <= _LONGEST_SENTENCE else sentence[: _LONGEST_SENTENCE - 1].rstrip() + "…"


def _title(alert: Alert) -> str:
    title = _TITLES[alert.measure, alert.direction].format(alert.payer.name)
    label = group_label(alert.cpt_group)
    scope = f" for {label_within_a_sentence(label)}" if label else ""
    return f"{title}{scope}{': it has doubled' if alert.escalation else ''}"


def _lines(alert: Alert) -> list[str]:
    before = alert.event.returned_from if alert.event is not None else None
    if before is None:
        return []
    over = before.closed_week
    when = f", in the week of {over:%B} {over.day}, {over.year}" if over is not None else ""
    return [f"It is back: this was over before{when}."]


def charts_of(alerts: Sequence[Alert]) -> dict[int, Chart]:
    """By event, the picture of each that can be drawn."""
    about = {alert.event.pk: alert.event for alert in alerts if alert.event is not None}
    weeks = weeks_of_each(list(about.values()))
    return {pk: _chart(event, weeks[pk]) for pk, event in about.items() if pk in weeks and weeks[pk].weeks}


def _chart(event: DriftEvent, weeks: Weeks) -> Chart:
    return Chart(
        title=_CHARTS[event.measure],
        unit="%",
        first_week=weeks.weeks[0].isoformat(),
        observed=weeks.observed,
        expected=weeks.expected,
        low=weeks.low,
        high=weeks.high,
    )
