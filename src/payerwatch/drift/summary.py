"""What runs and events keep of a judgement, as plain data."""

from collections import Counter
from typing import Any

from payerwatch.drift.cells import CellsAsOf
from payerwatch.drift.figures import Figures
from payerwatch.drift.judgement import DirectionResult, Judgement, NodeResult, WindowResult
from payerwatch.drift.window_tests import baseline_span


def not_judged(judgement: Judgement) -> dict[str, int]:
    """Payers and series that were not judged, by reason; each counts once for each of the two measures."""
    reasons = Counter(node.reason for node in judgement.nodes if node.reason)
    return {str(reason): count for reason, count in sorted(reasons.items())}


def node_summary(node: NodeResult, cells: CellsAsOf) -> dict[str, Any]:
    """A node's result: who, whether judged, and both directions."""
    return {
        "measure": node.measure,
        "payer": cells.payer_by_id[cells.payers[node.payer]].name,
        "cpt_group": None if node.series is None else cells.series[node.series][1],
        "reason": node.reason,
        "provisional": node.provisional,
        "baseline_weeks": node.baseline_weeks,
        "baseline_decided": node.baseline_decided,
        "most_claims": max((window.claims for window in node.windows), default=0),
        "most_expected": max((window.expected for window in node.windows), default=0.0),
        "worse": _direction_summary(node.worse, cells),
        "better": _direction_summary(node.better, cells),
    }


def _direction_summary(result: DirectionResult | None, cells: CellsAsOf) -> dict[str, Any] | None:
    if result is None:
        return None
    return {
        "p_value": result.p_value,
        "q_value": result.q_value,
        "tier": result.tier,
        "certainty": result.certainty,
        "unconfirmed": result.unconfirmed,
        **window_summary(result.telling, cells),
    }


def window_summary(result: WindowResult, cells: CellsAsOf) -> dict[str, Any]:
    """A window with its figures. `kind`: decided (weeks of decision), submitted (weeks of submission), or decisions
    (those of its weeks against the claims that waited)."""
    window = result.window
    return {
        "name": window.name,
        "kind": window.name.rpartition("_")[0],
        "weeks": window.last - window.first + 1,
        "first_week": cells.arrays.week_of(window.first).isoformat(),
        "last_week": cells.arrays.week_of(window.last).isoformat(),
        "observed": result.observed,
        "expected": result.expected,
        "variance": result.variance,
        "claims": result.claims,
        "effect": result.effect,
        "tested": result.tested,
    }


def baseline_summary(node: NodeResult, figures: Figures, cells: CellsAsOf) -> dict[str, Any]:
    """The weeks the expectation was made from, and what they held."""
    start, stop = baseline_span(cells.week_index)
    return {
        "first_week": cells.arrays.week_of(start).isoformat(),
        "last_week": cells.arrays.week_of(stop - 1).isoformat(),
        "weeks": node.baseline_weeks,
        "decided": figures.baseline_claims,
        "denial_rate": figures.baseline_rate,
    }
