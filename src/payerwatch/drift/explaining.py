"""What stands behind a drift event: its weeks against the expected band, median days, and its claims."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, cast

from payerwatch.drift.cells import CellsAsOf, cells_as_of
from payerwatch.drift.detectors import Detectors
from payerwatch.drift.models import DriftEvent
from payerwatch.drift.queries import claims_behind
from payerwatch.drift.window_tests import Measure
from payerwatch.late import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHART_WEEKS = 30


@dataclass(frozen=True)
class Weeks:
    """Weekly figures of one node, oldest first; None where a week had no claims. Rates are 0 to 1."""

    weeks: list[date]
    observed: list[float | None]
    expected: list[float | None]
    low: list[float | None]
    high: list[float | None]


@dataclass(frozen=True)
class Explanation:
    """An event with what a person needs to check it."""

    event: DriftEvent
    weeks: Weeks | None
    median_days_before: float | None
    median_days_now: float | None
    claim_numbers: list[str]
    """Of the claims behind it, oldest first, at most as many as asked for."""
    claims_behind: int


def explain_event(event: DriftEvent, *, claims: int | None) -> Explanation:
    """Explain an event from today's cells, as of the week it was last judged; lists `claims` numbers (None: all)."""
    behind = claims_behind(event)
    numbers = [claim.claim_number for claim in behind.only("claim_key", "sealed_number")[:claims]]
    cells = cells_as_of(event.as_of_week)
    node = None if cells is None else _node(event, cells)
    if cells is None or node is None:
        return Explanation(event, None, None, None, numbers, behind.count())
    detectors = Detectors(cells.arrays)
    before, now = detectors.median_days(node, cells.week_index)
    return Explanation(event, _weeks(event, cells, detectors, node), before, now, numbers, behind.count())


def weeks_of_each(events: Sequence[DriftEvent]) -> dict[int, Weeks]:
    """By event, its weeks against the expected band, from today's cells; none where these no longer have it.

    Cells are read once for all events of a week.
    """
    found: dict[int, Weeks] = {}
    for week in {event.as_of_week for event in events}:
        cells = cells_as_of(week)
        if cells is not None:
            detectors = Detectors(cells.arrays)
            for event in events:
                node = _node(event, cells) if event.as_of_week == week else None
                if node is not None:
                    found[event.pk] = _weeks(event, cells, detectors, node)
    return found


def _weeks(event: DriftEvent, cells: CellsAsOf, detectors: Detectors, node: int) -> Weeks:
    measure, known = cast(Measure, event.measure), not event.provisional
    band = detectors.weekly(measure, cells.week_index, CHART_WEEKS, pending_known=known).band(node)
    return Weeks(
        [cells.arrays.week_of(band.first_week + number) for number in range(band.observed.size)],
        *(_figures(values) for values in (band.observed, band.expected, band.lower, band.upper)),
    )


def _node(event: DriftEvent, cells: CellsAsOf) -> int | None:
    """The event's row among series and payers; None where corrected data no longer has it."""
    if event.payer_id not in cells.payers:
        return None
    if not event.cpt_group:
        return len(cells.series) + cells.payers.index(event.payer_id)
    series = (event.payer_id, event.cpt_group)
    return cells.series.index(series) if series in cells.series else None


def _figures(values: NDArray[np.float64]) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]
