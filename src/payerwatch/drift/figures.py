"""Figures that explain a finding and are not tested: money at risk, and which denials grew."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from payerwatch.drift.cells import CellsAsOf
from payerwatch.drift.explanations import most_grown_category
from payerwatch.drift.judgement import NodeResult, WindowResult
from payerwatch.drift.window_tests import Direction, baseline_span
from payerwatch.late import polars as pl

_UNKNOWN = "unknown"


@dataclass(frozen=True)
class Figures:
    """What a finding is worth, and what changed."""

    amount_at_risk: int | None
    """Cents: denials, or decisions, off expectation in the event's direction times the usual payment of a claim;
    0 where they point the other way."""
    top_denial_category: str | None
    """The category whose denials exceed expectation most; None for days to decision and changes for the better."""
    baseline_claims: int
    """Claims decided in the baseline."""
    baseline_rate: float | None
    """Denied / decided in the baseline."""


class FigureReader:
    """Reads the cells of single nodes. Baseline weeks are those of the judged week."""

    def __init__(self, cells: CellsAsOf) -> None:
        self._cells = cells
        self._start, self._stop = baseline_span(cells.week_index)

    @cached_property
    def _by_payer(self) -> dict[int, pl.DataFrame]:
        parts = self._cells.known.partition_by("payer_id", as_dict=True)
        return {int(key[0]): part for key, part in parts.items()}

    def figures(self, node: NodeResult, direction: Direction, telling: WindowResult) -> Figures:
        """Of one window of a node."""
        cells = self._of(node)
        baseline = cells.filter(pl.col("decided").is_between(self._start, self._stop - 1))
        decided = int(baseline["claims"].sum())
        denied = int(baseline.filter(pl.col("outcome") == "denied")["claims"].sum())
        payment = _usual_payment(baseline)
        return Figures(
            amount_at_risk=None if payment is None else round(_excess(node, direction, telling) * payment),
            top_denial_category=_grown_category(cells, baseline, node, telling) if direction == "worse" else None,
            baseline_claims=decided,
            baseline_rate=denied / decided if decided else None,
        )

    def _of(self, node: NodeResult) -> pl.DataFrame:
        cells = self._by_payer[self._cells.payers[node.payer]]
        if node.series is None:
            return cells
        return cells.filter(pl.col("cpt_group") == self._cells.series[node.series][1])


def _excess(node: NodeResult, direction: Direction, telling: WindowResult) -> float:
    """Claims off expectation in the direction: worse is more denials, or fewer decisions."""
    more = telling.observed - telling.expected
    more_is_worse = node.measure == "denial_rate"
    return max(0.0, more if more_is_worse == (direction == "worse") else -more)


def _grown_category(cells: pl.DataFrame, baseline: pl.DataFrame, node: NodeResult, telling: WindowResult) -> str | None:
    if node.measure != "denial_rate":
        return None
    now, before = _denials_by_category(_in_window(cells, telling)), _denials_by_category(baseline)
    grown = most_grown_category(before, now, telling.expected)
    return grown.category if grown else None


def _in_window(cells: pl.DataFrame, telling: WindowResult) -> pl.DataFrame:
    """Decided cells of the window, which is of decision or of submission weeks."""
    window = telling.window
    axis = "submitted" if window.name.startswith("submitted") else "decided"
    inside = pl.col(axis).is_between(window.first, window.last)
    return cells.filter(inside & pl.col("decided").is_not_null())


def _usual_payment(baseline: pl.DataFrame) -> float | None:
    """Mean cents that the baseline's paid claims brought; None where the file holds no amounts."""
    paid = baseline.filter(pl.col("outcome") == "paid")
    claims, total = int(paid["claims"].sum()), int(paid["payment"].sum())
    return total / claims if claims and total > 0 else None


def _denials_by_category(cells: pl.DataFrame) -> dict[str, int]:
    denied = cells.filter((pl.col("outcome") == "denied") & (pl.col("denial_category") != "duplicate"))
    counts = denied.group_by("denial_category").agg(pl.col("claims").sum())
    return {str(name) or _UNKNOWN: int(count) for name, count in counts.rows()}
