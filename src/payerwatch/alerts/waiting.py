"""What becomes of alerts that were not sent yet: held, cancelled, waiting for something to come, or for their time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import Max

from payerwatch.alerts.models import SERIES, Alert, Rule
from payerwatch.alerts.raising import SETTLED_BY_PEOPLE, Matches, Series, bring_up, series_of
from payerwatch.alerts.routing import Told, due_at, escalation_of
from payerwatch.alerts.rules import COOL_DOWN_HOURS, timing_of
from payerwatch.alerts.suppression import Pair, noisy_pairs
from payerwatch.drift.models import DriftEvent
from payerwatch.drift.queries import run_in_force

_Escalation = tuple[int, Series, int]
"""Rule, series, and how often it has doubled."""
_OfRule = tuple[int, int, str]
"""Rule, payer and CPT group."""


@dataclass(frozen=True)
class Standing:
    """What alerts are decided by, read once for all of them."""

    now: datetime
    noisy: set[Pair]
    stalled: bool
    last_told: dict[_OfRule, datetime]
    """When a rule last told of a payer and CPT group, as far as a cool-down reaches."""


def standing_at(now: datetime) -> Standing:
    run = run_in_force()
    return Standing(now, noisy_pairs(now), run is not None and bool(run.data_feed_stalled), _last_told(now))


def told_before(unsettled: Sequence[Alert]) -> Mapping[_Escalation, list[Alert]]:
    """What each of these that waits has doubled from, read once for all. Those at hand already are the very same."""
    escalated = [each for each in unsettled if each.escalation and each.state == Alert.State.WAITING]
    if not escalated:
        return {}
    rules, payers = {each.rule_id for each in escalated}, {each.payer_id for each in escalated}
    at_hand = {each.pk: each for each in unsettled}
    found = Alert.objects.filter(rule__in=rules, payer__in=payers).exclude(state=Alert.State.CANCELLED)
    known = [at_hand.get(each.pk, each) for each in found]
    return {
        (alert.rule_id, series_of(alert), alert.escalation): [
            each
            for each in known
            if (each.rule_id, series_of(each)) == (alert.rule_id, series_of(alert))
            and each.escalation < alert.escalation
        ]
        for alert in escalated
    }


def follow_event(alert: Alert, matches: Matches, told: Mapping[_Escalation, list[Alert]], now: datetime) -> None:
    """Cancel what has nothing to tell any more; let what waits say what its event has become.

    What has doubled is followed after that from which it has.
    """
    because = _no_longer(alert, matches, told)
    if because is not None:
        cancel(alert, because, now)
    elif alert.state == Alert.State.WAITING and alert.event is not None:
        bring_up(alert, alert.event)


def cancel(alert: Alert, because: Alert.Because, now: datetime) -> None:
    alert.state, alert.because, alert.settled_at = Alert.State.CANCELLED, because, now
    alert.waits_for, alert.due_at = "", None


def has_doubled(amount: int | None, before: Sequence[Alert]) -> bool:
    """Whether this is the double of what was told before, or nothing was."""
    told = [Told(each.escalation, each.amount_at_risk) for each in before if each.state != Alert.State.CANCELLED]
    return escalation_of(told, amount) is not None


def others_of_its_series(alert: Alert) -> list[Alert]:
    """What the same rule has told, or is to tell, of the same event as it was before and has been since."""
    same = {name: getattr(alert, name) for name in SERIES}
    others = Alert.objects.filter(rule=alert.rule, **same).exclude(state=Alert.State.CANCELLED).exclude(pk=alert.pk)
    return list(others.order_by("escalation"))


def place(alert: Alert, standing: Standing) -> None:
    """Say what an alert waits for: something to come, or its time, which may be now. Or hold it."""
    assert alert.event is not None
    if (alert.payer_id, alert.cpt_group) in standing.noisy:
        alert.state, alert.because, alert.settled_at = Alert.State.HELD, Alert.Because.NOISE_VERDICTS, standing.now
        alert.waits_for, alert.due_at = "", None
    elif alert.event.triage == DriftEvent.Triage.SNOOZED:
        alert.waits_for, alert.due_at = Alert.WaitsFor.SNOOZE, None
    elif standing.stalled and alert.measure == DriftEvent.Measure.DAYS_TO_DECISION:
        alert.waits_for, alert.due_at = Alert.WaitsFor.FEED, None
    elif alert.due_at is None:
        last = standing.last_told.get(_of_rule(alert))
        alert.waits_for, alert.due_at = Alert.WaitsFor.TIME, due_at(timing_of(alert.rule), standing.now, last)


def goes_now(alert: Alert, standing: Standing) -> bool:
    """Whether an alert is sent in this step. What is late keeps quiet hours and cool-downs as well.

    Of several about the same payer and CPT group one goes and begins the cool-down of the others; a digest takes all.
    """
    if alert.due_at is None or alert.due_at > standing.now:
        return False
    timing, last = timing_of(alert.rule), standing.last_told.get(_of_rule(alert))
    if due_at(replace(timing, daily_at=None), standing.now, last) > standing.now:
        alert.due_at = due_at(timing, standing.now, last)
        return False
    if alert.rule.cadence != Rule.Cadence.DAILY:
        standing.last_told[_of_rule(alert)] = standing.now
    return True


def _no_longer(alert: Alert, matches: Matches, told: Mapping[_Escalation, list[Alert]]) -> Alert.Because | None:
    """Why there is nothing to tell any more."""
    if alert.rule_id not in matches:
        return Alert.Because.RULE_REMOVED
    if alert.event is None:
        return Alert.Because.TAKEN_BACK
    if alert.event.triage in SETTLED_BY_PEOPLE:
        return Alert.Because.TRIAGED
    if alert.event.status == DriftEvent.Status.CLOSED:
        return Alert.Because.OVER
    fallen = not has_doubled(
        alert.event.amount_at_risk, told.get((alert.rule_id, series_of(alert), alert.escalation), ())
    )
    return Alert.Because.NO_LONGER_SO if fallen or alert.event.pk not in matches[alert.rule_id] else None


def _last_told(now: datetime) -> dict[_OfRule, datetime]:
    since = now - timedelta(hours=COOL_DOWN_HOURS[-1])
    sent = Alert.objects.filter(state=Alert.State.SENT, settled_at__gte=since)
    rows = sent.values_list("rule_id", "payer_id", "cpt_group").annotate(last=Max("settled_at")).order_by()
    return {(rule, payer, group): last for rule, payer, group, last in rows}


def _of_rule(alert: Alert) -> _OfRule:
    return alert.rule_id, alert.payer_id, alert.cpt_group
