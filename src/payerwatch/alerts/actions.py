"""Raising and sending alerts: after each judgement, and when what they wait for has come.

    wake     events whose snooze has ended are as new
    raise    each rule, each open event it tells of: the first alert, or one more where the amount has doubled
    send     what is due; what must wait says until when, what is held says why

One transaction, the customer held: an alert, its messages and the entry are kept together or not at all, and none is
raised twice.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import Prefetch, QuerySet
from django.utils import timezone

from payerwatch.alerts import suppression
from payerwatch.alerts.models import SERIES, Alert, Rule, Verdict
from payerwatch.alerts.routing import Told, due_at, escalation_of, tells_of
from payerwatch.alerts.rules import rules_in_force, seen_of, terms_of, timing_of
from payerwatch.alerts.telling import tell, tell_held
from payerwatch.audit.actors import Actor
from payerwatch.audit.record import Thing, record
from payerwatch.drift.actions import lock_findings
from payerwatch.drift.documents import event_sentence
from payerwatch.drift.models import DriftEvent
from payerwatch.drift.queries import READING_ORDER, events, run_in_force
from payerwatch.drift.triage import wake_snoozed
from payerwatch.jobs.enqueue import again, enqueue, for_each_customer
from payerwatch.jobs.steps import step
from payerwatch.refusals import Kind, Refusal
from payerwatch.tenancy.context import acting_in

JOB = Actor("job", name="alerts")
MOST_NAMED = 50
_SETTLED_BY_PEOPLE = (DriftEvent.Triage.NOISE, DriftEvent.Triage.CLOSED)
_UNTIL_SOMETHING_COMES = (Alert.WaitsFor.SNOOZE, Alert.WaitsFor.FEED)


class UnknownAlert(Refusal):
    """No alert of this customer has this id."""

    kind = Kind.MISSING

    def __init__(self) -> None:
        super().__init__("There is no such alert.", where="alert", fix="List them, and check the id.")


class AlertNotHeld(Refusal):
    """Only an alert that is held can be let go."""

    kind = Kind.CONFLICT

    def __init__(self) -> None:
        super().__init__("This alert is not held.", fix="Read it again: it was sent, waits for its time, or is over.")


@step
def raise_alerts(customer_id: int, _run: str) -> None:
    """The step after a judgement."""
    with acting_in(customer_id):
        bring_up_to_date()


@step
def send_due(customer_id: int, _rule: str) -> None:
    """The step for what waits for its time."""
    with acting_in(customer_id):
        bring_up_to_date()


def bring_up_to_date() -> None:
    """Wake, raise and send, for the customer entered."""
    lock_findings()
    now = timezone.now()
    woken = wake_snoozed()
    raised = _raise(now)
    sent = _send_what_is_due(now)
    if woken or raised or sent:
        _record(woken, raised, sent)
    for alert in raised:
        if alert.state == Alert.State.WAITING and alert.due_at is not None:
            enqueue(send_due, alert.rule.public_id, at=alert.due_at)


def release_alert(alert: Alert, *, actor: Actor) -> Alert:
    """Send one that is held. Raises AlertNotHeld."""
    lock_findings()
    alert = _with_all().get(pk=alert.pk)
    if alert.state != Alert.State.HELD:
        raise AlertNotHeld
    because, alert.because = alert.because, ""
    tell(alert.rule, [alert], timezone.now())
    record("release", Thing("alert", alert.public_id), actor=actor, before={"because": because})
    return alert


def take_up_waiting_alerts() -> None:
    """Put on the queue each customer's rules of which an alert is due, and customers whose snoozes have ended."""
    for_each_customer(_take_up_alerts_of)


def _take_up_alerts_of(customer_id: int) -> None:
    with acting_in(customer_id, reading=True):
        due = Alert.objects.filter(state=Alert.State.WAITING, due_at__lte=timezone.now())
        rules = set(due.values_list("rule__public_id", flat=True))
        slept = DriftEvent.objects.filter(triage=DriftEvent.Triage.SNOOZED, snoozed_until__lte=timezone.localdate())
        wakes = slept.exists()
    for rule in sorted(rules) or ([""] if wakes else []):
        again(send_due, customer_id, rule)


def _raise(now: datetime) -> list[Alert]:
    rules = rules_in_force()
    if not rules:
        return []
    open_events = list(events(watch=True).order_by(*READING_ORDER))
    told = _told_before(rules)
    stalled = _feed_has_stalled()
    raised: list[Alert] = []
    for rule in rules:
        for event in open_events:
            alert = _new_alert(rule, event, told[rule.pk, *_series(event)])
            if alert is not None:
                _schedule(alert, stalled=stalled, now=now)
                raised.append(alert)
    Alert.objects.bulk_create(raised)
    for alert in raised:
        if alert.because == Alert.Because.NOISE_VERDICTS:
            tell_held(alert, now)
    return raised


def _new_alert(rule: Rule, event: DriftEvent, told: Sequence[Told]) -> Alert | None:
    """What the rule has to tell of the event now, if anything."""
    if event.triage in _SETTLED_BY_PEOPLE or not _told_by(rule, event):
        return None
    escalation = escalation_of(told, event.amount_at_risk)
    if escalation is None:
        return None
    return Alert(
        rule=rule,
        event=event,
        escalation=escalation,
        certainty=event.certainty,
        amount_at_risk=event.amount_at_risk,
        sentence=event_sentence(event),
        **{name: getattr(event, name) for name in SERIES},
    )


def _told_by(rule: Rule, event: DriftEvent) -> bool:
    """A CPT group whose payer is told of by the same rule is part of that, and not told of beside it."""
    terms = terms_of(rule)
    if not tells_of(terms, seen_of(event)):
        return False
    payer = event.parent
    return payer is None or payer.status != DriftEvent.Status.OPEN or not tells_of(terms, seen_of(payer))


def _schedule(alert: Alert, *, stalled: bool, now: datetime) -> None:
    """Held, waiting for something to come, or waiting for its time, which may be now."""
    assert alert.event is not None
    if alert.escalation == 0 and suppression.held(alert.payer_id, alert.cpt_group, now):
        alert.state, alert.because, alert.settled_at = Alert.State.HELD, Alert.Because.NOISE_VERDICTS, now
    elif alert.event.triage == DriftEvent.Triage.SNOOZED:
        alert.waits_for = Alert.WaitsFor.SNOOZE
    elif stalled and alert.measure == DriftEvent.Measure.DAYS_TO_DECISION:
        alert.waits_for = Alert.WaitsFor.FEED
    else:
        alert.waits_for, alert.due_at = Alert.WaitsFor.TIME, _due(alert, now)


def _due(alert: Alert, now: datetime) -> datetime:
    return due_at(timing_of(alert.rule), now, _last_told(alert))


def _last_told(alert: Alert) -> datetime | None:
    """When the rule last told of the same payer and CPT group."""
    same = Alert.objects.filter(
        rule=alert.rule, payer=alert.payer_id, cpt_group=alert.cpt_group, state=Alert.State.SENT
    )
    return same.order_by("-settled_at").values_list("settled_at", flat=True).first()


def _send_what_is_due(now: datetime) -> list[Alert]:
    """By rule; what a daily digest has gathered goes together."""
    waiting = list(_with_all().filter(state=Alert.State.WAITING).order_by("pk"))
    stalled = _feed_has_stalled()
    by_rule: dict[Rule, list[Alert]] = defaultdict(list)
    settled: list[Alert] = []
    for alert in waiting:
        because = _no_longer(alert)
        if because:
            _cancel(alert, because, now)
            settled.append(alert)
            continue
        if alert.waits_for in _UNTIL_SOMETHING_COMES and _has_come(alert, stalled=stalled):
            alert.waits_for, alert.due_at = Alert.WaitsFor.TIME, _due(alert, now)
            alert.save(update_fields=["waits_for", "due_at"])
        if alert.due_at is not None and alert.due_at <= now:
            by_rule[alert.rule].append(alert)
    for rule, due in by_rule.items():
        tell(rule, due, now)
        settled += due
    return settled


def _no_longer(alert: Alert) -> Alert.Because | None:
    """Why there is nothing to tell any more."""
    if alert.rule.removed_at is not None or not alert.rule.enabled:
        return Alert.Because.RULE_REMOVED
    if alert.event is None:
        return Alert.Because.TAKEN_BACK
    if alert.event.triage in _SETTLED_BY_PEOPLE:
        return Alert.Because.TRIAGED
    return Alert.Because.OVER if alert.event.status == DriftEvent.Status.CLOSED else None


def _cancel(alert: Alert, because: Alert.Because, now: datetime) -> None:
    alert.state, alert.because, alert.settled_at = Alert.State.CANCELLED, because, now
    alert.waits_for, alert.due_at = "", None
    alert.save(update_fields=["state", "because", "settled_at", "waits_for", "due_at"])


def _has_come(alert: Alert, *, stalled: bool) -> bool:
    if alert.waits_for == Alert.WaitsFor.FEED:
        return not stalled
    return alert.event is not None and alert.event.triage != DriftEvent.Triage.SNOOZED


def _feed_has_stalled() -> bool:
    run = run_in_force()
    return run is not None and bool(run.data_feed_stalled)


def _told_before(rules: Iterable[Rule]) -> dict[tuple, list[Told]]:
    """By rule and series: all alerts of theirs, sent or not."""
    told: dict[tuple, list[Told]] = defaultdict(list)
    names = ("rule_id", "measure", "payer_id", "cpt_group", "direction", "episode")
    known = Alert.objects.filter(rule__in=[rule.pk for rule in rules])
    for *key, escalation, amount in known.values_list(*names, "escalation", "amount_at_risk"):
        told[tuple(key)].append(Told(escalation, amount))
    return told


def _series(event: DriftEvent) -> tuple:
    return event.measure, event.payer_id, event.cpt_group, event.direction, event.episode


def _with_all() -> QuerySet[Alert]:
    related = ("rule", "rule__payer", "payer", "event", "event__payer", "event__parent")
    return Alert.objects.select_related(*related)


def alerts() -> QuerySet[Alert]:
    """All alerts of the customer entered, each with its verdict in force."""
    in_force = Prefetch("verdicts", Verdict.objects.filter(superseded_at=None))
    return Alert.objects.select_related("rule", "payer", "event").prefetch_related(in_force)


def alert_with_id(public_id: str) -> Alert:
    """Raises UnknownAlert."""
    alert = alerts().filter(public_id=public_id).first()
    if alert is None:
        raise UnknownAlert
    return alert


def _record(woken: Sequence[DriftEvent], raised: Sequence[Alert], settled: Sequence[Alert]) -> None:
    """One entry for all that was done."""
    after = {
        "woken": [event.public_id for event in woken[:MOST_NAMED]],
        "raised": [alert.public_id for alert in raised[:MOST_NAMED]],
        "raised_count": len(raised),
        "sent": [alert.public_id for alert in settled if alert.state == Alert.State.SENT][:MOST_NAMED],
        "held": [alert.public_id for alert in (*raised, *settled) if alert.state == Alert.State.HELD][:MOST_NAMED],
    }
    record("tell", Thing("alert"), actor=JOB, after=after)
