"""Bringing a customer's drift events up to the week that was judged: which open, change or close, and with what.

Nothing is stored here; the events that changed are handed on one by one, payers before their series.
"""

from collections.abc import Iterator
from datetime import date

from django.db.models import Max, Q

from payerwatch.drift.cells import CellsAsOf
from payerwatch.drift.figures import FigureReader
from payerwatch.drift.judgement import DirectionResult, Judgement, NodeResult
from payerwatch.drift.lifecycle import episode_of, is_over, week_entry, with_week
from payerwatch.drift.models import DriftEvent
from payerwatch.drift.summary import baseline_summary, window_summary
from payerwatch.drift.window_tests import Direction

DIRECTIONS: tuple[Direction, ...] = ("worse", "better")
Key = tuple[str, int, str, str]
"""Measure, payer id, CPT group (blank for the payer), direction."""
PayerKey = tuple[str, int, str]
"""Measure, payer id, direction."""
_SET_BACK = (
    "history", "as_of_week", "observed", "expected", "effect", "p_value", "q_value", "amount_at_risk", "tier",
    "certainty", "first_week", "alert_week", "status", "is_open", "closed_week",
)  # fmt: skip


class Carrier:
    """Carries one judgement into the events, and counts what became of them.

    An event that closed in the very week is taken up again, so that a correction of that week's data may
    keep it open but never opens the next episode beside it.
    """

    def __init__(self, cells: CellsAsOf) -> None:
        self.opened = self.updated = self.closed = 0
        self._cells = cells
        self._figures = FigureReader(cells)
        running = Q(status=DriftEvent.Status.OPEN) | Q(closed_week=cells.week)
        self._events = {_key(event): event for event in DriftEvent.objects.filter(running)}
        self._episodes = _last_episodes()
        self._parents: dict[PayerKey, DriftEvent] = {}
        for event in self._events.values():
            self._remember(event)

    def carry(self, judgement: Judgement) -> Iterator[DriftEvent]:
        """The events that the judgement changed. Each must be stored before the next is asked for."""
        for node in sorted(judgement.nodes, key=lambda node: node.series is not None):
            for direction in DIRECTIONS:
                event = self._events.pop(self._node_key(node, direction), None)
                result = node.direction(direction)
                if result is None:
                    continue  # not judged: the event stays as it was
                if event is None and result.tier is not None:
                    event = self._new(node, direction)
                if event is not None:
                    yield self._brought_up(event, node, direction, result)
        yield from self._without_claims()

    def _brought_up(
        self, event: DriftEvent, node: NodeResult, direction: Direction, result: DirectionResult
    ) -> DriftEvent:
        """The event as of the judged week."""
        was_open = event.status == DriftEvent.Status.OPEN
        event.as_of_week = self._cells.week
        event.history = with_week(event.history, week_entry(self._cells.week, node.measure, direction, result))
        self._describe(event, node, direction, result)
        _read_history(event)
        self.opened += event.pk is None
        self.closed += was_open and event.status == DriftEvent.Status.CLOSED
        self.updated += event.pk is not None and event.status == DriftEvent.Status.OPEN
        self._hang(event)
        return event

    def _without_claims(self) -> Iterator[DriftEvent]:
        """Close what has no claims left in sight, such as a payer whose spelling was mapped to another."""
        for event in self._events.values():
            if event.status == DriftEvent.Status.OPEN:
                _set_over(event, self._cells.week)
                self.closed += 1
                yield event

    def _hang(self, event: DriftEvent) -> None:
        """Put a series under its payer's event if that is an open alert; once told there, it stays there."""
        if event.cpt_group:
            event.parent = self._parents.get(_payer_key(event)) or event.parent
        else:
            self._remember(event)

    def _remember(self, event: DriftEvent) -> None:
        """Keep in mind the payers whose series hang beneath them."""
        if event.cpt_group:
            return
        if event.status == DriftEvent.Status.OPEN and event.tier == DriftEvent.Tier.ALERT:
            self._parents[_payer_key(event)] = event
        else:
            self._parents.pop(_payer_key(event), None)

    def _describe(self, event: DriftEvent, node: NodeResult, direction: Direction, result: DirectionResult) -> None:
        """The figures of the judged week: what was seen, what was expected, what it is worth."""
        telling = result.telling
        figures = self._figures.figures(node, direction, telling)
        event.history[-1]["amount_at_risk"] = figures.amount_at_risk
        event.window = window_summary(telling, self._cells)
        event.windows = [window_summary(window, self._cells) for window in node.windows]
        event.baseline = baseline_summary(node, figures, self._cells)
        event.observed, event.expected = telling.observed, telling.expected
        event.effect, event.claims = telling.effect, telling.claims
        event.p_value, event.q_value = result.p_value, result.q_value
        event.amount_at_risk = figures.amount_at_risk
        event.top_denial_category = figures.top_denial_category
        event.provisional = node.provisional

    def _new(self, node: NodeResult, direction: Direction) -> DriftEvent:
        key = self._node_key(node, direction)
        measure, payer_id, group, _ = key
        series = {"measure": measure, "payer_id": payer_id, "cpt_group": group, "direction": direction}
        earlier = self._episodes.get(key, 0)
        before = DriftEvent.objects.filter(**series, episode=earlier).first() if earlier else None
        return DriftEvent(**series, episode=earlier + 1, returned_from=before)

    def _node_key(self, node: NodeResult, direction: Direction) -> Key:
        group = "" if node.series is None else self._cells.series[node.series][1]
        return node.measure, self._cells.payers[node.payer], group, direction


def withdraw_weeks_after(week: date | None) -> int:
    """Take back what was judged of later weeks (of all, without a week), because their data were taken back.

    Events go back to what they were after the last week that stands; those flagged only later are removed.
    Returns how many were touched. What is removed goes first: of a series one event is open at a time.
    """
    touched = DriftEvent.objects.order_by("pk")
    if week is not None:
        touched = touched.filter(as_of_week__gt=week)
    events = list(touched)
    for event in events:
        event.history = [entry for entry in event.history if week is not None and entry["week"] <= week.isoformat()]
    kept = [event for event in events if episode_of(event.history) is not None]
    gone = [event.pk for event in events if episode_of(event.history) is None]
    DriftEvent.objects.filter(parent__in=gone).update(parent=None)
    DriftEvent.objects.filter(pk__in=gone).delete()
    for event in kept:
        _set_back(event)
    DriftEvent.objects.bulk_update(kept, _SET_BACK)
    return len(events)


def _set_back(event: DriftEvent) -> None:
    """Make the last entry of a shortened history the event's figures; its windows follow with the next run."""
    last = event.history[-1]
    event.as_of_week = date.fromisoformat(last["week"])
    for name in ("observed", "expected", "effect", "p_value", "q_value"):
        setattr(event, name, last[name])
    event.amount_at_risk = last.get("amount_at_risk", event.amount_at_risk)
    _read_history(event)


def _read_history(event: DriftEvent) -> None:
    """Set what follows from the weeks judged so far: the episode's highest, and whether it is over."""
    episode = episode_of(event.history)
    if episode is not None:
        event.tier, event.certainty = episode.tier, episode.certainty
        event.first_week, event.alert_week = episode.first_week, episode.alert_week
    _set_over(event, event.as_of_week if is_over(event.history) else None)


def _set_over(event: DriftEvent, closed_week: date | None) -> None:
    """Close the event in a week; without one it is open."""
    event.closed_week = closed_week
    event.status = DriftEvent.Status.OPEN if closed_week is None else DriftEvent.Status.CLOSED
    event.is_open = True if closed_week is None else None


def _key(event: DriftEvent) -> Key:
    return event.measure, event.payer_id, event.cpt_group, event.direction


def _payer_key(event: DriftEvent) -> PayerKey:
    return event.measure, event.payer_id, event.direction


def _last_episodes() -> dict[Key, int]:
    keys = ("measure", "payer_id", "cpt_group", "direction")
    rows = DriftEvent.objects.values_list(*keys).annotate(last=Max("episode")).order_by()
    return {(measure, payer, group, direction): last for measure, payer, group, direction, last in rows}
