"""The product's own sample practice as a process: believable payers, weekends and payment floors, not a formula."""

from datetime import timedelta

import numpy as np

from benchmarks.quality_process import CHANGE_WEEK, FIRST_WEEK, WEEKS, Change, History, Process
from payerwatch.operations.sample import DriftKind, Practice, PracticeShape, draw_practice

DRIFTED = 10


def draw_sample(process: Process, seed: int) -> History:
    """One history of 90 series (10 payers x 9 CPT groups); changes touch 10 series, evenly spread."""
    kind = _kind(process.change)
    shape = _shape(process)
    practice = draw_practice(
        seed=seed,
        weeks=WEEKS,
        claims_per_week=round(process.volume * shape.series),
        until=FIRST_WEEK + timedelta(weeks=WEEKS, days=-1),
        drift=kind,
        shape=shape,
    )
    change = Change(_drifted(practice), process.change.extra_rate, process.change.extra_days)
    claims = practice.claims
    return History(
        payer=np.arange(shape.series) // shape.groups,
        weeks=WEEKS,
        change_week=CHANGE_WEEK,
        change=change,
        series=claims.series.astype(np.int64),
        submitted_day=claims.submit_day.astype(np.int64),
        decided_day=claims.decision_day.astype(np.int64),
        denied=claims.denied,
    )


def _kind(change: Change) -> DriftKind:
    if change.extra_rate:
        return "denial"
    return "delay" if change.extra_days else "none"


def _shape(process: Process) -> PracticeShape:
    if process.uneven:
        return PracticeShape()
    return PracticeShape.flat(
        weekly_growth=process.weekly_growth,
        weekly_logit_sd=process.logit_sd,
        drifted_series=DRIFTED,
        rate_jump=process.change.extra_rate or None,
        delay_days=process.change.extra_days or None,
        weeks_after_change=WEEKS - CHANGE_WEEK,
    )


def _drifted(practice: Practice) -> tuple[int, ...]:
    """Series of the drifts drawn."""
    groups = practice.cpt_groups
    return tuple(
        practice.payers.index(drift.payer) * len(groups) + groups.index(drift.cpt_group)
        for drift in practice.drifts
        if drift.cpt_group is not None
    )
