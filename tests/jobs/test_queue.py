"""A job waits exactly when its cause is kept, once; and no cause is missed by a worker that had looked before."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.db import transaction
from django.utils import timezone

from payerwatch.jobs import queue
from payerwatch.jobs.enqueue import again, enqueue
from payerwatch.jobs.job import Job
from payerwatch.jobs.queue import Taken
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests.jobs.conftest import Other, jobs
from tests.jobs.declared import leave, left, note, take_long
from tests.make import customer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql, pytest.mark.usefixtures("table")]

LATER = datetime(2200, 1, 1, tzinfo=UTC)


@pytest.fixture
def practice() -> Customer:
    return customer()


@pytest.fixture
def worker(table: None) -> int:
    return queue.register()


def put(practice: Customer, public_id: str = "a", **how: datetime) -> None:
    with acting_in(practice):
        enqueue(note, public_id, **how)


def took(worker: int) -> Taken:
    taken = queue.take(worker)
    assert taken is not None
    return taken


def test_a_job_is_there_exactly_when_its_cause_is_kept(practice: Customer):
    with acting_in(practice):
        leave(practice.pk, "kept")
        enqueue(note, "a")
    with acting_in(practice):
        leave(practice.pk, "taken back")
        enqueue(note, "b")
        transaction.set_rollback(True)
    assert left(practice.pk) == ["kept"]
    assert jobs() == [("a", "todo", 0)]


def test_a_job_carries_the_customer_and_a_public_id_and_nothing_else(practice: Customer, worker: int):
    put(practice)
    assert took(worker).job == Job("tests.jobs.declared.note", practice.pk, "a")


def test_of_a_step_and_its_cause_one_waits(practice: Customer):
    for _ in range(3):
        put(practice)
    put(practice, "b")
    put(customer("Other practice"))
    assert [thing for thing, *_ in jobs()] == ["a", "b", "a"]


def test_two_of_the_same_are_never_taken_together(practice: Customer, worker: int):
    put(practice)
    first = took(worker)
    put(practice)
    assert queue.take(worker) is None
    queue.done(first)
    assert took(worker).job == first.job


def test_a_job_for_later_is_not_taken_before(practice: Customer, worker: int):
    put(practice, at=timezone.now() + timedelta(hours=1))
    put(practice, "b", at=timezone.now() - timedelta(hours=1))
    assert took(worker).job.public_id == "b"
    assert queue.take(worker) is None


@pytest.mark.parametrize(("at", "is_due"), [(None, True), (timezone.now() - timedelta(days=1), True), (LATER, False)])
def test_a_job_for_later_is_hastened_by_a_cause_that_cannot_wait(
    practice: Customer, worker: int, at: datetime | None, is_due: bool
):
    put(practice, at=timezone.now() + timedelta(hours=1))
    with acting_in(practice):
        enqueue(note, "a", at=at)
    assert (queue.take(worker) is not None) is is_due


# Two connections


def test_a_job_that_waits_is_not_taken_before_the_new_cause_is_kept(practice: Customer, worker: int, other: Other):
    """Else it could end without having seen it, and nobody would do it again."""
    put(practice)
    with acting_in(practice):
        enqueue(note, "a")
        assert other.do(partial(queue.take, worker)) is None
    assert other.do(partial(queue.take, worker)).job.public_id == "a"
    assert len(jobs()) == 1


def test_meanwhile_others_are_taken(practice: Customer, worker: int, other: Other):
    put(practice)
    put(practice, "b")
    with acting_in(practice):
        enqueue(note, "a")
        assert other.do(partial(queue.take, worker)).job.public_id == "b"


def test_a_cause_that_comes_as_a_job_is_taken_puts_another(practice: Customer, worker: int, other: Other):
    put(practice)
    other.open_transaction()
    other.do(partial(queue.take, worker))
    second = Other()
    putting = second.begin(partial(put, practice))
    assert not putting.done()
    other.end_transaction()
    putting.result(60)
    second.close()
    assert jobs() == [("a", "doing", 0), ("a", "todo", 0)]


@pytest.mark.parametrize("kept", [True, False])
def test_of_two_that_put_the_same_at_once_one_does_it_for_both(practice: Customer, other: Other, kept: bool):
    other.open_transaction()
    other.do(partial(put, practice))
    second = Other()
    putting = second.begin(partial(put, practice))
    other.end_transaction(keep=kept)
    putting.result(60)
    second.close()
    assert jobs() == [("a", "todo", 0)]


def test_two_causes_of_a_job_that_waits_do_not_wait_for_each_other(practice: Customer, other: Other, worker: int):
    put(practice)
    other.open_transaction()
    other.do(partial(put, practice))
    put(practice)
    assert queue.take(worker) is None  # for the other's sake
    other.end_transaction()
    assert took(worker).job.public_id == "a"


# What becomes of a job


def test_a_job_that_was_put_back_waits_for_its_pause(practice: Customer, worker: int):
    put(practice)
    queue.put_back(took(worker), attempts=1, pause=timedelta(hours=1))
    assert (queue.take(worker), jobs()) == (None, [("a", "todo", 1)])


def test_a_job_that_is_put_back_gives_way_to_a_new_one_which_keeps_its_attempts(practice: Customer, worker: int):
    put(practice)
    taken = took(worker)
    put(practice)
    queue.put_back(taken, attempts=3, pause=timedelta(hours=1))
    assert jobs() == [("a", "todo", 3)]
    assert took(worker).attempts == 3


def test_who_has_lost_a_job_ends_nothing(practice: Customer, worker: int):
    """As one that was taken for dead and was not."""
    put(practice)
    lost = took(worker)
    queue.leave(worker)
    queue.take_from_the_dead(60)
    found = took(queue.register())
    queue.done(lost)
    queue.put_back(lost, attempts=4, pause=timedelta())
    assert not queue.park(lost, attempts=5)
    assert (jobs(), found.attempts) == ([("a", "doing", 1)], 1)


def test_what_a_living_worker_has_and_does_not_do_is_put_back(practice: Customer, worker: int):
    for public_id in ("a", "b"):
        put(practice, public_id)
    doing, _lost = took(worker), took(worker)
    queue.put_back_what_is_not_done(worker, [doing.number])
    assert jobs() == [("a", "doing", 0), ("b", "todo", 0)]


def test_a_living_workers_jobs_are_its_own(practice: Customer, worker: int):
    put(practice)
    took(worker)
    queue.take_from_the_dead(60)
    assert jobs() == [("a", "doing", 0)]


def test_what_is_found_waiting_is_put_unless_it_waits_runs_or_is_parked(practice: Customer, worker: int):
    for status in ("todo", "doing", "failed"):
        again(note, practice.pk, "a")
        again(note, practice.pk, "a")
        assert jobs() == [("a", status, 0)] or status != "todo"
        if status == "todo":
            taken = took(worker)
        elif status == "doing":
            queue.park(taken, attempts=5)
    assert jobs() == [("a", "failed", 5)]


def test_what_is_found_waiting_does_not_end_a_pause(practice: Customer, worker: int):
    put(practice)
    queue.put_back(took(worker), attempts=1, pause=timedelta(hours=1))
    again(note, practice.pk, "a")
    assert queue.take(worker) is None


def test_a_new_cause_is_put_beside_what_is_parked_and_forgets_it_once_it_is_done(practice: Customer, worker: int):
    put(practice)
    queue.park(took(worker), attempts=5)
    put(practice)
    assert jobs() == [("a", "failed", 5), ("a", "todo", 0)]
    queue.done(took(worker))
    assert jobs() == []


def test_of_a_step_and_its_cause_one_is_parked(practice: Customer, worker: int):
    for _ in range(2):
        put(practice)
        queue.park(took(worker), attempts=5)
    assert jobs() == [("a", "failed", 5)]


def test_a_parked_job_that_is_tried_again_begins_anew(practice: Customer, worker: int):
    put(practice)
    queue.park(took(worker), attempts=5)
    [parked] = queue.parked()
    assert (parked.customer, parked.thing, parked.attempts) == (practice.public_id, "a", 5)
    assert queue.retry([parked.number, 999_999]) == [parked.number]
    assert (took(worker).attempts, queue.parked(), queue.retry([parked.number])) == (0, [], [])


def test_a_parked_job_that_is_tried_again_while_another_waits_is_that_one(practice: Customer, worker: int):
    put(practice)
    queue.park(took(worker), attempts=5)
    put(practice)
    [parked] = queue.parked()
    assert queue.retry([parked.number]) == [parked.number]
    assert jobs() == [("a", "todo", 0)]


def test_how_many_wait_run_and_are_parked(practice: Customer, worker: int):
    for public_id in ("a", "b", "c", "d"):
        put(practice, public_id)
    queue.park(took(worker), attempts=5)
    queue.done(took(worker))
    took(worker)
    assert queue.counts() == {"waiting": 1, "running": 1, "parked": 1}


def test_of_different_steps_with_one_cause_each_waits(practice: Customer):
    put(practice)
    with acting_in(practice):
        enqueue(take_long, "a")
    assert len(jobs()) == 2


def test_what_is_periodic_is_put_once_for_each_moment_however_many_try(worker: int, other: Other):
    moment = timezone.now()
    for _ in range(2):
        queue.put_periodic("often", moment)
        other.do(partial(queue.put_periodic, "often", moment))
    assert took(worker).job == Job("often", 0, "")
    assert queue.take(worker) is None


def test_what_is_periodic_is_not_put_while_it_waits(worker: int):
    queue.put_periodic("often", timezone.now())
    queue.put_periodic("often", timezone.now() + timedelta(minutes=1))
    assert len(jobs()) == 1
