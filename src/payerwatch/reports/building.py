"""A month's figures as one document, which is stored as it is: amounts in whole cents, days and weeks as texts.

Each part says in `counts` what it counts. Claims come from run-off cells alone, so that the cost depends on payers and
weeks and not on the number of claims.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from payerwatch.claims.models import Payer
from payerwatch.claims.queries import watermark
from payerwatch.drift.cells import counts_by_payer, last_whole_week, pending_known_at
from payerwatch.drift.models import DriftEvent
from payerwatch.late import polars as pl
from payerwatch.refusals import Refusal
from payerwatch.reports import activity, counting
from payerwatch.reports.months import Weeks, month_before, weeks_of

METHOD_VERSION = 1
"""Of these figures; another where one of them comes to mean something else."""
WEEKS_COMPARED = 12
LAST_DAYS = 2
"""Of the last week nothing may be loaded, as on a weekend, and the weeks are all there."""

COUNTS: Mapping[str, str] = {
    "volumes": "Claims submitted in these weeks, and of these still_pending by now; first decisions made in these "
    "weeks, whenever the claim was submitted: paid, denied, or denied as exact duplicates. billed_amount is of those "
    "submitted; allowed_amount and paid_amount are of those decided. Claims billed at nothing are left out.",
    "denial_rate": "First decisions of these weeks that denied, as a share of those that paid or denied, without exact "
    "duplicates. low and high hold 95 % of what chance alone would show.",
    "days_to_decision": "Days from submission to first decision: the median of the claims that waited in these weeks, "
    "those still waiting included; the mean of those decided in them. No median where an export leaves pending claims "
    "out, where data end more than two days before these weeks do, or where fewer than half would be decided.",
    "payers": "The same for each of the payers with most first decisions in these weeks, and for all others together.",
    "events": "Drift events by the week judged: opened when first flagged in these weeks, closed in them, open at the "
    "end of the last. amount_at_risk is of those open at the end; CPT groups of a payer that is told as a whole are "
    "not added twice.",
    "alerts": "Alerts raised on these days, and of all alerts those sent, held or cancelled on them, as they stand at "
    "the time of building.",
    "verdicts": "What people found alerts and events to be on these days, by the last verdict on each. noise_share is "
    "noise among noise and real. recovered_amount is what they said had come back.",
    "money": "at_risk_amount: denials above what was expected, of open alerts. held_up_amount: decisions that were "
    "expected and had not come. recovered_amount: as people said. None is booked anywhere.",
    "sources": "Files loaded on these days that stand, and their rows. stale_days: how far the latest day loaded lies "
    "before the last of these days, or before the day of building.",
}


class NothingToReport(Refusal):
    """No claims that are loaded were submitted or decided in the weeks of the month."""

    def __init__(self, weeks: Weeks) -> None:
        super().__init__(
            f"No claims were submitted or decided from {weeks.first} to {weeks.last_day}.",
            where="month",
            fix="Load the claims of these weeks first, or choose another month.",
        )


@dataclass(frozen=True)
class Built:
    document: str
    """The figures as JSON."""
    data_version: str
    """SHA-256 of the run-off cells."""


def build(month: date, today: date) -> Built:
    """The month's figures for the customer entered, as data are now. Raises NothingToReport."""
    weeks = weeks_of(month)
    cells = counts_by_payer(counting.first_week_needed(weeks.before(WEEKS_COMPARED)), weeks.last)
    names: dict[int, str] = dict(Payer.objects.values_list("pk", "name"))
    figures = _figures(month, weeks, counting.placed(cells), names, today)
    return Built(json.dumps(figures, ensure_ascii=False), _version(cells, names))


def _figures(month: date, weeks: Weeks, cells: pl.DataFrame, names: Mapping[int, str], today: date) -> dict[str, Any]:
    counted = counting.volumes(cells, weeks)
    if not counted["submitted"] and not counted["decided"]:
        raise NothingToReport(weeks)
    loaded_until = watermark()
    known = _pending_known(weeks, loaded_until)
    waiting_known = known and loaded_until is not None and loaded_until >= weeks.last_day - timedelta(days=LAST_DAYS)
    return {
        "method": METHOD_VERSION,
        "month": f"{month:%Y-%m}",
        "covers": _covers(weeks),
        "preliminary": weeks.last_day >= today,
        **_of_claims(month, weeks, cells, counted, pending_known=waiting_known),
        "payers": _payers(month, weeks, cells, names, pending_known=waiting_known),
        **_of_findings(weeks),
        "sources": _sources(weeks, loaded_until, today, pending_known=known),
    }


def _covers(weeks: Weeks) -> dict[str, Any]:
    return {"first_day": weeks.first.isoformat(), "last_day": weeks.last_day.isoformat(), "weeks": weeks.count}


def _of_claims(
    month: date, weeks: Weeks, cells: pl.DataFrame, counted: dict[str, Any], *, pending_known: bool
) -> dict[str, Any]:
    spans = {"month_before": weeks_of(month_before(month)), "weeks_before": weeks.before(WEEKS_COMPARED)}
    then = {name: counting.volumes(cells, span) for name, span in spans.items()}
    rate = counting.denial_rate(counted)
    rates = {name: counting.denial_rate(volumes) for name, volumes in then.items()}
    waited = {name: counting.days(cells, span, pending_known=pending_known) for name, span in spans.items()}
    return {
        "volumes": {
            "counts": COUNTS["volumes"],
            **counted,
            **{name: _covers(span) | then[name] for name, span in spans.items()},
        },
        "denial_rate": {
            "counts": COUNTS["denial_rate"],
            **rate,
            **{name: _covers(spans[name]) | each | counting.rate_change(rate, each) for name, each in rates.items()},
        },
        "days_to_decision": {
            "counts": COUNTS["days_to_decision"],
            **counting.days(cells, weeks, pending_known=pending_known),
            **{name: _covers(spans[name]) | each for name, each in waited.items()},
        },
    }


def _payers(
    month: date, weeks: Weeks, cells: pl.DataFrame, names: Mapping[int, str], *, pending_known: bool
) -> dict[str, Any]:
    """Those with most decisions by name, all others together."""
    found = counting.payers_in(cells, weeks)
    found.sort(key=lambda each: (-each[1], -each[2], names[each[0]]))
    payers = [payer for payer, *_ in found]
    named, rest = payers[: counting.PAYERS_NAMED], payers[counting.PAYERS_NAMED :]
    before = weeks_of(month_before(month))
    told = {payer: counting.of_payers(cells, weeks, [payer], pending_known=pending_known) for payer in named}
    others = counting.of_payers(cells, weeks, rest, pending_known=pending_known) if rest else None
    return {
        "counts": COUNTS["payers"],
        "named": [
            {"payer": names[payer], **figures, "change": _change(cells, payer, figures, before)}
            for payer, figures in told.items()
        ],
        "others": None if others is None else {"payers": len(rest), **others},
    }


def _change(cells: pl.DataFrame, payer: int, figures: dict[str, Any], before: Weeks) -> dict[str, Any]:
    """Against the month before."""
    then = counting.volumes(cells.filter(pl.col("payer_id") == payer), before)
    return counting.rate_change(figures["denial_rate"], counting.denial_rate(then))


def _of_findings(weeks: Weeks) -> dict[str, Any]:
    events = activity.events_seen(weeks)
    told = activity.events_told(events, weeks)
    verdicts = activity.verdicts_counted(weeks)
    measures = DriftEvent.Measure
    return {
        "events": {
            "counts": COUNTS["events"],
            "by_kind": activity.events_counted(events, weeks),
            "alerts": told[: activity.EVENTS_NAMED],
            "alerts_left_out": len(told[activity.EVENTS_NAMED :]),
        },
        "alerts": {"counts": COUNTS["alerts"], **activity.alerts_counted(weeks)},
        "verdicts": {"counts": COUNTS["verdicts"], **verdicts},
        "money": {
            "counts": COUNTS["money"],
            "at_risk_amount": activity.amount_at_risk(events, weeks, measures.DENIAL_RATE),
            "held_up_amount": activity.amount_at_risk(events, weeks, measures.DAYS_TO_DECISION),
            "recovered_amount": verdicts["recovered_amount"],
        },
    }


def _sources(weeks: Weeks, loaded_until: date | None, today: date, *, pending_known: bool) -> dict[str, Any]:
    behind = None if loaded_until is None else max(0, (min(today, weeks.last_day) - loaded_until).days)
    return {
        "counts": COUNTS["sources"],
        **activity.files_counted(weeks),
        "loaded_until": None if loaded_until is None else loaded_until.isoformat(),
        "stale_days": behind,
        "pending_known": pending_known,
    }


def _pending_known(weeks: Weeks, loaded_until: date | None) -> bool:
    """Whether what is loaded tells which claims were pending at the end of the weeks, as far as they are loaded."""
    if loaded_until is None:
        return False
    return pending_known_at(min(weeks.last, last_whole_week(loaded_until)), loaded_until)


def _version(cells: pl.DataFrame, names: Mapping[int, str]) -> str:
    """Payers count by name, and in whichever order the cells were read."""
    said = cells.with_columns(payer_id=pl.col("payer_id").replace_strict(names, return_dtype=pl.String))
    return hashlib.sha256(said.sort(pl.all()).write_csv().encode()).hexdigest()
