"""What becomes of alerts that were not sent yet: held, cancelled, waiting for something to come, or for their time."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import Max

from payerwatch.alerts.models import SERIES, Alert, Rule
from payerwatch.alerts.raising import SETTLED_BY_PEOPLE, Matches, bring_up
from payerwatch.alerts.routing import Told, due_at, escalation_of
from payerwatch.alerts.rules import COOL_DOWN_HOURS, timing_of
from payerwatch.alerts.suppression import Pair, noisy_pairs
from payerwatch.drift.models import DriftEvent
from payerwatch.drift.queries import run_in_force

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


def follow_event(alert: Alert, matches: Matches, now: datetime) -> None:
    """Cancel what has nothing to tell any more; let what waits say what its event has become."""
    because = _no_longer(alert, matches)
    if because is not None:
        alert.state, alert.because, alert.settled_at = Alert.State.CANCELLED, because, now
        alert.waits_for, alert.due_at = "", None
    elif alert.state == Alert.State.WAITING and alert.event is not None:
        bring_up(alert, alert.event)


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


def _no_longer(alert: Alert, matches: Matches) -> Alert.Because | None:
    """Why there is nothing to tell any more."""
    if alert.rule_id not in matches:
        return Alert.Because.RULE_REMOVED
    if alert.event is None:
        return Alert.Because.TAKEN_BACK
    if alert.event.triage in SETTLED_BY_PEOPLE:
        return Alert.Because.TRIAGED
    if alert.event.status == DriftEvent.Status.CLOSED:
        return Alert.Because.OVER
    if alert.event.pk not in matches[alert.rule_id] or (alert.escalation and not _has_doubled(alert, alert.event)):
        return Alert.Because.NO_LONGER_SO
    return None


def _has_doubled(alert: Alert, event: DriftEvent) -> bool:
    """Whether what waits to be told as doubled still is."""
    if alert.state != Alert.State.WAITING:
        return True
    series = {name: getattr(alert, name) for name in SERIES}
    before = Alert.objects.filter(rule=alert.rule_id, escalation__lt=alert.escalation, **series)
    told = [Told(*each) for each in before.values_list("escalation", "amount_at_risk")]
    return not told or escalation_of(told, event.amount_at_risk) is not None


def _last_told(now: datetime) -> dict[_OfRule, datetime]:
    since = now - timedelta(hours=COOL_DOWN_HOURS[-1])
    sent = Alert.objects.filter(state=Alert.State.SENT, settled_at__gte=since)
    rows = sent.values_list("rule_id", "payer_id", "cpt_group").annotate(last=Max("settled_at")).order_by()
    return {(rule, payer, group): last for rule, payer, group, last in rows}


def _of_rule(alert: Alert) -> _OfRule:
    return alert.rule_id, alert.payer_id, alert.cpt_group
