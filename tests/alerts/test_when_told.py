"""When an alert is told: at once or in a digest, and not in quiet hours, nor while it cools down or waits."""

from datetime import timedelta

import pytest

from payerwatch.alerts.actions import bring_up_to_date
from payerwatch.alerts.models import Alert
from payerwatch.alerts.rules import change_rule, remove_rule
from payerwatch.deliveries.models import Message
from payerwatch.drift.triage import Until, snooze_event
from tests.alerts.making import Clock, alerts_in, endpoint, event, judged, payer, rule
from tests.make import ACTOR

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("practice")]


def test_of_several_about_a_payer_one_goes_and_the_others_wait_out_the_cool_down(clock: Clock):
    endpoint()
    rule(cool_down_hours=24)
    for measure in ("denial_rate", "days_to_decision"):
        event(payer(), measure=measure)
    event(payer("Cigna"))
    bring_up_to_date()
    assert len(alerts_in("sent")) == 2
    (waits,) = alerts_in("waiting")
    assert (waits.waits_for, waits.due_at) == ("time", clock.now + timedelta(hours=24))
    clock.move(hours=24)
    bring_up_to_date()
    assert len(alerts_in("sent")) == 3


def test_a_step_that_comes_late_keeps_quiet_hours(clock: Clock):
    endpoint()
    rule(cadence="daily", digest_hour=21, quiet_from=22, quiet_until=6)
    event(payer())
    bring_up_to_date()
    clock.move(hours=11)  # it is 23:00
    bring_up_to_date()
    assert Message.objects.count() == 0
    clock.move(hours=22)
    bring_up_to_date()
    assert Message.objects.count() == 1


def test_what_is_snoozed_while_its_alert_waits_is_not_told_before_it_wakes(clock: Clock):
    endpoint()
    rule(cadence="daily", digest_hour=7)
    about = event(payer())
    bring_up_to_date()
    snooze_event(about, Until("date", clock.now.date() + timedelta(hours=72)), actor=ACTOR)
    clock.move(hours=24)
    bring_up_to_date()
    assert [each.waits_for for each in alerts_in("waiting")] == ["snooze"]
    clock.move(hours=72)
    bring_up_to_date()
    clock.move(hours=24)
    bring_up_to_date()
    assert Message.objects.count() == 1


def test_days_to_decision_wait_while_the_feed_stands_still(clock: Clock):
    endpoint()
    rule(cadence="daily", digest_hour=13)
    event(payer(), measure="days_to_decision")
    bring_up_to_date()
    judged(stalled=True)
    clock.move(hours=2)
    bring_up_to_date()
    assert [each.waits_for for each in alerts_in("waiting")] == ["feed"]
    judged(stalled=False, at=clock.now)
    clock.move(hours=24)
    bring_up_to_date()
    clock.move(hours=24)
    bring_up_to_date()
    assert len(alerts_in("sent")) == 1


def test_a_rule_that_is_changed_tells_what_waits_when_it_now_says():
    endpoint()
    telling = rule(cadence="daily", digest_hour=7)
    event(payer())
    bring_up_to_date()
    change_rule(telling, {"cadence": "instant"}, actor=ACTOR)
    bring_up_to_date()
    assert len(alerts_in("sent")) == 1


def test_a_rule_that_asks_for_more_cancels_what_waits_and_one_that_asks_for_less_takes_it_up_again(clock: Clock):
    endpoint()
    telling = rule(cadence="daily", digest_hour=7)
    event(payer(), amount=5_000_00)
    bring_up_to_date()
    change_rule(telling, {"least_amount": 9_000_00}, actor=ACTOR)
    bring_up_to_date()
    assert [each.because for each in alerts_in("cancelled")] == ["no_longer_so"]
    change_rule(telling, {"least_amount": 0}, actor=ACTOR)
    bring_up_to_date()
    clock.move(hours=19)
    bring_up_to_date()
    assert len(alerts_in("sent")) == Alert.objects.count() == 1


@pytest.mark.parametrize("how", ["removed", "switched off"])
def test_a_rule_that_tells_nothing_any_more_cancels_what_waits_at_once(how: str):
    telling = rule(cadence="daily", digest_hour=7)
    event(payer())
    bring_up_to_date()
    if how == "removed":
        remove_rule(telling, actor=ACTOR)
    else:
        change_rule(telling, {"enabled": False}, actor=ACTOR)
    assert [(each.because, each.due_at) for each in alerts_in("cancelled")] == [("rule_removed", None)]


def test_a_rule_that_is_switched_on_again_tells_what_it_had_not_told():
    endpoint()
    telling = rule(cadence="daily", digest_hour=7)
    event(payer())
    bring_up_to_date()
    for enabled in (False, True):
        change_rule(telling, {"enabled": enabled, "cadence": "instant"}, actor=ACTOR)
        bring_up_to_date()
    assert len(alerts_in("sent")) == Alert.objects.count() == 1
