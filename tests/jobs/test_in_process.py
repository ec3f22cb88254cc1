"""Where no table of jobs is: a step runs after its cause is kept, in order, and goes on when the database was busy."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, transaction
from django.utils import timezone

from payerwatch.claims.models import Payer
from payerwatch.jobs import in_process
from payerwatch.jobs.enqueue import enqueue
from payerwatch.jobs.job import Job
from payerwatch.jobs.steps import name_of
from payerwatch.jobs.trouble import MOST_ATTEMPTS
from payerwatch.tenancy.context import acting_in
from tests.jobs.declared import FAILURES, RUNS, TOLD, away, cause_another, note
from tests.make import customer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.sqlite]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Without pauses."""
    monkeypatch.setattr(in_process.time, "sleep", lambda _seconds: None)
    yield
    for each in (RUNS, TOLD, FAILURES, in_process._Process.faults):
        each.clear()


def a_note(public_id: str) -> Job:
    return Job(name_of(note), 1, public_id)


def test_a_step_is_told_the_customer_and_its_cause_once_that_is_kept():
    practice = customer()
    with acting_in(practice):
        enqueue(note, "upl_2222222222222222")
        assert RUNS == []
    assert [(practice.pk, "upl_2222222222222222")] == RUNS


def test_a_step_whose_cause_was_taken_back_never_runs():
    with acting_in(customer()):
        enqueue(note, "upl_2222222222222222")
        transaction.set_rollback(True)
    assert RUNS == []


def test_steps_run_in_order_and_one_that_causes_another_ends_first():
    with acting_in(customer()):
        enqueue(cause_another, "first")
        enqueue(note, "second")
    assert [public_id for _, public_id in RUNS] == ["first", "first-of", "second"]


def test_a_step_that_fails_keeps_no_other_from_running():
    FAILURES["first"] = [ZeroDivisionError()]
    with acting_in(customer()):
        enqueue(note, "first")
        enqueue(note, "second")
    assert [public_id for _, public_id in RUNS] == ["first", "second"]


def test_a_step_for_later_is_left_to_who_looks_for_its_cause():
    with acting_in(customer()):
        enqueue(note, "later", at=timezone.now() + timedelta(minutes=5))
        enqueue(note, "due", at=timezone.now())
    assert [public_id for _, public_id in RUNS] == ["due"]


def test_what_was_kept_is_not_told_as_failed_where_no_thread_can_be_started(monkeypatch: pytest.MonkeyPatch):
    def refuse(_work: Any) -> None:
        raise RuntimeError("can't start new thread")

    practice = customer()
    monkeypatch.setattr(in_process._Process, "answers", True)
    monkeypatch.setattr(in_process.worker, "do", refuse)
    with acting_in(practice):
        Payer.objects.create(name="Kept")
        enqueue(note, "upl_2222222222222222")
    with acting_in(practice):
        assert Payer.objects.filter(name="Kept").exists()


def test_a_process_that_serves_hands_steps_to_its_thread(monkeypatch: pytest.MonkeyPatch):
    handed: list[Any] = []
    monkeypatch.setattr(in_process._Process, "answers", True)
    monkeypatch.setattr(in_process.worker, "do", handed.append)
    with acting_in(customer()):
        enqueue(note, "upl_2222222222222222")
    assert RUNS == []
    handed.pop()()
    assert len(RUNS) == 1


def test_a_step_is_done_again_until_the_database_answers():
    FAILURES["run_2"] = away(3)
    in_process.do(a_note("run_2"))
    assert RUNS == [(1, "run_2")] * 4


def test_a_step_is_given_up_when_the_database_stays_away_and_nobody_is_told():
    FAILURES["run_2"] = [OperationalError() for _ in range(100)]
    for _ in range(MOST_ATTEMPTS + 1):
        with pytest.raises(OperationalError):
            in_process.do(a_note("run_2"))
    assert len(RUNS) == (MOST_ATTEMPTS + 1) * (len(in_process.PAUSES) + 1)
    assert TOLD == []


def test_a_step_that_fails_by_itself_some_times_is_left_alone_and_what_waited_is_told():
    FAILURES["run_2"] = [ZeroDivisionError() for _ in range(100)]
    for attempt in range(1, MOST_ATTEMPTS + 1):
        assert TOLD == []
        with pytest.raises(ZeroDivisionError):
            in_process.do(a_note("run_2"))
        assert len(RUNS) == attempt
    assert TOLD == [(1, "run_2")]
    in_process.do(a_note("run_2"))
    assert (len(RUNS), TOLD) == (MOST_ATTEMPTS, [(1, "run_2")])


def test_a_step_that_was_done_after_all_may_fail_as_often_as_any_other():
    FAILURES["run_2"] = [ZeroDivisionError()]
    with pytest.raises(ZeroDivisionError):
        in_process.do(a_note("run_2"))
    in_process.do(a_note("run_2"))
    assert not in_process._Process.faults
