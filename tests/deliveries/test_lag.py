"""For how long something has been due that nobody has sent, as the health document has it where no job waits."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from payerwatch.deliveries import endpoints
from payerwatch.deliveries.messages import Told, tell_all
from payerwatch.deliveries.models import Endpoint, Message
from payerwatch.deliveries.notices import Notice
from payerwatch.deliveries.queries import oldest_due_anywhere
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests.alerts import making
from tests.jobs.caught import catch_steps
from tests.make import ACTOR, customer

pytestmark = pytest.mark.django_db

NOTICE = Notice("endpoint.test", "end_2", making.NOON, "A test", "This is a test.", {"endpoint": "end_2"})
EARLIER = timedelta(hours=1)


@pytest.fixture
def due(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """Since when a message has been due for an endpoint of a practice."""
    catch_steps(monkeypatch, lambda _work: None)
    due = timezone.now() - EARLIER
    with acting_in(customer()):
        made = endpoints.add_endpoint("https://hooks.example.com/1", actor=ACTOR).endpoint
        tell_all([Told(NOTICE, [made])])
        Message.objects.update(due_at=due)
    return due


def change(**columns: object) -> None:
    with acting_in(Customer.objects.get()):
        Endpoint.objects.update(**columns)


def test_what_is_due_for_an_endpoint_has_been_so_since_then(due: datetime):
    assert oldest_due_anywhere() == due


def test_what_waits_for_an_endpoint_that_rests_is_nothing_that_nobody_has_sent(due: datetime):
    change(paused_until=timezone.now() + timedelta(minutes=10))
    assert oldest_due_anywhere() is None
    change(paused_until=timezone.now() - timedelta(seconds=1))
    assert oldest_due_anywhere() == due


def test_nor_is_what_waits_for_one_that_was_disabled(due: datetime):
    change(state=Endpoint.State.DISABLED)
    assert oldest_due_anywhere() is None


def test_what_a_member_is_to_be_told_counts(due: datetime):
    change(paused_until=timezone.now() + timedelta(minutes=10))
    with acting_in(Customer.objects.get()):
        tell_all([Told(NOTICE, members=("mem_2",))])
    newest = oldest_due_anywhere()
    assert newest is not None
    assert newest > due
