"""Every write to drift runs and events."""

from dataclasses import dataclass
from datetime import date, timedelta

from django.utils import timezone

from payerwatch.claims.queries import watermark
from payerwatch.drift.carrying import Carrier, withdraw_weeks_after
from payerwatch.drift.cells import CellsAsOf, cells_as_of, last_whole_week, pending_known
from payerwatch.drift.detectors import judge
from payerwatch.drift.judgement import Judgement
from payerwatch.drift.models import DriftRun
from payerwatch.drift.summary import node_summary, not_judged
from payerwatch.refusals import Refusal
from payerwatch.tenancy.context import current_customer_id
from payerwatch.tenancy.models import Customer

STALE_AFTER = timedelta(days=10)


class NothingToJudge(Refusal):
    """No claims are loaded, or none before the week asked for."""


@dataclass(frozen=True)
class Detected:
    """A run, and how far the loaded data lay behind the day that was asked for."""

    run: DriftRun
    watermark: date
    stale: bool
    """The day asked for is more than ten days after the latest date loaded."""
    repeated: bool
    """The week was judged on the same data before: the run is that one, and nothing was changed now."""
    last_submitted_week: date
    """The last week, up to the judged one, in which claims were submitted."""


def detect_drift(as_of: date | None) -> Detected:
    """Judge the last whole week not after `as_of` and the watermark; open, change and close events.

    1. Lock the customer row: runs of one customer follow each other, loading goes on meanwhile.
    2. Read the cells as of the week. 3. The same week and data were judged before: that run is the answer.
    4. Judge. 5. Keep the run. 6. Unless a later week was judged already, carry the result into the events.
    Raises NothingToJudge.
    """
    lock_findings()
    loaded_until = _loaded_until()
    as_of = as_of or loaded_until
    stale = as_of - loaded_until > STALE_AFTER
    week = last_whole_week(min(as_of, loaded_until))
    cells = cells_as_of(week)
    if cells is None:
        raise NothingToJudge(
            f"No claims were submitted or decided up to the week of {week}", fix="Choose a later --as-of."
        )
    run, repeated = _run(cells, loaded_until)
    return Detected(run, loaded_until, stale, repeated, cells.last_submitted_week)


def lock_findings() -> None:
    """Hold the customer's row until the transaction ends: one change of findings follows the other."""
    Customer.objects.select_for_update(no_key=True).get(pk=current_customer_id())


def withdraw_findings() -> int:
    """After data were taken back: no run or event speaks of a week beyond what is still loaded.

    Returns the number of events that were set back or removed.
    """
    loaded_until = watermark()
    week = last_whole_week(loaded_until) if loaded_until else None
    later = DriftRun.objects.filter(carried_at__isnull=False)
    if week is not None:
        later = later.filter(as_of_week__gt=week)
    later.update(carried_at=None)
    return withdraw_weeks_after(week)


def _run(cells: CellsAsOf, loaded_until: date) -> tuple[DriftRun, bool]:
    """The run of a week and its data, and whether it was there already and in force."""
    week = cells.week
    known = pending_known(cells, loaded_until)
    version = cells.data_version(pending_known=known)
    run = DriftRun.objects.filter(as_of_week=week, data_version=version).first()
    last = DriftRun.objects.filter(carried_at__isnull=False).order_by("carried_at").last()
    newest = last is None or week >= last.as_of_week
    if run is not None and (run == last or not newest):
        return run, True
    judgement = judge(cells.arrays, cells.week_index, pending_known=known)
    run = run or _new_run(cells, judgement, version, pending_known=known)
    if newest:
        _carry_into_events(run, Carrier(cells), judgement)
    run.save()
    return run, False


def _loaded_until() -> date:
    last = watermark()
    if last is None:
        raise NothingToJudge("No claims are loaded.", fix="Load a file first: payerwatch load FILE --customer NAME")
    return last


def _new_run(cells: CellsAsOf, judgement: Judgement, version: str, *, pending_known: bool) -> DriftRun:
    return DriftRun(
        as_of_week=cells.week,
        data_version=version,
        series_checked=len(cells.series),
        tests=judgement.tests,
        not_judged=not_judged(judgement),
        pending_known=pending_known,
        data_feed_stalled=judgement.data_feed_stalled,
        nodes=[node_summary(node, cells) for node in judgement.nodes],
    )


def _carry_into_events(run: DriftRun, carrier: Carrier, judgement: Judgement) -> None:
    """Open, change, close and store events, and count on the run what became of them."""
    for event in carrier.carry(judgement):
        event.save()
    run.opened, run.updated, run.closed = carrier.opened, carrier.updated, carrier.closed
    run.carried_at = timezone.now()
