"""A worker that was stopped for longer than it is believed to live, and goes on after another has done its job."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from itertools import count
from typing import NamedTuple

import pytest
from django.db import connection

from payerwatch.claims.models import Payer
from payerwatch.jobs.enqueue import enqueue
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests.jobs.conftest import jobs, processes, wait_for
from tests.jobs.declared import ROWS, leave_many, left
from tests.make import customer

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.postgresql,
    pytest.mark.proof,
    pytest.mark.usefixtures("table"),
]

TRIALS = 50 if os.environ.get("PAYERWATCH_PROOF") == "full" else 2
AWAKE_SECONDS = 0.5
"""A step's next transaction begins within a twentieth of it."""
IDLE = {"PGOPTIONS": "-c idle_in_transaction_session_timeout=1500ms"}
"""As in production, if sooner: whoever is stopped in the middle of a transaction loses it."""


class Trial(NamedTuple):
    rows: list[str]
    """What the worker that took the job up had left, and the one that was stopped before."""
    later: list[str]
    """What was left by whoever was woken."""
    in_transaction: bool
    """Whether it was stopped in the middle of one."""


@pytest.fixture
def practice() -> Customer:
    return customer()


def workers() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_workers")
        return int(cursor.fetchone()[0])


def a_session_is_in_transaction() -> bool:
    """Once what was under way has been answered."""
    time.sleep(0.05)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'"
        )
        return cursor.fetchone() is not None


def trial(practice: Customer, running: list[subprocess.Popen[bytes]], name: str, chance: random.Random) -> Trial | None:
    """Stop whoever does the job at any moment of it, let the other do it, and wake the first.

    None where it was done before whoever did it could be stopped.
    """
    with acting_in(practice):
        enqueue(leave_many, name)
    first = wait_for(lambda: rows_of(practice, name))[0]
    stopped = next(each for each in running if each.pid == int(first.split()[1]))
    time.sleep(chance.uniform(0, 0.4))
    stopped.send_signal(signal.SIGSTOP)
    in_transaction = a_session_is_in_transaction()
    if len(rows_of(practice, name)) == ROWS:
        stopped.send_signal(signal.SIGCONT)
        wait_for(lambda: not jobs())
        forget(practice, name)
        return None
    try:
        wait_for(lambda: not jobs(), seconds=60)
        rows = rows_of(practice, name)
    finally:
        stopped.send_signal(signal.SIGCONT)
    wait_for(lambda: workers() == len(running))  # it has found that it was struck off
    time.sleep(AWAKE_SECONDS)
    return Trial(rows, rows_of(practice, name)[len(rows) :], in_transaction)


def rows_of(practice: Customer, name: str) -> list[str]:
    return [row for row in left(practice.pk) if row.startswith(f"{name} ")]


def forget(practice: Customer, name: str) -> None:
    with acting_in(practice):
        Payer.objects.filter(name__startswith=f"{name} ").delete()


def trials(practice: Customer, enough: Callable[[list[Trial]], bool], *options: str) -> list[Trial]:
    chance, found = random.Random(4), list[Trial]()
    with processes(2, *options, **IDLE) as running:
        wait_for(lambda: workers() == 2)
        for number in count():
            if enough(found):
                break
            one = trial(practice, running, f"trial-{number}", chance)
            found += [one] if one is not None else []
        for each in running:
            each.terminate()
        assert [each.wait(60) for each in running] == [0, 0]
    return found


def test_a_worker_that_was_stopped_keeps_nothing_once_another_has_done_its_job(practice: Customer):
    found = trials(practice, lambda found: len(found) == TRIALS)
    assert [each.later for each in found if each.later] == []
    for each in found:
        pids = [row.split()[1] for row in each.rows]
        assert 0 < len(pids) - ROWS < ROWS  # it was stopped on its way
        assert pids[-ROWS:] == [pids[-1]] * ROWS
        assert pids[0] != pids[-1]
    assert left(practice.pk) == [row for each in found for row in each.rows]
