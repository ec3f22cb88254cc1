"""What a run keeps of how things stand after it, so that the first look in the morning counts nothing again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from payerwatch.claims.queries import UploadsSoFar
from payerwatch.drift.cells import CellsAsOf
from payerwatch.drift.documents import event_sentence
from payerwatch.drift.models import DriftEvent
from payerwatch.drift.parameters import DEFAULTS
from payerwatch.drift.queries import events
from payerwatch.drift.window_tests import baseline_span
from payerwatch.late import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

RECENT_WEEKS = 4
EVENTS_KEPT = 10
PAYERS_KEPT = 25


def run_summary(cells: CellsAsOf, uploads: UploadsSoFar) -> dict[str, Any]:
    """The open events and the payers' rates, as of the week judged. Amounts are whole cents."""
    found = list(events(watch=True))
    payers = _payers(cells)
    return {
        "loaded_until": uploads.last_date and uploads.last_date.isoformat(),
        "uploads": uploads.counts,
        "false_discovery_rate": DEFAULTS.false_discovery_rate,
        "very_likely_rate": DEFAULTS.very_likely_rate,
        "open_events": _counted(found),
        "top_events": [_told(event) for event in found[:EVENTS_KEPT]],
        "payers": payers[:PAYERS_KEPT],
        "payers_left_out": len(payers[PAYERS_KEPT:]),
    }


def _counted(found: Iterable[DriftEvent]) -> list[dict[str, Any]]:
    """Events and money by tier, direction and measure. Where a payer as a whole is told, the money of its CPT groups
    is part of the payer's and not added again."""
    by_kind: dict[tuple[str, str, str], list[DriftEvent]] = defaultdict(list)
    for event in found:
        by_kind[event.tier, event.direction, event.measure].append(event)
    kinds = ("tier", "direction", "measure")
    return [
        {**dict(zip(kinds, kind, strict=True)), "events": len(those), "amount_at_risk": _money(those)}
        for kind, those in sorted(by_kind.items())
    ]


def _money(those: list[DriftEvent]) -> int | None:
    """None where no event has an amount."""
    whole = {event.payer_id for event in those if not event.cpt_group}
    counted = [event for event in those if not event.cpt_group or event.payer_id not in whole]
    amounts = [event.amount_at_risk for event in counted if event.amount_at_risk is not None]
    return sum(amounts) if amounts else None


def _told(event: DriftEvent) -> dict[str, Any]:
    return {
        "id": event.public_id,
        "sentence": event_sentence(event),
        "measure": event.measure,
        "payer": event.payer.name,
        "cpt_group": event.cpt_group or None,
        "direction": event.direction,
        "tier": event.tier,
        "certainty": event.certainty,
        "first_week": event.first_week.isoformat(),
        "amount_at_risk": event.amount_at_risk,
    }


def _payers(cells: CellsAsOf) -> list[dict[str, Any]]:
    """Each payer's first decisions of the last weeks beside those of the baseline, the busiest payer first."""
    arrays, week = cells.arrays, cells.week_index
    recent, baseline = slice(max(0, week - RECENT_WEEKS + 1), week + 1), slice(*baseline_span(week))
    submitted = arrays.sum_by_payer(arrays.submitted)[:, recent].sum(axis=1)
    denied, paid = (arrays.sum_by_payer(counts).sum(axis=2) for counts in (arrays.denied, arrays.paid))
    told = [
        {
            "payer": cells.payer_by_id[payer].name,
            "submitted": int(submitted[number]),
            **_rate(denied[number, recent], paid[number, recent]),
            "baseline": _rate(denied[number, baseline], paid[number, baseline]),
        }
        for number, payer in enumerate(cells.payers)
    ]
    return sorted(told, key=lambda each: (-each["decided"], each["payer"]))


def _rate(denied: NDArray[np.int64], paid: NDArray[np.int64]) -> dict[str, Any]:
    refused, decided = int(denied.sum()), int(denied.sum() + paid.sum())
    return {"decided": decided, "denied": refused, "denial_rate": refused / decided if decided else None}
