"""Judging a week, and putting what follows from it on the queue: the same whoever asks for it."""

from datetime import date
from typing import Any

from payerwatch.alerts.actions import raise_alerts
from payerwatch.audit.actors import Actor
from payerwatch.audit.record import Thing, record
from payerwatch.drift.actions import Detected, detect_drift
from payerwatch.drift.models import DriftRun
from payerwatch.jobs.enqueue import enqueue
from payerwatch.measuring import metrics


def judge_week(as_of: date | None, *, actor: Actor, asked: DriftRun | None = None) -> Detected:
    """Judge the last whole week not after `as_of`; rules then look at what it left. Raises NothingToJudge.

    `asked` is the run that somebody watches. One entry says what was judged, and what it changed.
    """
    with metrics.run_seconds.time():
        detected = detect_drift(as_of, asked)
    run = detected.run
    enqueue(raise_alerts, run.public_id)
    public_id = asked.public_id if asked is not None else run.public_id
    after: dict[str, Any] = {"as_of_week": run.as_of_week, "repeated": detected.repeated}
    after |= {"opened": run.opened, "updated": run.updated, "closed": run.closed}
    if run.public_id != public_id:
        after["same_as"] = run.public_id
    record("detect", Thing("drift_run", public_id), actor=actor, after=after)
    return detected
