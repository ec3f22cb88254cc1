"""What was held and is let go, by a person or as somebody is there to be told: as it stands then, and told once."""

import pytest

from payerwatch.alerts.actions import bring_up_to_date, release_alert
from payerwatch.deliveries.models import Message
from payerwatch.drift.models import DriftEvent
from tests.alerts.making import Clock, alerts_in, becomes, endpoint, event, found_noise, payer, rule
from tests.make import ACTOR

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("practice")]


def told() -> list[str]:
    return list(Message.objects.exclude(type="alert.held").order_by("pk").values_list("type", flat=True))


def amounts(state: str) -> list[int | None]:
    return [each.amount_at_risk for each in alerts_in(state)]


def held_twice() -> DriftEvent:
    """An event of which nobody could be told, nor when it had doubled."""
    rule()
    about = event(payer(), amount=5_000_00)
    bring_up_to_date()
    about = becomes(about, amount_at_risk=25_000_00)
    bring_up_to_date()
    assert amounts("held") == [5_000_00, 25_000_00]
    return about


def test_what_has_doubled_before_it_is_let_go_is_told_once():
    held_twice()
    endpoint()
    release_alert(alerts_in("held")[0], actor=ACTOR)
    assert amounts("sent") == amounts("cancelled") == [25_000_00]
    bring_up_to_date()
    assert told() == ["alert.raised"]
    assert [each.because for each in alerts_in("cancelled")] == ["no_longer_so"]


def test_and_told_again_when_it_has_doubled_from_there():
    about = held_twice()
    endpoint()
    release_alert(alerts_in("held")[0], actor=ACTOR)
    becomes(about, amount_at_risk=49_000_00)
    bring_up_to_date()
    becomes(about, amount_at_risk=50_000_00)
    bring_up_to_date()
    assert told() == ["alert.raised", "alert.escalated"]
    assert amounts("sent") == [25_000_00, 50_000_00]


def test_what_nobody_could_be_told_is_told_once_as_it_stands_when_somebody_is_there():
    held_twice()
    endpoint()
    bring_up_to_date()
    assert (told(), amounts("sent")) == (["alert.raised"], [25_000_00])


def test_and_as_it_stands_when_quiet_hours_are_over(clock: Clock):
    about = event(payer(), amount=5_000_00)
    rule(quiet_from=22, quiet_until=6)
    bring_up_to_date()
    becomes(about, amount_at_risk=7_000_00)
    clock.move(hours=11)  # it is 23:00
    endpoint()
    bring_up_to_date()
    assert amounts("waiting") == [7_000_00]
    becomes(about, amount_at_risk=25_000_00)
    clock.move(hours=7)
    bring_up_to_date()
    assert (told(), amounts("sent")) == (["alert.raised"], [25_000_00])


def test_what_had_doubled_and_has_not_any_more_is_not_told_though_it_is_let_go():
    endpoint()
    rule()
    about = event(payer(), amount=5_000_00)
    bring_up_to_date()
    found_noise()
    becomes(about, amount_at_risk=10_000_00)
    bring_up_to_date()
    [held] = alerts_in("held")
    becomes(about, amount_at_risk=5_100_00)
    assert release_alert(held, actor=ACTOR).because == "no_longer_so"
    assert (alerts_in("held"), told()) == ([], ["alert.raised"])


def test_what_is_let_go_after_its_doubling_was_told_is_told_as_it_was(clock: Clock):
    endpoint()
    rule()
    found_noise()
    about = event(payer(), amount=5_000_00)
    bring_up_to_date()
    [held] = alerts_in("held")
    clock.move(days=31)
    becomes(about, amount_at_risk=10_000_00)
    bring_up_to_date()
    assert told() == ["alert.escalated"]
    assert release_alert(held, actor=ACTOR).amount_at_risk == 5_000_00
    bring_up_to_date()
    assert told() == ["alert.escalated", "alert.raised"]
