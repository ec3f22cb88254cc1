"""How the queues are doing, as the health document and metrics have it."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from payerwatch.jobs.enqueue import enqueue
from payerwatch.jobs.queue import parked, retry, state
from payerwatch.jobs.steps import SENDING, WORK
from payerwatch.tenancy.context import acting_in
from tests.jobs.declared import note, send
from tests.make import customer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql, pytest.mark.usefixtures("table")]


def change(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def test_where_there_is_nothing_nothing_waits_and_nobody_lives():
    assert state() == (None, 0, {}, 0)


def test_what_is_due_has_an_age_by_queue_and_what_is_not_has_none():
    with acting_in(customer()):
        enqueue(note, "now")
        enqueue(send, "sent")
        enqueue(note, "later", at=timezone.now() + timedelta(hours=1))
    earlier = "now() - interval '100 seconds'"
    change(f"UPDATE procrastinate_jobs SET scheduled_at = {earlier} WHERE queue_name = '{SENDING}'")
    ages = state().oldest_due
    assert 0 <= ages[WORK] < 60
    assert 100 <= ages[SENDING] < 160


def test_that_which_has_been_due_the_longest_counts_whichever_was_put_first():
    with acting_in(customer()):
        enqueue(note, "put back")
        enqueue(note, "waits")
    change("UPDATE procrastinate_jobs SET scheduled_at = now() - interval '5 seconds' WHERE args->>'id' = 'put back'")
    change("UPDATE procrastinate_events SET at = now() - interval '1 hour'")
    assert 3600 <= state().oldest_due[WORK] < 3660
    change("UPDATE procrastinate_jobs SET scheduled_at = now() - interval '9 seconds' WHERE args->>'id' = 'waits'")
    assert 9 <= state().oldest_due[WORK] < 60


def test_what_is_retried_has_been_due_since_then():
    with acting_in(customer()):
        enqueue(note, "poison")
    change("UPDATE procrastinate_events SET at = now() - interval '2 days'")
    change("UPDATE procrastinate_jobs SET status = 'failed'")
    retry([each.number for each in parked()])
    assert 0 <= state().oldest_due[WORK] < 60


def test_what_is_hastened_has_been_due_since_then():
    with acting_in(customer()):
        enqueue(note, "later", at=timezone.now() + timedelta(hours=1))
        change("UPDATE procrastinate_events SET at = now() - interval '2 days'")
        enqueue(note, "later")
    assert 0 <= state().oldest_due[WORK] < 60


def test_a_worker_has_been_silent_since_its_last_word_and_the_least_silent_counts():
    for silent in (4, 40):
        change(f"INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '{silent} seconds')")
    found, workers, *_ = state()
    assert found is not None
    assert 4 <= found < 30
    assert workers == 2


def test_what_failed_for_good_is_counted():
    with acting_in(customer()):
        enqueue(note, "poison")
    change("UPDATE procrastinate_jobs SET status = 'failed'")
    assert state().parked == 1
    assert state().oldest_due == {}
