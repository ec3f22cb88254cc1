"""Runs that somebody asks for and that are judged after the answer.

The run's own row is what remembers that it waits: the step may be put on the queue as often as one likes, and judges
what is not judged yet. What a server left waiting is taken up when one starts, and once a minute.
"""

from datetime import date
from typing import Any

from payerwatch.audit.actors import Actor
from payerwatch.audit.record import Thing, record
from payerwatch.drift.actions import (
    Detected,
    NothingToJudge,
    begin_run,
    detect_drift,
    lock_findings,
    refuse_run,
    request_run,
)
from payerwatch.drift.models import DriftRun
from payerwatch.drift.queries import unfinished_runs
from payerwatch.jobs.enqueue import again, enqueue, for_each_customer
from payerwatch.jobs.steps import step
from payerwatch.tenancy.context import acting_in

JOB = Actor("job", name="detect")


def ask_for_run(as_of: date | None, *, actor: Actor) -> DriftRun:
    """The run that will be judged, for the customer entered; the same again while it waits."""
    run = request_run(as_of)
    enqueue(judge_asked, run.public_id)
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
            detected = detect_drift(run.as_of, run)
        except NothingToJudge as refusal:
            refuse_run(run, refusal)
            thing = Thing("drift_run", public_id)
            record("detect", thing, actor=JOB, after={"code": refusal.code}, outcome="refused")
        else:
            record_detected(detected, public_id, actor=JOB)


def record_detected(detected: Detected, public_id: str, *, actor: Actor) -> None:
    """One entry for the run that was asked for: what was judged, and what it changed."""
    run = detected.run
    after: dict[str, Any] = {"as_of_week": run.as_of_week, "repeated": detected.repeated}
    after |= {"opened": run.opened, "updated": run.updated, "closed": run.closed}
    if run.public_id != public_id:
        after["same_as"] = run.public_id
    record("detect", Thing("drift_run", public_id), actor=actor, after=after)


def take_up_waiting_runs() -> None:
    """Put every customer's unfinished runs on the queue, as when the server starts and once a minute."""
    for_each_customer(_take_up_runs_of)


def _take_up_runs_of(customer_id: int) -> None:
    with acting_in(customer_id, reading=True):
        waiting = list(unfinished_runs().values_list("public_id", flat=True))
    for public_id in waiting:
        again(judge_asked, customer_id, public_id)
