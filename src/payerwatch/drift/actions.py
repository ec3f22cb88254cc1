"""Every write to drift runs and events."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from payerwatch.claims.queries import UploadsSoFar, uploads_so_far, watermark
from payerwatch.drift.carrying import Carrier, withdraw_weeks_after
from payerwatch.drift.cells import CellsAsOf, cells_as_of, last_whole_week, pending_known
from payerwatch.drift.detectors import judge
from payerwatch.drift.judgement import Judgement
from payerwatch.drift.models import ONE_OF_A_WEEK_AND_DATA, ONE_WAITS_FOR_A_DAY, DriftRun
from payerwatch.drift.parameters import STALE_AFTER
from payerwatch.drift.queries import judged_runs, run_in_force, unfinished_runs
from payerwatch.drift.run_summary import run_summary
from payerwatch.drift.summary import node_summary, not_judged
from payerwatch.refusals import Refusal
from payerwatch.tenancy.conflicts import violates
from payerwatch.tenancy.context import current_customer_id
from payerwatch.tenancy.models import Customer

LATEST = "latest"
"""What a run waits for that names no day."""


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


def detect_drift(as_of: date | None, asked: DriftRun | None = None) -> Detected:
    """Judge the last whole week not after `as_of` and the watermark; open, change and close events.

    1. Lock the customer row: runs of one customer follow each other, loading goes on meanwhile.
    2. Read the cells as of the week. 3. The same week and data were judged before: that run is the answer.
    4. Take the week and data for this run, in the row `asked` if one was asked for: who comes second even so waits
    here, and is answered with the first. 5. Judge. 6. Unless a later week was judged already, carry the result into the
    events, and sum up how they now stand.
    Raises NothingToJudge.
    """
    lock_findings()
    # Before the cells: a load in between is told as one too many, never as one too few.
    uploads = uploads_so_far(timezone.now())
    loaded_until = _loaded_until(uploads)
    as_of = as_of or loaded_until
    stale = as_of - loaded_until > STALE_AFTER
    week = last_whole_week(min(as_of, loaded_until))
    cells = cells_as_of(week)
    if cells is None:
        raise NothingToJudge(f"No claims were submitted or decided up to the week of {week}", fix="Choose a later day.")
    run, repeated = _run(cells, uploads, asked or DriftRun())
    if asked is not None:
        _end(asked, run)
    return Detected(run, loaded_until, stale, repeated, cells.last_submitted_week)


def request_run(as_of: date | None) -> DriftRun:
    """The run that waits to be judged for this day, or is being judged on what is loaded now; made if there is none.

    Whoever asks waits for others who ask at this moment, and never for a judgement.
    """
    while True:
        run = _unfinished_run(as_of) or _waiting_run(as_of)
        if run is not None:
            return run


def begin_run(public_id: str) -> None:
    """Say that judging begins, and what is loaded: who asks for the same later may mean data that it has not seen."""
    requested = DriftRun.objects.filter(public_id=public_id, state=DriftRun.State.REQUESTED)
    begun_with = uploads_so_far(timezone.now()).counts
    requested.update(state=DriftRun.State.RUNNING, waiting_for=None, begun_with=begun_with)


def refuse_run(run: DriftRun, refusal: Refusal) -> None:
    run.state, run.refusal, run.ended_at = DriftRun.State.REFUSED, refusal.as_dict(), timezone.now()
    run.waiting_for = None
    run.save()


def note_remapping() -> None:
    """After a mapping was changed: what is in force was judged on other groupings."""
    run = run_in_force()
    if run is not None:
        DriftRun.objects.filter(pk=run.pk).update(remapped_at=timezone.now())


def lock_findings() -> None:
    """Hold the customer's row until the transaction ends: one change of findings follows the other."""
    Customer.objects.select_for_update(no_key=True).get(pk=current_customer_id())


def withdraw_findings() -> int:
    """After data were taken back: no run or event speaks of a week beyond what is still loaded.

    Returns the number of events that were set back or removed.
    """
    loaded_until = watermark()
    week = last_whole_week(loaded_until) if loaded_until else None
    later = judged_runs().filter(carried_at__isnull=False)
    if week is not None:
        later = later.filter(as_of_week__gt=week)
    later.update(carried_at=None)
    return withdraw_weeks_after(week)


def _unfinished_run(as_of: date | None) -> DriftRun | None:
    """The run that waits, else the one being judged of which no load and no undo was kept since it began.

    A mapping is changed by whoever holds the findings: before the run reads its cells, or after it has ended.
    """
    found = unfinished_runs().filter(as_of=as_of)
    waiting = found.filter(state=DriftRun.State.REQUESTED).first()
    if waiting is not None:
        return waiting
    running = found.filter(begun_with__isnull=False).last()
    return running if running and running.begun_with == uploads_so_far(timezone.now()).counts else None


def _waiting_run(as_of: date | None) -> DriftRun | None:
    """A new run that waits. None where another asked for one at this moment."""
    waiting_for = as_of.isoformat() if as_of else LATEST
    run = DriftRun(state=DriftRun.State.REQUESTED, as_of=as_of, waiting_for=waiting_for)
    if _saved_unless_there(run, ONE_WAITS_FOR_A_DAY):
        return run
    # Whoever does not know the column leaves it set as they begin.
    begun = DriftRun.objects.filter(waiting_for=waiting_for).exclude(state=DriftRun.State.REQUESTED)
    begun.update(waiting_for=None)
    return None


def _saved_unless_there(run: DriftRun, constraint: str) -> bool:
    """Whether it is the only one; else the other is kept by now, as PostgreSQL waits for who came first."""
    try:
        with transaction.atomic():
            run.save()
    except IntegrityError as error:
        if not violates(error, constraint):
            raise
        return False
    return True


def _run(cells: CellsAsOf, uploads: UploadsSoFar, blank: DriftRun) -> tuple[DriftRun, bool]:
    """The run of a week and its data, and whether it was there already and in force; else `blank`, filled."""
    week = cells.week
    known = pending_known(cells, _loaded_until(uploads))
    version = cells.data_version(pending_known=known)
    run = _judged_or_taken(week, version, blank)
    last = run_in_force()
    newest = last is None or week >= last.week
    if run is not None and run == last:
        _sum_up_again(run, cells, uploads)
    if run is not None and (run == last or not newest):
        return run, True
    judgement = judge(cells.arrays, cells.week_index, pending_known=known)
    run = run or _filled(blank, cells, judgement, pending_known=known)
    if newest:
        _carry_into_events(run, Carrier(cells), judgement)
        run.summary, run.remapped_at = run_summary(cells, uploads), None
    run.ended_at = timezone.now()
    if newest:
        run.carried_at = _later_than(last, run.ended_at)
    run.save()
    return run, False


def _later_than(last: DriftRun | None, now: datetime) -> datetime:
    """Now; or just after the run in force, where the clock of the machine that judged it was ahead of this one's."""
    if last is None or last.carried_at is None:
        return now
    return max(now, last.carried_at + timedelta(microseconds=1))


def _judged_or_taken(week: date, version: str, blank: DriftRun) -> DriftRun | None:
    """The run of a week and its data. None where there is none: then they are `blank`'s, until it is judged."""
    same = judged_runs().filter(as_of_week=week, data_version=version)
    run = same.first()
    if run is not None:
        return run
    blank.as_of_week, blank.data_version = week, version
    if _saved_unless_there(blank, ONE_OF_A_WEEK_AND_DATA):
        return None
    blank.as_of_week = blank.data_version = None
    return same.get()


def _sum_up_again(run: DriftRun, cells: CellsAsOf, uploads: UploadsSoFar) -> None:
    """The same claims may have come by other files since, or a mapping was changed and changed back."""
    if run.summary is None or run.remapped_at is not None or run.summary["uploads"] != uploads.counts:
        run.summary, run.remapped_at = run_summary(cells, uploads), None
        run.save(update_fields=["summary", "remapped_at"])


def _end(asked: DriftRun, run: DriftRun) -> None:
    """The row that was asked for is the run, or names it."""
    asked.state, asked.waiting_for = DriftRun.State.DONE, None
    if asked != run:
        asked.as_of_week, asked.same_as, asked.ended_at = run.as_of_week, run, timezone.now()
    asked.save()


def _loaded_until(uploads: UploadsSoFar) -> date:
    if uploads.last_date is None:
        raise NothingToJudge("No claims are loaded.", fix="Load a file of claims first.")
    return uploads.last_date


def _filled(run: DriftRun, cells: CellsAsOf, judgement: Judgement, *, pending_known: bool) -> DriftRun:
    run.series_checked, run.tests = len(cells.series), judgement.tests
    run.not_judged = not_judged(judgement)
    run.pending_known, run.data_feed_stalled = pending_known, judgement.data_feed_stalled
    run.nodes = [node_summary(node, cells) for node in judgement.nodes]
    return run


def _carry_into_events(run: DriftRun, carrier: Carrier, judgement: Judgement) -> None:
    """Open, change, close and store events, and count on the run what became of them."""
    for event in carrier.carry(judgement):
        event.save()
    run.opened, run.updated, run.closed = carrier.opened, carrier.updated, carrier.closed
