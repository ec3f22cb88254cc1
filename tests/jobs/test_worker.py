"""Workers: each job once, whoever is killed; what fails for good is parked; what is begun is finished."""

import json
import logging
import signal
from collections import Counter
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection

from payerwatch.config.logging import JsonLines
from payerwatch.jobs import queue
from payerwatch.jobs.enqueue import enqueue
from payerwatch.jobs.periodic import Periodic
from payerwatch.jobs.queue import Taken
from payerwatch.jobs.steps import WORK, Step
from payerwatch.jobs.trouble import MOST_ATTEMPTS, passes_by_itself
from payerwatch.jobs.worker import Times, Worker
from payerwatch.measuring.metrics import workers_lost
from payerwatch.tenancy.connections import share_connections
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests.jobs.conftest import jobs, make_due, nothing_long_ends, processes, wait_for, working
from tests.jobs.declared import (
    FAILURES,
    LONG_SECONDS,
    RUNS,
    SECRET,
    TOLD,
    always_fail,
    away,
    kill_whoever_runs_it,
    leave_a_row,
    left,
    note,
    send,
    send_long,
    take_long,
)
from tests.make import customer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql, pytest.mark.usefixtures("table")]
LONGEST_WHILE_AWAY = timedelta(seconds=30)

LOGGER = "payerwatch.jobs.worker"


@pytest.fixture
def practice() -> Customer:
    return customer()


def put(practice: Customer, step: Step, *public_ids: str) -> None:
    with acting_in(practice):
        for public_id in public_ids:
            enqueue(step, public_id)


def no_jobs() -> bool:
    return not jobs()


def test_a_job_is_done_and_forgotten(practice: Customer):
    put(practice, note, "a", "b")
    with working():
        wait_for(no_jobs)
    assert sorted(RUNS) == [(practice.pk, "a"), (practice.pk, "b")]


def test_a_job_begins_when_it_is_put_and_not_at_the_next_look(practice: Customer):
    with working(look=60, beat=60):
        wait_for(lambda: jobs() or True)
        put(practice, note, "a")
        wait_for(lambda: RUNS, seconds=30)
        put(practice, note, "b")
        wait_for(lambda: len(RUNS) == 2, seconds=30)


def test_no_more_than_its_threads_are_done_at_a_time(practice: Customer):
    put(practice, take_long, "a", "b", "c")
    with nothing_long_ends() as let_end, working(threads=2):
        wait_for(lambda: len(left(practice.pk)) == 2)
        assert [status for _, status, _ in jobs()] == ["doing", "doing", "todo"]
        let_end()
        wait_for(no_jobs)


@pytest.mark.parametrize(("long", "other"), [(take_long, send), (send_long, note)])
def test_who_sends_and_who_computes_keep_each_other_from_nothing(practice: Customer, long: Step, other: Step):
    put(practice, long, "a", "b")
    with nothing_long_ends() as let_end, working(threads=1):
        wait_for(lambda: left(practice.pk))
        put(practice, other, "c")
        wait_for(lambda: (practice.pk, "c") in RUNS)
        assert left(practice.pk) == ["a begun"]
        let_end()


@pytest.mark.usefixtures("connections_as_before")
def test_jobs_take_turns_on_the_connections_of_their_process(practice: Customer, monkeypatch: pytest.MonkeyPatch):
    done, used = queue.done, []

    def done_by(taken: Taken) -> None:
        connection.ensure_connection()
        used.append(connection.connection.info.backend_pid)
        done(taken)

    monkeypatch.setattr(queue, "done", done_by)
    share_connections(2)
    put(practice, note, *(f"thing {number}" for number in range(20)))
    connection.close()
    with working(threads=2) as worker:
        wait_for(lambda: len(used) == 20)
        own = worker._listening.info.backend_pid
    assert 1 <= len(set(used)) <= 2
    assert own not in used


def test_a_worker_that_fell_silent_is_counted_and_told_of(caplog: pytest.LogCaptureFixture):
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 minute')")
    before = workers_lost._value.get()
    with working():
        wait_for(lambda: workers_lost._value.get() > before)
    assert workers_lost._value.get() == before + 1
    assert "1 workers have not said" in caplog.text


def test_four_workers_do_each_job_once(practice: Customer):
    things = [f"thing {number}" for number in range(80)]
    put(practice, leave_a_row, *things)
    with processes(4, "--patient", threads=2):
        wait_for(no_jobs, seconds=120)
    assert Counter(left(practice.pk)) == Counter(things)


def test_two_of_the_same_follow_each_other(practice: Customer):
    put(practice, take_long, "a")
    with processes(2, "--patient"):
        wait_for(lambda: left(practice.pk))
        put(practice, take_long, "a")
        wait_for(no_jobs)
    assert left(practice.pk) == ["a begun", "a ended", "a begun", "a ended"]


def test_what_a_killed_worker_did_is_taken_up_by_another(practice: Customer):
    put(practice, take_long, "a")
    with processes(1, **{LONG_SECONDS: "600"}) as [killed]:
        wait_for(lambda: left(practice.pk))
        killed.kill()
        killed.wait()
        assert jobs("doing") == [("a", "doing", 0)]
        with processes(1):
            wait_for(no_jobs)
    assert left(practice.pk) == ["a begun", "a begun", "a ended"]


def test_a_job_that_kills_its_workers_is_parked_and_others_go_on(practice: Customer):
    put(practice, kill_whoever_runs_it, "poison")
    for attempt in range(MOST_ATTEMPTS):
        with processes(1) as [worker]:
            assert worker.wait(60) == -signal.SIGKILL
        with connection.cursor() as cursor:  # as time goes by
            cursor.execute("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour'")
        assert jobs() == [("poison", "doing", attempt)]
    put(practice, note, "a")
    with working():
        wait_for(lambda: jobs("failed") and RUNS)
    assert jobs() == [("poison", "failed", MOST_ATTEMPTS)]
    assert left(practice.pk) == ["poison killed too often"]


def test_a_job_that_fails_each_time_is_parked_and_what_waited_for_it_is_told(
    practice: Customer, caplog: pytest.LogCaptureFixture
):
    put(practice, always_fail, "poison")
    put(practice, note, "a")
    with working():
        for attempt in range(1, MOST_ATTEMPTS):
            wait_for(lambda attempt=attempt: ("poison", "todo", attempt) in jobs())
            assert left(practice.pk) == []
            make_due()
        wait_for(lambda: jobs("failed"))
    assert (jobs(), len(RUNS)) == ([("poison", "failed", MOST_ATTEMPTS)], 1)
    assert left(practice.pk) == ["poison failed"]
    said = [each for each in caplog.records if each.name == LOGGER]
    lines = [JsonLines().format(each) for each in said if each.levelno >= logging.ERROR]
    assert len(lines) == MOST_ATTEMPTS
    assert not any(SECRET in line for line in lines)
    told = json.loads(lines[-1])
    assert (told["level"], told["error"]) == ("error", "ValueError")
    assert "tests.jobs.declared.always_fail" in told["message"]


def test_a_pause_after_a_fault_grows(practice: Customer):
    put(practice, always_fail, "poison")
    with working():
        wait_for(lambda: jobs() == [("poison", "todo", 1)])
    assert 0 < pause() <= 5


def pause() -> float:
    """Seconds until the one job that there is may be tried again."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM scheduled_at - now()) FROM procrastinate_jobs")
        [seconds] = cursor.fetchone()
    return float(seconds)


def test_while_the_database_is_away_no_attempt_counts_and_nobody_is_told(
    practice: Customer, monkeypatch: pytest.MonkeyPatch
):
    put_back, pauses = queue.put_back, list[timedelta]()

    def put_back_without_a_pause(taken: Taken, *, attempts: int, pause: timedelta) -> None:
        pauses.append(pause)
        put_back(taken, attempts=attempts, pause=timedelta())

    monkeypatch.setattr(queue, "put_back", put_back_without_a_pause)
    FAILURES["a"] = away(MOST_ATTEMPTS + 2)
    put(practice, note, "a")
    with working():
        wait_for(no_jobs)
    assert len(RUNS) == len(pauses) + 1 == MOST_ATTEMPTS + 3
    assert pauses == sorted(pauses)
    assert timedelta() < pauses[0] < pauses[-1] == LONGEST_WHILE_AWAY
    assert TOLD == []


def test_a_statement_that_takes_too_long_would_do_so_each_time_and_counts():
    broken_off = OperationalError()
    broken_off.__cause__ = psycopg.errors.QueryCanceled()
    assert passes_by_itself(OperationalError())
    assert not passes_by_itself(broken_off)


def test_who_is_told_and_fails_leaves_the_job_parked(practice: Customer, monkeypatch: pytest.MonkeyPatch):
    put(practice, always_fail, "poison")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET attempts = %s", [MOST_ATTEMPTS - 1])
    monkeypatch.setattr("tests.jobs.declared.leave", lambda *_: [][1])
    with working():
        wait_for(lambda: jobs("failed"))
    assert left(practice.pk) == []


def test_a_worker_that_is_to_stop_finishes_what_it_has_begun_and_begins_nothing(practice: Customer):
    put(practice, take_long, "a", "b")
    with processes(1, **{LONG_SECONDS: "4"}) as [worker]:
        wait_for(lambda: left(practice.pk))
        worker.terminate()
        assert worker.wait(60) == 0
    assert (left(practice.pk), jobs()) == (["a begun", "a ended"], [("b", "todo", 0)])


def test_what_is_not_finished_in_time_is_left_to_others_at_once(practice: Customer, connections_as_before: None):
    put(practice, take_long, "a")
    times = Times(look=0.2, beat=0.2, dead=60, grace=0.1)
    worker = Worker({WORK: 1}, times=times, lives_on=lambda: not left(practice.pk))
    with nothing_long_ends() as let_end:
        assert not worker.run()
        with working(dead=0.5):
            wait_for(lambda: len(left(practice.pk)) >= 2)
            let_end()
            wait_for(no_jobs)


def test_a_worker_with_its_hands_full_sleeps_though_it_is_told_of_more(practice: Customer):
    rounds: list[float] = []
    with working(threads=1, look=60, beat=60) as worker:
        sleep = worker._sleep
        worker._sleep = lambda seconds: (rounds.append(seconds), sleep(seconds))  # type: ignore[method-assign]
        put(practice, take_long, "a")
        wait_for(lambda: left(practice.pk))
        put(practice, note, "b")
        wait_for(lambda: RUNS)
    assert len(rounds) < 10


def test_a_worker_whose_connection_is_cut_goes_on(practice: Customer):
    with working() as worker:
        wait_for(lambda: worker._listening)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE usename = current_user AND datname = current_database() AND pid <> pg_backend_pid()"
            )
        put(practice, note, "a")
        wait_for(no_jobs)
    assert len(RUNS) == 1


@pytest.mark.parametrize(("name", "times"), [("done", 2), ("take", 1)])
def test_a_job_at_whose_end_or_beginning_the_connection_breaks_is_not_lost(
    practice: Customer, monkeypatch: pytest.MonkeyPatch, name: str, times: int
):
    """It is known to the database as being done by a worker that lives and does it not."""
    real, breaks = getattr(queue, name), [OperationalError]

    def do_and_break(*given: Any) -> Any:
        found = real(*given) if name == "take" else None
        if breaks and (found or name == "done"):
            raise breaks.pop()
        return found or real(*given)

    monkeypatch.setattr(queue, name, do_and_break)
    put(practice, note, "a")
    with working():
        wait_for(no_jobs)
    assert [(practice.pk, "a")] * times == RUNS


def test_a_worker_that_was_taken_for_dead_begins_anew(practice: Customer):
    with working() as worker:
        first = wait_for(lambda: worker._number)
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM procrastinate_workers")
        wait_for(lambda: worker._number != first)
        put(practice, note, "a")
        wait_for(no_jobs)


def test_what_is_periodic_is_done_once_though_several_work():
    times: list[int] = []
    table = [Periodic("seldom", timedelta(days=36_500), lambda: times.append(1))]
    with working(periodic=table):
        wait_for(lambda: times)
        with working(periodic=table) as second:
            wait_for(lambda: second._calendar._seen)
            wait_for(no_jobs)
    assert times == [1]


def test_logs_say_nothing_of_a_library(practice: Customer):
    """What Procrastinate itself might say goes the way of every library: warnings, without their words."""
    record = logging.makeLogRecord({"name": "procrastinate.worker", "msg": f"Job({SECRET})", "levelno": logging.ERROR})
    assert SECRET not in JsonLines().format(record)
    assert not logging.getLogger("procrastinate.worker").isEnabledFor(logging.INFO)
