"""Machines whose clocks differ from the database's: what is to be sent is so at its time."""

import time
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from payerwatch.deliveries import endpoints
from payerwatch.deliveries.answers import Answer
from payerwatch.deliveries.channels import channels
from payerwatch.deliveries.messages import Told, tell_all
from payerwatch.deliveries.models import Endpoint, Message
from payerwatch.deliveries.notices import Notice
from payerwatch.deliveries.retries import JITTER, SCHEDULE
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests.alerts import making
from tests.deliveries.lanes import ARRIVED, Post
from tests.jobs.conftest import jobs, table, wait_for, working
from tests.make import ACTOR, customer

__all__ = ["table"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql, pytest.mark.usefixtures("table")]
NOTICE = Notice("endpoint.test", "end_2", making.NOON, "A test", "This is a test.", {"endpoint": "end_2"})
HOUR = 3600
LATER = SCHEDULE[2].total_seconds()


@pytest.fixture
def post(monkeypatch: pytest.MonkeyPatch) -> Post:
    post = Post(answers=[Answer(500)])
    for channel in channels().values():
        monkeypatch.setattr(channel, "send", post.send)
    return post


@pytest.fixture
def practice() -> Customer:
    return customer()


def set_clock(monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    """This machine's, so much ahead of the database's."""
    true = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: true() + timedelta(seconds=seconds))


def tell(practice: Customer) -> None:
    with acting_in(practice):
        made = endpoints.add_endpoint("https://hooks.example.com/1", actor=ACTOR).endpoint
        tell_all([Told(NOTICE, [made])])


def seconds_until_due() -> float | None:
    """Of the job that waits, by the clock of the database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM scheduled_at - now()) FROM procrastinate_jobs WHERE status = 'todo'")
        found = cursor.fetchone()
    return None if found is None or found[0] is None else float(found[0])


def waiting() -> list[tuple[int]]:
    """The numbers of the jobs that wait."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM procrastinate_jobs WHERE status = 'todo' ORDER BY id")
        found: list[tuple[int]] = cursor.fetchall()
    return found


@pytest.mark.parametrize("ahead", [-HOUR, HOUR])
def test_what_failed_is_tried_again_when_its_pause_is_over_whatever_the_worker_s_clock_says(
    practice: Customer, post: Post, monkeypatch: pytest.MonkeyPatch, ahead: int
):
    set_clock(monkeypatch, ahead)
    tell(practice)
    with working():
        wait_for(lambda: len(post.sent) == 2)  # at once, and five seconds later
        pause = wait_for(lambda: (seconds := seconds_until_due()) and seconds > 60 and seconds)
        assert 0.9 * LATER <= pause <= (1 + JITTER) * LATER
        before = waiting()
        time.sleep(2)
        assert waiting() == before  # else it would be put back again and again
    assert len(post.sent) == 2


def test_a_message_of_a_machine_that_is_ahead_is_sent_at_once(practice: Customer, post: Post):
    post.answers = [ARRIVED]
    tell(practice)
    with acting_in(practice):
        Message.objects.update(due_at=timezone.now() + timedelta(hours=1))
    with working():
        wait_for(lambda: not jobs())
    assert len(post.sent) == 1
    with acting_in(practice):
        assert Message.objects.get().state == Message.State.DELIVERED


@pytest.mark.parametrize("ahead", [-HOUR, HOUR])
def test_an_endpoint_rests_as_long_as_it_is_to(
    practice: Customer, post: Post, monkeypatch: pytest.MonkeyPatch, ahead: int
):
    post.answers = [Answer(503), ARRIVED]
    set_clock(monkeypatch, ahead)
    tell(practice)
    with working():
        wait_for(lambda: post.sent)
        pause = wait_for(seconds_until_due)
    assert 50 <= pause <= 70
    with acting_in(practice):
        assert Endpoint.objects.get().paused_until is not None
