"""Where there is no table to wait in: the process that kept a cause does the step, one after the other.

A server hands them to its one thread, so that no answer waits for them. A command does them itself, before it ends.
What is left undone, and what is not to be done yet, is found by its cause.
"""

import logging
import time
from collections import Counter, deque
from datetime import datetime
from functools import partial
from typing import NamedTuple

from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from payerwatch.config.logging import milliseconds_since
from payerwatch.config.trace_context import continued, traceparent
from payerwatch.jobs.background import BackgroundWorker, attempt
from payerwatch.jobs.job import Job
from payerwatch.jobs.steps import told_when_parked
from payerwatch.jobs.trouble import MOST_ATTEMPTS, passes_by_itself
from payerwatch.measuring.metrics import note_job

MOST_WAITING = 10_000
PAUSES = (0.2, 1.0, 5.0, 15.0, 30.0)

logger = logging.getLogger(__name__)
worker = BackgroundWorker("steps", most=MOST_WAITING)


class Traced(NamedTuple):
    """A job, and the traceparent of what caused it."""

    job: Job
    trace: str


class _Process:
    """What this process knows of its steps."""

    answers = False
    """Whether it answers people, who must not wait for a step."""
    waiting: deque[Traced] = deque()
    faults: Counter[Job] = Counter()


def behind_answers() -> None:
    """From now on steps are done by the thread: this process serves."""
    _Process.answers = True


def usual_level() -> int:
    """Of lines about work that was done. A command that does its own, on SQLite, says only what it was asked for."""
    return logging.INFO if _Process.answers or connection.vendor == "postgresql" else logging.DEBUG


def put(job: Job, at: datetime | None) -> None:
    """Do it once the transaction is kept.

    Where no thread can be started that is logged: what was kept is not told as failed, and is found waiting again.
    """
    if at is not None and at > timezone.now():
        return

    traced = Traced(job, traceparent())

    def hand_on() -> None:
        if _Process.answers:
            worker.do(partial(_do_traced, traced))
        else:
            _do_in_turn(traced)

    transaction.on_commit(hand_on, robust=True)


def _do_in_turn(traced: Traced) -> None:
    """Behind those before it: a step that causes another ends first."""
    _Process.waiting.append(traced)
    if len(_Process.waiting) > 1:
        return
    while _Process.waiting:
        attempt("a step", partial(_do_traced, _Process.waiting[0]))
        _Process.waiting.popleft()


def _do_traced(traced: Traced) -> None:
    with continued(traced.trace, name=traced.job.step):
        do(traced.job)


def do(job: Job) -> None:
    """Do the step. One that has failed too often by a fault of ours is left alone until the process ends."""
    if _Process.faults[job] >= MOST_ATTEMPTS:
        return
    began = time.perf_counter()
    try:
        _persist(job)
    except BaseException as error:
        if not passes_by_itself(error):
            _count_fault(job)
        raise
    _Process.faults.pop(job, None)
    milliseconds = milliseconds_since(began)
    note_job(job.step, "done", milliseconds)
    logger.log(usual_level(), "done", extra={"step": job.step, "milliseconds": milliseconds})


def _count_fault(job: Job) -> None:
    _Process.faults[job] += 1
    note_job(job.step, "failed" if _Process.faults[job] < MOST_ATTEMPTS else "parked")
    tell = told_when_parked(job.step)
    if _Process.faults[job] >= MOST_ATTEMPTS and tell is not None:
        tell(job.customer_id, job.public_id)


def _persist(job: Job) -> None:
    """Do the step, again after a while if the database is busy or gone: nobody who waits would ask for it again."""
    for seconds in PAUSES:
        try:
            return job.run()
        except (OperationalError, InterfaceError) as error:
            logger.warning("A step waits for the database.", exc_info=error)
            connection.close()
            time.sleep(seconds)
    return job.run()
