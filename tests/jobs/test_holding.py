"""A job is its worker's until it is given to another: until then nobody can, and from then on it keeps nothing."""

import logging
from collections.abc import Callable
from contextlib import suppress

import pytest
from django.db import DatabaseError, connection, transaction

from payerwatch.audit.models import Entry
from payerwatch.audit.record import Thing, record
from payerwatch.claims.models import Upload
from payerwatch.claims.progress_notes import noted_progress
from payerwatch.jobs import queue
from payerwatch.jobs.enqueue import enqueue, for_each_customer
from payerwatch.jobs.holding import JobTakenAway, holding
from payerwatch.jobs.queue import Taken
from payerwatch.tenancy.beginnings import beginning
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests.jobs.conftest import Other, jobs, nothing_long_ends, wait_for, working
from tests.jobs.declared import leave, left, note, take_long
from tests.make import ACTOR, customer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql, pytest.mark.usefixtures("table")]

LOGGER = "payerwatch.jobs.worker"


@pytest.fixture
def practice() -> Customer:
    return customer()


@pytest.fixture
def taken(practice: Customer) -> Taken:
    """A job in the hands of a worker that has not said for an hour that it lives."""
    with acting_in(practice):
        enqueue(note, "a")
    found = queue.take(queue.register())
    assert found is not None
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour'")
    return found


def give_away() -> None:
    queue.take_from_the_dead(60)


def test_while_a_transaction_of_it_is_open_nobody_takes_it_up(practice: Customer, taken: Taken, other: Other):
    """And who is stopped in one keeps no worker waiting: it would be silent itself."""
    with holding(taken), acting_in(practice):
        leave(practice.pk, "kept")
        other.do(give_away)
        assert jobs() == [("a", "doing", 0)]
    other.do(give_away)
    assert jobs() == [("a", "todo", 1)]
    assert left(practice.pk) == ["kept"]


def in_the_customer(practice: Customer) -> None:
    leave(practice.pk, "stale")


def in_no_customer(practice: Customer) -> None:
    with transaction.atomic():
        Customer.objects.filter(pk=practice.pk).update(time_zone="Asia/Tokyo")


def for_everybody(_practice: Customer) -> None:
    """Each apart from the others, whatever becomes of one."""
    for_each_customer(lambda customer_id: leave(customer_id, "stale"))


def with_the_commit(practice: Customer) -> None:
    """By what nobody awaits, so that it is sent with COMMIT."""
    with acting_in(practice):
        record("detect", Thing("drift_run"), actor=ACTOR)


def kept(practice: Customer) -> tuple[list[str], str, int]:
    with acting_in(practice):
        return left(practice.pk), Customer.objects.get(pk=practice.pk).time_zone, Entry.objects.count()


@pytest.mark.parametrize("work", [in_the_customer, in_no_customer, for_everybody, with_the_commit])
def test_once_it_is_given_away_nothing_more_is_kept(practice: Customer, taken: Taken, work: Callable[[Customer], None]):
    before = kept(practice)
    give_away()
    with pytest.raises(JobTakenAway, match=f"Job {taken.number} was taken away"), holding(taken):
        work(practice)
    connection.close()
    assert kept(practice) == before


def leave_whatever_happens(practice: Customer) -> None:
    with acting_in(practice):
        with suppress(DatabaseError), transaction.atomic():
            leave(practice.pk, "stale")
        leave(practice.pk, "stale too")


def test_a_step_that_catches_the_error_keeps_nothing_either(practice: Customer, taken: Taken):
    give_away()
    with pytest.raises(DatabaseError), holding(taken):
        leave_whatever_happens(practice)
    connection.close()
    assert left(practice.pk) == []


def test_given_away_and_taken_again_it_is_the_second_ones(practice: Customer, taken: Taken):
    give_away()
    again = queue.take(queue.register())
    assert again is not None
    assert again.number == taken.number
    with pytest.raises(JobTakenAway), holding(taken):
        leave(practice.pk, "stale")
    connection.close()
    with holding(again):
        leave(practice.pk, "kept")
    assert left(practice.pk) == ["kept"]


def test_outside_of_a_job_nothing_is_asked(practice: Customer, taken: Taken):
    give_away()
    with suppress(JobTakenAway), holding(taken):
        leave(practice.pk, "stale")
    assert beginning() == ""
    leave(practice.pk, "kept")
    assert left(practice.pk) == ["kept"]


def test_its_end_changes_nothing_of_what_others_made_of_it(practice: Customer, taken: Taken):
    """Parked by whoever took it up, it is looked at by people, whatever the first worker makes of it."""
    give_away()
    again = queue.take(queue.register())
    assert again is not None
    assert queue.park(again, attempts=5)
    queue.done(taken)
    assert not queue.park(taken, attempts=1)
    assert jobs() == [("a", "failed", 5)]


def test_how_far_a_load_is_is_told_only_by_who_has_it(practice: Customer, taken: Taken):
    """By a thread of its own, which is no less the job's."""
    with acting_in(practice):
        Upload.objects.create(public_id="upl_1", filename="a.csv", state=Upload.State.LOADING, size_bytes=1)
    for stage in ("check", "save"):
        with holding(taken), noted_progress(practice, "upl_1") as progress:
            progress(stage, 1, 2)
        with acting_in(practice):
            assert Upload.objects.get().stage == "check"
        give_away()


def test_a_worker_says_so_and_drops_the_job(practice: Customer, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, LOGGER)
    with acting_in(practice):
        enqueue(take_long, "a")
    with nothing_long_ends() as let_end, working(beat=60):
        wait_for(lambda: left(practice.pk) == ["a begun"])
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM procrastinate_workers")
        let_end()
        wait_for(lambda: [each for each in caplog.records if "was taken away" in each.getMessage()])
    assert [each.levelname for each in caplog.records if each.name == LOGGER] == ["INFO"]
    assert (left(practice.pk), jobs()) == (["a begun"], [("a", "doing", 0)])
