"""Figures that explain a finding and are not tested: money at risk, and which denials grew."""

from dataclasses import dataclass

import polars as pl

from payerwatch.drift.cells import CellsAsOf
from payerwatch.drift.explanations import most_grown_category
from payerwatch.drift.judgement import NodeResult, WindowResult
from payerwatch.drift.window_tests import baseline_span

_UNKNOWN = "unknown"


@dataclass(frozen=True)
class Figures:
    """What a finding is worth, and what changed."""

    amount_at_risk: int | None
    """Cents: excess denials, or decisions that did not come, times the usual payment of a claim."""
    top_denial_category: str | None
    """The category whose denials exceed expectation most; None for days to decision."""
    baseline_claims: int
    """Claims decided in the baseline."""
    baseline_rate: float | None
    """Denied / decided in the baseline."""


class FigureReader:
    """Reads the cells of single nodes. Baseline weeks are those of the judged week."""

    def __init__(self, cells: CellsAsOf) -> None:
        self._cells = cells
        self._start, self._stop = baseline_span(cells.week_index)

    def figures(self, node: NodeResult, telling: WindowResult) -> Figures:
        cells = self._of(node)
        baseline = cells.filter(pl.col("decided").is_between(self._start, self._stop - 1))
        decided = int(baseline["claims"].sum())
        denied = int(baseline.filter(pl.col("outcome") == "denied")["claims"].sum())
        top = None
        if node.measure == "denial_rate":
            now, before = _denials_by_category(_in_window(cells, telling)), _denials_by_category(baseline)
            grown = most_grown_category(before, now, telling.expected)
            top = grown.category if grown else None
        excess = abs(telling.observed - telling.expected)
        payment = _usual_payment(baseline)
        return Figures(
            amount_at_risk=None if payment is None else round(excess * payment),
            top_denial_category=top,
            baseline_claims=decided,
            baseline_rate=denied / decided if decided else None,
        )

    def _of(self, node: NodeResult) -> pl.DataFrame:
        payer_id = self._cells.payers[node.payer]
        cells = self._cells.known.filter(pl.col("payer_id") == payer_id)
        if node.series is None:
            return cells
        return cells.filter(pl.col("cpt_group") == self._cells.series[node.series][1])


def _in_window(cells: pl.DataFrame, telling: WindowResult) -> pl.DataFrame:
    """Decided cells of the window, which is of decision or of submission weeks."""
    window = telling.window
    axis = "submitted" if window.name.startswith("submitted") else "decided"
    inside = pl.col(axis).is_between(window.first, window.last)
    return cells.filter(inside & pl.col("decided").is_not_null())


def _usual_payment(baseline: pl.DataFrame) -> float | None:
    """Mean cents allowed on the baseline's paid claims; where a file has none, paid, else billed."""
    paid = baseline.filter(pl.col("outcome") == "paid")
    claims = int(paid["claims"].sum())
    for column in ("allowed_amount", "paid_amount", "billed_amount"):
        total = int(paid[column].sum())
        if claims and total > 0:
            return total / claims
    return None


def _denials_by_category(cells: pl.DataFrame) -> dict[str, int]:
    denied = cells.filter((pl.col("outcome") == "denied") & (pl.col("denial_category") != "duplicate"))
    counts = denied.group_by("denial_category").agg(pl.col("claims").sum())
    return {str(name) or _UNKNOWN: int(count) for name, count in counts.rows()}
