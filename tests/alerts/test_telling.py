"""Whom an alert reaches, in which words, and what becomes of it where nobody can be told."""

import json
from typing import Any

import pytest

from payerwatch.alerts import telling
from payerwatch.alerts.actions import AlertNotHeld, bring_up_to_date, release_alert
from payerwatch.alerts.feedback import call_noise, give_verdict
from payerwatch.alerts.models import Alert
from payerwatch.alerts.rules import change_rule, described
from payerwatch.claims.models import PayerMapping
from payerwatch.deliveries.models import Message
from payerwatch.drift.explaining import Weeks
from payerwatch.drift.triage import acknowledge_event, mark_noise
from payerwatch.members.models import Member
from payerwatch.members.people import suspend_person
from tests.alerts.making import (
    MONDAY,
    Clock,
    alerts_in,
    becomes,
    endpoint,
    event,
    found_noise,
    member,
    payer,
    rule,
)
from tests.make import ACTOR

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("practice")]


def bodies(**columns: Any) -> list[dict[str, Any]]:
    found = Message.objects.filter(**columns).order_by("pk").values_list("body", flat=True)
    return [json.loads(body) for body in found]


def types_told(**columns: Any) -> list[str]:
    return list(Message.objects.filter(**columns).order_by("pk").values_list("type", flat=True))


# Whom


def test_an_alert_is_told_once_to_each_receiver():
    ada, system = member(), endpoint()
    rule(recipients=[ada.public_id])
    event(payer())
    bring_up_to_date()
    (alert,) = alerts_in("sent")
    assert set(Message.objects.values_list("recipient", "endpoint", "about")) == {
        (ada.public_id, None, alert.public_id),
        (None, system.pk, alert.public_id),
    }
    bring_up_to_date()
    assert Message.objects.count() == 2


def test_an_endpoint_is_told_only_of_the_types_it_subscribes_to():
    first, doubled = endpoint(event_types=["alert.raised"]), endpoint(event_types=["alert.escalated"])
    rule()
    about = event(payer(), amount=5_000_00)
    bring_up_to_date()
    becomes(about, amount_at_risk=11_000_00)
    bring_up_to_date()
    assert types_told(endpoint=first) == ["alert.raised"]
    assert types_told(endpoint=doubled) == ["alert.escalated"]


def test_a_daily_rule_tells_a_single_alert_as_a_digest_too(clock: Clock):
    digests, ada = endpoint(event_types=["alert.digest"]), member()
    rule(cadence="daily", digest_hour=7, recipients=[ada.public_id])
    event(payer())
    bring_up_to_date()
    clock.move(hours=19)
    bring_up_to_date()
    assert [each["data"]["count"] for each in bodies(endpoint=digests)] == [1]
    (mail,) = bodies(recipient=ada.public_id)
    assert mail["title"] == "Aetna denies more"


def test_an_endpoint_that_was_disabled_by_hand_is_told_nothing_even_where_a_rule_names_it():
    system = endpoint(state="disabled", disabled_because="by_hand")
    rule(endpoints=[system.public_id])
    event(payer())
    bring_up_to_date()
    assert [each.because for each in alerts_in("held")] == ["nobody_to_tell"]
    assert Message.objects.count() == 0


def test_for_an_endpoint_that_was_disabled_for_failing_messages_are_kept():
    system = endpoint(state="disabled", disabled_because="failing")
    rule(endpoints=[system.public_id])
    event(payer())
    bring_up_to_date()
    assert types_told(endpoint=system) == ["alert.raised"]


@pytest.mark.parametrize("how", ["member", "person"])
def test_with_its_only_recipient_suspended_a_rules_alert_is_held_and_said_to_be(how: str):
    ada = member()
    rule(recipients=[ada.public_id])
    if how == "member":
        Member.objects.update(state="suspended")
    else:
        suspend_person(ada.person, actor=ACTOR)
    event(payer())
    bring_up_to_date()
    (alert,) = alerts_in("held")
    assert alert.because == "nobody_to_tell"
    endpoint()
    assert release_alert(alert, actor=ACTOR).state == "sent"
    with pytest.raises(AlertNotHeld):
        release_alert(alert, actor=ACTOR)
    assert Message.objects.count() == 1


# In which words


def test_what_is_back_says_in_which_week_it_was_over():
    ada = member()
    rule(recipients=[ada.public_id])
    before = event(payer(), status="closed", closed_week=MONDAY)
    event(payer(), episode=2, returned_from=before)
    bring_up_to_date()
    (mail,) = bodies(recipient=ada.public_id)
    assert mail["lines"] == ["It is back: this was over before, in the week of January 5, 2026."]


def test_what_waits_is_told_once_as_its_event_stands_when_it_is(clock: Clock):
    endpoint()
    rule(cadence="daily", digest_hour=7)
    about = event(payer(), amount=5_000_00)
    bring_up_to_date()
    becomes(about, amount_at_risk=30_000_00, certainty="very_likely")
    bring_up_to_date()
    clock.move(hours=19)
    bring_up_to_date()
    (alert,) = alerts_in("sent")
    assert (alert.escalation, alert.amount_at_risk, alert.certainty) == (0, 30_000_00, "very_likely")
    assert "$30,000" in alert.sentence
    assert Message.objects.count() == 1


def test_a_digest_names_50_and_says_how_many_more_there_are(clock: Clock):
    ada = member()
    rule(cadence="daily", digest_hour=7, recipients=[ada.public_id])
    for number in range(53):
        event(payer(f"Payer {number}"))
    bring_up_to_date()
    clock.move(hours=19)
    bring_up_to_date()
    (mail,) = bodies(recipient=ada.public_id)
    assert len(mail["lines"]) == 51
    assert mail["lines"][-1] == "And 3 more, listed where alerts are."


def test_a_digest_has_the_picture_of_what_costs_most_and_says_so(clock: Clock, monkeypatch: pytest.MonkeyPatch):
    drawn = Weeks([MONDAY], [0.2], [0.1], [0.05], [0.15])
    monkeypatch.setattr(telling, "weeks_of_each", lambda events: {each.pk: drawn for each in events})
    ada = member()
    rule(cadence="daily", digest_hour=7, recipients=[ada.public_id])
    for name, amount in (("Aetna", 2_000_00), ("Cigna", 9_000_00), ("Humana", None)):
        event(payer(name), amount=amount)
    bring_up_to_date()
    clock.move(hours=19)
    bring_up_to_date()
    (mail,) = bodies(recipient=ada.public_id)
    assert mail["title"] == "3 changes in how payers treat your claims"
    assert mail["chart"]["title"] == "Cigna denies more\nshare denied of the claims decided each week"


# What people do


@pytest.mark.parametrize("waits", [{"cadence": "daily"}, {}])
def test_what_is_over_or_noise_before_it_was_sent_is_cancelled(waits: dict[str, str]):
    """Held alerts end as those that wait do."""
    rule(**waits)  # without an endpoint what is told at once is held
    over, noise = event(payer("Cigna")), event(payer("Humana"))
    bring_up_to_date()
    becomes(over, status="closed", closed_week=MONDAY)
    mark_noise(noise, "expected", actor=ACTOR)
    bring_up_to_date()
    assert {each.payer.name: each.because for each in alerts_in("cancelled")} == {"Cigna": "over", "Humana": "triaged"}


def test_what_was_called_noise_and_is_taken_on_after_all_is_told():
    rule()
    about = event(payer())
    bring_up_to_date()
    mark_noise(about, "expected", actor=ACTOR)
    bring_up_to_date()
    acknowledge_event(about, actor=ACTOR)
    endpoint()
    bring_up_to_date()
    assert len(alerts_in("sent")) == Alert.objects.count() == 1


def test_what_was_taken_back_before_it_was_sent_is_told_when_it_is_found_again():
    rule(cadence="daily", digest_hour=7)
    event(payer()).delete()
    about = event(payer())
    bring_up_to_date()
    about.delete()
    bring_up_to_date()
    assert [each.because for each in alerts_in("cancelled")] == ["taken_back"]
    again = event(payer())
    bring_up_to_date()
    assert [each.event for each in alerts_in("waiting")] == [again]


def test_what_was_told_and_taken_back_is_not_told_again_when_it_is_found_again():
    endpoint()
    rule()
    about = event(payer())
    bring_up_to_date()
    about.delete()
    again = event(payer())
    bring_up_to_date()
    assert [each.event for each in alerts_in("sent")] == [again]
    assert Message.objects.count() == 1


# What is held


def test_two_that_were_noise_hold_the_next_and_endpoints_may_hear_of_it():
    found_noise()
    system = endpoint()
    rule()
    event(payer())
    event(payer(), "imaging")
    bring_up_to_date()
    assert [(each.cpt_group, each.because) for each in alerts_in("held")] == [("", "noise_verdicts")]
    assert types_told(endpoint=system) == ["alert.held", "alert.raised"]


def test_one_that_waited_is_held_too_if_others_are_found_noise_meanwhile(clock: Clock):
    endpoint()
    rule(cadence="daily", digest_hour=7)
    event(payer())
    bring_up_to_date()
    found_noise()
    clock.move(hours=19)
    bring_up_to_date()
    assert [each.because for each in alerts_in("held")] == ["noise_verdicts"]


def test_a_doubling_is_held_as_well():
    system = endpoint()
    rule()
    about = event(payer(), amount=5_000_00)
    bring_up_to_date()
    found_noise()
    becomes(about, amount_at_risk=10_000_00)
    bring_up_to_date()
    assert [each.escalation for each in alerts_in("held")] == [1]
    assert types_told(endpoint=system) == ["alert.raised", "alert.held"]


@pytest.mark.parametrize(("days", "held"), [(30, 1), (30.001, 0)])
def test_verdicts_hold_for_30_days(clock: Clock, days: float, held: int):
    found_noise()
    clock.move(days=days)
    endpoint()
    rule()
    event(payer())
    bring_up_to_date()
    assert len(alerts_in("held")) == held


def test_a_verdict_that_was_given_anew_counts_once_and_as_it_is_now():
    found_noise(times=1)
    (sent,) = alerts_in("sent")
    give_verdict(sent, "noise", actor=ACTOR)
    endpoint()
    rule()
    about = event(payer())
    bring_up_to_date()
    assert alerts_in("held") == []
    second = Alert.objects.get(event=about)
    give_verdict(second, "noise", actor=ACTOR)
    give_verdict(sent, "real", actor=ACTOR)
    event(payer(), measure="days_to_decision")
    bring_up_to_date()
    assert alerts_in("held") == []


def test_an_event_that_was_called_noise_and_taken_on_after_all_holds_nothing():
    found_noise(times=1)
    endpoint()
    telling = rule()
    about = event(payer())
    call_noise(about, "expected", actor=ACTOR)
    event(payer(), measure="days_to_decision")
    bring_up_to_date()
    assert [each.measure for each in alerts_in("held")] == ["days_to_decision"]
    acknowledge_event(about, actor=ACTOR)
    change_rule(telling, {"direction": ""}, actor=ACTOR)
    event(payer(), direction="better")
    bring_up_to_date()
    assert len(alerts_in("held")) == 1


def test_what_had_doubled_and_has_not_any_more_is_not_told(clock: Clock):
    system = endpoint()
    rule(cool_down_hours=24)
    about = event(payer(), amount=5_000_00)
    bring_up_to_date()
    becomes(about, amount_at_risk=10_000_00)
    bring_up_to_date()
    becomes(about, amount_at_risk=5_100_00)
    clock.move(hours=25)
    bring_up_to_date()
    assert types_told(endpoint=system) == ["alert.raised"]
    assert [each.because for each in alerts_in("cancelled")] == ["no_longer_so"]
    becomes(about, amount_at_risk=11_000_00)
    bring_up_to_date()
    assert types_told(endpoint=system) == ["alert.raised", "alert.escalated"]


def test_that_an_alert_is_held_is_told_to_the_rules_own_endpoints_alone():
    own, other = endpoint(), endpoint()
    rule(endpoints=[own.public_id])
    found_noise()
    event(payer())
    bring_up_to_date()
    assert (types_told(endpoint=own), types_told(endpoint=other)) == (["alert.held"], [])


def test_what_is_let_go_is_told_as_it_is_then():
    endpoint()
    rule()
    found_noise()
    about = event(payer(), amount=5_000_00)
    bring_up_to_date()
    becomes(about, amount_at_risk=9_000_00)
    (held,) = alerts_in("held")
    assert release_alert(held, actor=ACTOR).amount_at_risk == 9_000_00


def test_the_trail_says_all_that_a_rule_says():
    about = {"name": "ours", "cpt_group": "imaging", "payer": payer().name}
    assert described(rule(**about)) | about | {"payer": payer().public_id} == described(rule(**about))


def test_a_payer_is_meant_by_any_spelling_of_it():
    meant = payer("Blue Cross")
    spelled = payer("BCBS")
    PayerMapping.objects.create(raw_name="BCBS", raw_key="bcbs", payer=meant)
    assert rule(payer="bcbs").payer == meant != spelled
