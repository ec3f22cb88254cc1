"""A step runs after its cause is kept, and goes on when the database was busy or gone for a moment."""

from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, transaction

from payerwatch.claims.models import Payer
from payerwatch.jobs import enqueue
from payerwatch.tenancy.context import acting_in
from tests.make import customer

Runs = list[tuple[int, str]]


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    """What was run, at once and without a pause."""
    monkeypatch.setattr(enqueue.worker, "do", lambda work: work())
    monkeypatch.setattr(enqueue.time, "sleep", lambda _seconds: None)
    return []


@pytest.mark.django_db(transaction=True)
def test_a_step_is_told_the_customer_and_its_cause_once_that_is_kept(runs: Runs):
    practice = customer()
    with acting_in(practice):
        enqueue.enqueue(lambda *told: runs.append(told), "upl_2222222222222222")
        assert runs == []
    assert runs == [(practice.pk, "upl_2222222222222222")]


@pytest.mark.django_db(transaction=True)
def test_a_step_whose_cause_was_taken_back_never_runs(runs: Runs):
    with acting_in(customer()):
        enqueue.enqueue(lambda *told: runs.append(told), "upl_2222222222222222")
        transaction.set_rollback(True)
    assert runs == []


@pytest.mark.django_db(transaction=True)
def test_what_was_kept_is_not_told_as_failed_where_no_thread_can_be_started(monkeypatch: pytest.MonkeyPatch):
    def refuse(_work: Any) -> None:
        raise RuntimeError("can't start new thread")

    practice = customer()
    monkeypatch.setattr(enqueue.worker, "do", refuse)
    with acting_in(practice):
        Payer.objects.create(name="Kept")
        enqueue.enqueue(lambda *_told: None, "upl_2222222222222222")
    with acting_in(practice):
        assert Payer.objects.filter(name="Kept").exists()


def failing(runs: Runs, *errors: Exception) -> Any:
    """A step that fails by each of these in turn, and then is done."""
    waiting = [*errors]

    def step(customer_id: int, public_id: str) -> None:
        runs.append((customer_id, public_id))
        if waiting:
            raise waiting.pop(0)

    return step


@pytest.mark.django_db(transaction=True)
def test_a_step_is_done_again_until_the_database_answers(runs: Runs):
    enqueue.persist(failing(runs, OperationalError(), InterfaceError(), OperationalError()), 1, "run_2")
    assert runs == [(1, "run_2")] * 4


@pytest.mark.django_db(transaction=True)
def test_a_step_is_given_up_when_the_database_stays_away(runs: Runs):
    with pytest.raises(OperationalError):
        enqueue.persist(failing(runs, *(OperationalError() for _ in range(10))), 1, "run_2")
    assert len(runs) == len(enqueue.PAUSES) + 1


@pytest.mark.django_db(transaction=True)
def test_a_step_that_fails_by_itself_is_not_done_again(runs: Runs):
    with pytest.raises(ZeroDivisionError):
        enqueue.persist(failing(runs, ZeroDivisionError()), 1, "run_2")
    assert runs == [(1, "run_2")]
