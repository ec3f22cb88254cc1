"""Runs that somebody asks for and that are judged after the answer.

The run's own row is what remembers that it waits: the step may be put on the queue as often as one likes, and judges
what is not judged yet. One that fails for good says so.
"""

from datetime import date

from payerwatch.audit.actors import Actor
from payerwatch.audit.record import Thing, record
from payerwatch.drift.actions import NothingToJudge, begin_run, lock_findings, refuse_run, request_run
from payerwatch.drift.models import DriftRun
from payerwatch.drift.queries import unfinished_runs
from payerwatch.jobs.enqueue import again, enqueue, for_each_customer
from payerwatch.jobs.steps import step, when_parked
from payerwatch.jobs.trouble import MOST_ATTEMPTS
from payerwatch.judging.week import judge_week
from payerwatch.refusals import Refusal
from payerwatch.tenancy.context import acting_in, current_customer_id

JOB = Actor("job", name="detect")


class JudgingFailed(Refusal):
    """Judging the run was begun several times and never came to an end."""

    def __init__(self) -> None:
        super().__init__(
            f"Judging failed {MOST_ATTEMPTS} times by a mistake in Payerwatch.",
            fix="Ask for another run; if that fails too, give the operator the id of this one.",
        )


def ask_for_run(as_of: date | None, *, actor: Actor) -> DriftRun:
    """The run that will be judged, for the customer entered; the same again while it sees all that is loaded."""
    run = request_run(as_of)
    if run.state == DriftRun.State.REQUESTED:
        enqueue(judge_asked, run.public_id)
    else:
        again(judge_asked, current_customer_id(), run.public_id)
    record("request", Thing("drift_run", run.public_id), actor=actor, after={"as_of": as_of})
    return run


@step
def judge_asked(customer_id: int, public_id: str) -> None:
    """The step: judge the run, unless that is done."""
    with acting_in(customer_id):
        begin_run(public_id)
    with acting_in(customer_id):
        lock_findings()
        run = unfinished_runs().filter(public_id=public_id).first()
        if run is None:
            return
        try:
            judge_week(run.as_of, actor=JOB, asked=run)
        except NothingToJudge as refusal:
            _end_as_refused(run, refusal)


@when_parked(judge_asked)
def _judging_failed(customer_id: int, public_id: str) -> None:
    """Nobody will go on trying: the run says so."""
    with acting_in(customer_id):
        lock_findings()
        run = unfinished_runs().filter(public_id=public_id).first()
        if run is not None:
            _end_as_refused(run, JudgingFailed())


def _end_as_refused(run: DriftRun, refusal: Refusal) -> None:
    refuse_run(run, refusal)
    thing = Thing("drift_run", run.public_id)
    record("detect", thing, actor=JOB, after={"code": refusal.code}, outcome="refused")


def take_up_waiting_runs() -> None:
    """Put every customer's unfinished runs on the queue, unless they are there."""
    for_each_customer(_take_up_runs_of)


def _take_up_runs_of(customer_id: int) -> None:
    with acting_in(customer_id, reading=True):
        waiting = list(unfinished_runs().values_list("public_id", flat=True))
    for public_id in waiting:
        again(judge_asked, customer_id, public_id)
