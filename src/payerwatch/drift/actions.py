"""Every write to drift runs and events."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Max
from django.utils import timezone

from payerwatch.claims.queries import watermark
from payerwatch.drift.cells import CellsAsOf, cells_as_of, last_whole_week, pending_known
from payerwatch.drift.detectors import judge
from payerwatch.drift.figures import FigureReader
from payerwatch.drift.judgement import DirectionResult, Judgement, NodeResult
from payerwatch.drift.lifecycle import is_over, week_entry, with_week
from payerwatch.drift.models import DriftEvent, DriftRun
from payerwatch.drift.summary import baseline_summary, node_summary, not_judged, window_summary
from payerwatch.drift.window_tests import Direction
from payerwatch.refusals import Refusal
from payerwatch.tenancy.context import current_customer_id
from payerwatch.tenancy.models import Customer

STALE_AFTER = timedelta(days=10)
DIRECTIONS: tuple[Direction, ...] = ("worse", "better")
Key = tuple[str, int, str, str]
"""Measure, payer id, CPT group (blank for the payer), direction."""
PayerKey = tuple[str, int, str]
"""Measure, payer id, direction."""


class NothingToJudge(Refusal):
    """No claims are loaded, or none before the week asked for."""


@dataclass(frozen=True)
class Detected:
    """A run, and how far the loaded data lay behind the day that was asked for."""

    run: DriftRun
    watermark: date
    stale: bool
    """The day asked for is more than ten days after the latest date loaded."""


def detect_drift(as_of: date | None) -> Detected:
    """Judge the last whole week not after `as_of` and the watermark; open, change and close events.

    1. Lock the customer row: runs of one customer follow each other, loading goes on meanwhile.
    2. Read the cells as of the week. 3. The same week and data were judged before: that run is the answer.
    4. Judge. 5. Keep the run. 6. Unless a later week was judged already, carry the result into the events.
    Raises NothingToJudge.
    """
    Customer.objects.select_for_update(no_key=True).get(pk=current_customer_id())
    loaded_until = _loaded_until()
    as_of = as_of or loaded_until
    stale = as_of - loaded_until > STALE_AFTER
    return Detected(_run(last_whole_week(min(as_of, loaded_until)), loaded_until), loaded_until, stale)


def _run(week: date, loaded_until: date) -> DriftRun:
    cells = cells_as_of(week)
    if cells is None:
        raise NothingToJudge(f"Nothing was submitted up to the week of {week}.", fix="Choose a later --as-of.")
    known = pending_known(cells, loaded_until)
    version = cells.data_version(pending_known=known)
    run = DriftRun.objects.filter(as_of_week=week, data_version=version).first()
    last = DriftRun.objects.filter(carried_at__isnull=False).order_by("carried_at").last()
    newest = last is None or week >= last.as_of_week
    if run is not None and (run == last or not newest):
        return run
    judgement = judge(cells.arrays, cells.week_index, pending_known=known)
    run = run or _new_run(cells, judgement, version, pending_known=known)
    if newest:
        _carry_into_events(run, cells, judgement)
    run.save()
    return run


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


def _carry_into_events(run: DriftRun, cells: CellsAsOf, judgement: Judgement) -> None:
    """Open, change and close events. Payers first: a series may hang under its payer's event."""
    open_events = {_key(event): event for event in DriftEvent.objects.filter(status=DriftEvent.Status.OPEN)}
    episodes = _last_episodes()
    carrier = _Carrier(cells, _alerted_payers(open_events.values()))
    for node in sorted(judgement.nodes, key=lambda node: node.series is not None):
        for direction in DIRECTIONS:
            result = node.direction(direction)
            key = _node_key(node, direction, cells)
            event = open_events.get(key)
            if event is None and result is not None and result.tier is not None:
                event = _new_event(key, run.as_of_week, episodes.get(key, 0) + 1)
            if event is not None and result is not None:
                carrier.carry(event, node, result)
    run.opened, run.updated, run.closed = carrier.opened, carrier.updated, carrier.closed
    run.carried_at = timezone.now()




def _alerted_payers(events: Iterable[DriftEvent]) -> dict[PayerKey, DriftEvent]:
    return {
        (event.measure, event.payer_id, event.direction): event
        for event in events
        if not event.cpt_group and event.tier == DriftEvent.Tier.ALERT
    }


def _key(event: DriftEvent) -> Key:
    return event.measure, event.payer_id, event.cpt_group, event.direction


def _node_key(node: NodeResult, direction: Direction, cells: CellsAsOf) -> Key:
    payer_id = cells.payers[node.payer]
    group = "" if node.series is None else cells.series[node.series][1]
    return node.measure, payer_id, group, direction


def _last_episodes() -> dict[Key, int]:
    keys = ("measure", "payer_id", "cpt_group", "direction")
    rows = DriftEvent.objects.values_list(*keys).annotate(last=Max("episode")).order_by()
    return {(measure, payer, group, direction): last for measure, payer, group, direction, last in rows}


def _new_event(key: Key, week: date, episode: int) -> DriftEvent:
    measure, payer_id, group, direction = key
    return DriftEvent(
        measure=measure,
        payer_id=payer_id,
        cpt_group=group,
        direction=direction,
        episode=episode,
        tier=DriftEvent.Tier.WATCH,
        certainty="watch",
        first_week=week,
    )


class _Carrier:
    """Brings events up to the judged week, one after the other, and counts what became of them."""

    def __init__(self, cells: CellsAsOf, parents: dict[PayerKey, DriftEvent]) -> None:
        self.opened = self.updated = self.closed = 0
        self._cells = cells
        self._parents = parents
        self._figures = FigureReader(cells)

    def carry(self, event: DriftEvent, node: NodeResult, result: DirectionResult) -> None:
        opening = event.pk is None
        entry = week_entry(self._cells.week, node.measure, _direction(event), result)
        event.history = with_week(event.history, entry)
        event.as_of_week = self._cells.week
        _raise_tier(event, result)
        self._describe(event, node, result)
        over = is_over(event.history)
        if over:
            event.status, event.closed_week = DriftEvent.Status.CLOSED, self._cells.week
        self._hang(event, over=over)
        event.save()
        self.opened += opening
        self.closed += over
        self.updated += not opening and not over

    def _hang(self, event: DriftEvent, *, over: bool) -> None:
        """Put a series under its payer's event if that is an alert; remember payers for their series."""
        key = (event.measure, event.payer_id, event.direction)
        if event.cpt_group:
            event.parent = event.parent or self._parents.get(key)
        elif over:
            self._parents.pop(key, None)
        elif event.tier == DriftEvent.Tier.ALERT:
            self._parents[key] = event

    def _describe(self, event: DriftEvent, node: NodeResult, result: DirectionResult) -> None:
        """The figures of the judged week: what was seen, what was expected, what it is worth."""
        telling = result.telling
        figures = self._figures.figures(node, telling)
        event.window = window_summary(telling, self._cells)
        event.windows = [window_summary(window, self._cells) for window in node.windows]
        event.baseline = baseline_summary(node, figures, self._cells)
        event.observed, event.expected = telling.observed, telling.expected
        event.effect, event.claims = telling.effect, telling.claims
        event.p_value, event.q_value = result.p_value, result.q_value
        event.amount_at_risk = figures.amount_at_risk
        event.top_denial_category = figures.top_denial_category
        event.provisional = node.provisional


def _direction(event: DriftEvent) -> Direction:
    return "worse" if event.direction == DriftEvent.Direction.WORSE else "better"


_CERTAINTIES = ("watch", "likely", "very_likely")


def _raise_tier(event: DriftEvent, result: DirectionResult) -> None:
    """Tier and certainty only rise within an episode; the first alert's week is kept."""
    if result.tier == "alert":
        event.tier = DriftEvent.Tier.ALERT
        event.alert_week = event.alert_week or event.as_of_week
    event.certainty = max(event.certainty, result.certainty or "watch", key=_CERTAINTIES.index)
