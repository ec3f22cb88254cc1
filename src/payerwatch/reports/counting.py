"""The figures that run-off cells give for some weeks: claims, first decisions, money, days. Pure functions.

Cells are as `drift.cells.counts_by_payer` gives them. Amounts are whole cents. Exact duplicates are decisions, but
neither denied nor paid for the rate.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from payerwatch.drift.explanations import median_days
from payerwatch.drift.models import RunoffCell
from payerwatch.drift.runoff_arrays import LAG_WEEKS
from payerwatch.late import numpy as np
from payerwatch.late import polars as pl
from payerwatch.reports.intervals import difference_interval, share_interval
from payerwatch.reports.months import Weeks

Counted = dict[str, Any]
PAYERS_NAMED = 20
LAGS = LAG_WEEKS - 1
"""Of waiting claims the age is told up to 24 weeks; see drift.decision_delay."""


def first_week_needed(weeks: Weeks) -> date:
    """The first week of submission of claims that may have been waiting in these weeks with an age that is told."""
    return weeks.first - timedelta(weeks=LAGS)


def placed(cells: pl.DataFrame) -> pl.DataFrame:
    """Cells with the week of their decision; null where it is still to come."""
    decided = pl.col("submit_week") + pl.duration(weeks=pl.col("lag_weeks"))
    return cells.with_columns(decided_week=pl.when(~_is_pending()).then(decided))


def volumes(cells: pl.DataFrame, weeks: Weeks) -> Counted:
    """What was submitted in the weeks, and what was first decided in them, whenever submitted."""
    submitted, decided = _submitted(cells, weeks), _decided(cells, weeks)
    return {
        "submitted": _sum(submitted),
        "still_pending": _sum(submitted.filter(_is_pending())),
        "billed_amount": _sum(submitted, "billed"),
        "decided": _sum(decided),
        "paid": _sum(decided.filter(pl.col("outcome") == "paid")),
        "denied": _sum(decided.filter(_is_denied() & ~_is_duplicate())),
        "duplicates": _sum(decided.filter(_is_duplicate())),
        "allowed_amount": _sum(decided, "allowed"),
        "paid_amount": _sum(decided, "paid"),
    }


def denial_rate(counted: Counted) -> Counted:
    """Denied as a share of paid and denied, with its interval."""
    denied, of = counted["denied"], counted["denied"] + counted["paid"]
    if not of:
        return {"denied": denied, "of": of, "rate": None, "low": None, "high": None}
    low, high = share_interval(denied, of)
    return {"denied": denied, "of": of, "rate": denied / of, "low": low, "high": high}


def rate_change(now: Counted, before: Counted) -> Counted:
    """How much the rate rose, as a share, with its interval."""
    if not now["of"] or not before["of"]:
        return {"difference": None, "difference_low": None, "difference_high": None}
    low, high = difference_interval(now["denied"], now["of"], before["denied"], before["of"])
    return {"difference": now["rate"] - before["rate"], "difference_low": low, "difference_high": high}


def days(cells: pl.DataFrame, weeks: Weeks, *, pending_known: bool) -> Counted:
    """Days from submission to first decision: the median of all that waited, and the mean of what was decided.

    The median is Kaplan and Meier's over the claims waiting in the weeks by their age, so that it needs to know which
    are; null too where fewer than half would be decided.
    """
    decided = _decided(cells, weeks)
    count = _sum(decided)
    return {
        "median": _median_days(cells, weeks) if pending_known else None,
        "mean": _sum(decided, "days") / count if count else None,
    }


def payers_in(cells: pl.DataFrame, weeks: Weeks) -> list[tuple[int, int, int]]:
    """Each payer of whom something was decided or submitted in the weeks: its number, how much of either."""
    decided = _by_payer(_decided(cells, weeks), "decided")
    submitted = _by_payer(_submitted(cells, weeks), "submitted")
    both = decided.join(submitted, on="payer_id", how="full", coalesce=True).fill_null(0)
    return [(int(payer), int(count), int(sent)) for payer, count, sent in both.rows()]


def of_payers(cells: pl.DataFrame, weeks: Weeks, payers: list[int], *, pending_known: bool) -> Counted:
    """The figures of one payer, or of some as if they were one."""
    part = cells.filter(pl.col("payer_id").is_in(payers))
    figures = volumes(part, weeks)
    return figures | _measures(part, weeks, figures, pending_known=pending_known)


def _measures(part: pl.DataFrame, weeks: Weeks, figures: Counted, *, pending_known: bool) -> Counted:
    measured = days(part, weeks, pending_known=pending_known)
    return {"denial_rate": denial_rate(figures), "days_to_decision": measured}


def _median_days(cells: pl.DataFrame, weeks: Weeks) -> float | None:
    """Over each age in weeks: the claims that had reached it undecided within the weeks, and those decided at it."""
    decided, waiting = np.zeros(LAGS), np.zeros(LAGS)
    for lag in range(LAGS):
        age = timedelta(weeks=lag)
        cohort = cells.filter(pl.col("submit_week").is_between(weeks.first - age, weeks.last - age))
        waiting[lag] = _sum(cohort.filter(_is_pending() | (pl.col("lag_weeks") >= lag)))
        decided[lag] = _sum(cohort.filter(pl.col("lag_weeks") == lag))
    return median_days(decided, waiting)


def _by_payer(cells: pl.DataFrame, name: str) -> pl.DataFrame:
    return cells.group_by("payer_id").agg(pl.col("count").sum().alias(name))


def _submitted(cells: pl.DataFrame, weeks: Weeks) -> pl.DataFrame:
    return cells.filter(pl.col("submit_week").is_between(weeks.first, weeks.last))


def _decided(cells: pl.DataFrame, weeks: Weeks) -> pl.DataFrame:
    return cells.filter(pl.col("decided_week").is_between(weeks.first, weeks.last))


def _sum(cells: pl.DataFrame, column: str = "count") -> int:
    return int(cells[column].sum())


def _is_pending() -> pl.Expr:
    return pl.col("lag_weeks") == RunoffCell.PENDING


def _is_denied() -> pl.Expr:
    return pl.col("outcome") == "denied"


def _is_duplicate() -> pl.Expr:
    return _is_denied() & (pl.col("denial_category") == "duplicate")
