"""Raising and sending alerts: after each judgement, and when what they wait for has come.

    wake     events whose snooze has ended are as new
    let go   what nobody could be told waits again, once somebody is there
    follow   what was not sent yet says what its event has become, or is cancelled where there is nothing to tell
    raise    each rule, each open event it tells of: the first alert, or one more where the amount has doubled
    send     what is due; what must wait says until when, what is held says why

One transaction, the customer held: an alert, its messages and the entry are kept together or not at all, and none is
raised twice. How many questions the database is asked does not depend on how many rules, events and alerts there are.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Prefetch, Q, QuerySet

from payerwatch.alerts.models import Alert, Verdict
from payerwatch.alerts.raising import bring_up, link_again, matches_of, new_alerts
from payerwatch.alerts.rules import rules_in_force
from payerwatch.alerts.telling import let_go_where_somebody_is, tell, tell_held
from payerwatch.alerts.waiting import (
    cancel,
    follow_event,
    goes_now,
    has_doubled,
    others_of_its_series,
    place,
    standing_at,
    told_before,
)
from payerwatch.audit.actors import Actor
from payerwatch.audit.record import Thing, record
from payerwatch.drift.actions import lock_findings
from payerwatch.drift.models import DriftEvent
from payerwatch.drift.queries import READING_ORDER, events
from payerwatch.drift.triage import wake_snoozed
from payerwatch.jobs.enqueue import again, enqueue, for_each_customer
from payerwatch.jobs.steps import step
from payerwatch.refusals import Kind, Refusal
from payerwatch.tenancy import clock, time_zones
from payerwatch.tenancy.context import acting_in, current_customer_id
from payerwatch.tenancy.models import Customer

JOB = Actor("job", name="alerts")
MOST_NAMED = 50
_NOT_SENT = (Alert.State.WAITING, Alert.State.HELD)
_BECOMES = (
    "event", "state", "waits_for", "due_at", "because", "certainty", "amount_at_risk", "sentence", "raised_at",
    "settled_at",
)  # fmt: skip


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
def send_due(customer_id: int, _customer: str) -> None:
    """The step for what waits for its time."""
    with acting_in(customer_id):
        bring_up_to_date()


def bring_up_to_date() -> None:
    """Wake, follow, raise and send, for the customer entered."""
    lock_findings()
    now = clock.now()
    woken = wake_snoozed()
    standing = standing_at(now)
    unsettled, raised = _followed_and_raised(now)
    before = {alert.pk: each for alert, each in unsettled}
    waiting = [alert for alert in (*(alert for alert, _ in unsettled), *raised) if alert.state == Alert.State.WAITING]
    for alert in waiting:
        place(alert, standing)
    tell_held([alert for alert in waiting if alert.state == Alert.State.HELD], now)
    tell([alert for alert in waiting if goes_now(alert, standing)], now)
    changed = [alert for alert, _ in unsettled if _as_kept(alert) != before[alert.pk]]
    _keep(raised, changed)
    if woken or raised or any(alert.state != Alert.State.WAITING for alert in changed):
        _record(woken, raised, changed)
    _look_again_when_due(alert for alert in waiting if alert.state == Alert.State.WAITING)


def _followed_and_raised(now: datetime) -> tuple[list[tuple[Alert, tuple]], list[Alert]]:
    """What was not sent yet, each with how it was kept, and what is new."""
    rules, open_events = rules_in_force(), list(events(watch=True).order_by(*READING_ORDER))
    link_again(open_events)
    at_hand, matches = {event.pk: event for event in open_events}, matches_of(rules, open_events)
    unsettled = [(alert, _as_kept(alert)) for alert in _with_all().filter(state__in=_NOT_SENT).order_by("pk")]
    let_go_where_somebody_is(alert for alert, _ in unsettled)
    told = told_before([alert for alert, _ in unsettled])
    for alert, _ in unsettled:
        alert.event = at_hand.get(alert.event_id, alert.event) if alert.event_id is not None else None
        follow_event(alert, matches, told, now)
    return unsettled, list(new_alerts(rules, open_events, matches, [alert for alert, _ in unsettled], now))


def _as_kept(alert: Alert) -> tuple[Any, ...]:
    return tuple(alert.event_id if name == "event" else getattr(alert, name) for name in _BECOMES)


def _keep(raised: Sequence[Alert], changed: Sequence[Alert]) -> None:
    """Those raised are new, or were cancelled before."""
    Alert.objects.bulk_create([alert for alert in raised if alert.pk is None])
    kept = [*changed, *(alert for alert in raised if alert.pk is not None)]
    Alert.objects.bulk_update(kept, _BECOMES)


def release_alert(alert: Alert, *, actor: Actor) -> Alert:
    """Send one that is held, as its event stands now, or cancel it where what had doubled has not any more.

    What it says now no later one that was not sent says once more. After one that was sent it says what it said.
    Raises AlertNotHeld.
    """
    lock_findings()
    alert, now = _with_all().get(pk=alert.pk), clock.now()
    if alert.state != Alert.State.HELD:
        raise AlertNotHeld
    others = others_of_its_series(alert)
    before = [each for each in others if each.escalation < alert.escalation]
    later = others[len(before) :]
    because, alert.because = alert.because, ""
    if alert.event is None or any(each.state == Alert.State.SENT for each in later):
        later = []
    else:
        bring_up(alert, alert.event)
    for each in later:
        cancel(each, Alert.Because.NO_LONGER_SO, now)
    if has_doubled(alert.amount_at_risk, before):
        tell([alert], now)
    else:
        cancel(alert, Alert.Because.NO_LONGER_SO, now)
    Alert.objects.bulk_update([alert, *later], _BECOMES)
    after: dict[str, Any] = {"state": str(alert.state), "because": str(alert.because)}
    after |= {"cancelled": [each.public_id for each in later]} if later else {}
    record("release", Thing("alert", alert.public_id), actor=actor, before={"because": because}, after=after)
    return alert


def take_up_waiting_alerts() -> None:
    """Put on the queue the customers of whom an alert is due, or a snooze has ended."""
    for_each_customer(_take_up_alerts_of)


def _take_up_alerts_of(customer_id: int) -> None:
    with acting_in(customer_id, reading=True):
        slept = DriftEvent.objects.filter(triage=DriftEvent.Triage.SNOOZED, snoozed_until__lte=time_zones.today())
        due = Alert.objects.filter(_to_be_looked_at()).exists() or slept.exists()
        customer = Customer.objects.get(pk=customer_id)
    if due:
        again(send_due, customer_id, customer.public_id)


def _to_be_looked_at() -> Q:
    """What is due, what is to be timed anew, and what was put off and is no more."""
    waits = Q(state=Alert.State.WAITING)
    for_time = waits & Q(waits_for=Alert.WaitsFor.TIME)
    for_snooze = waits & Q(waits_for=Alert.WaitsFor.SNOOZE)
    awake = for_snooze & ~Q(event__triage=DriftEvent.Triage.SNOOZED)
    return for_time & (Q(due_at=None) | Q(due_at__lte=clock.now())) | awake


def _look_again_when_due(waiting: Iterable[Alert]) -> None:
    """Put the step on the queue for the first moment at which something is due; it then looks for the next."""
    soonest = min((alert.due_at for alert in waiting if alert.due_at is not None), default=None)
    if soonest is not None:
        enqueue(send_due, Customer.objects.get(pk=current_customer_id()).public_id, at=soonest)


def _with_all() -> QuerySet[Alert]:
    of_event = ("event", "event__payer", "event__parent", "event__returned_from")
    return Alert.objects.select_related("rule", "rule__customer", "rule__payer", "payer", *of_event)


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


def _record(woken: Sequence[DriftEvent], raised: Sequence[Alert], changed: Sequence[Alert]) -> None:
    """One entry for all that was done."""
    became = {
        str(state): [alert.public_id for alert in (*raised, *changed) if alert.state == state][:MOST_NAMED]
        for state in (Alert.State.SENT, Alert.State.HELD, Alert.State.CANCELLED)
    }
    after = {
        "woken": [event.public_id for event in woken[:MOST_NAMED]],
        "raised": [alert.public_id for alert in raised[:MOST_NAMED]],
        "raised_count": len(raised),
    }
    record("tell", Thing("alert"), actor=JOB, after=after | became)
