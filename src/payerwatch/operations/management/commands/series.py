"""`payerwatch series --customer NAME`"""

from typing import Any

from django.core.management.base import CommandParser
from rich.markup import escape

from payerwatch.drift.decision_delay import EXPECTED_MINIMUM
from payerwatch.drift.models import DriftEvent, DriftRun
from payerwatch.drift.parameters import DEFAULTS
from payerwatch.drift.queries import newest_run
from payerwatch.drift.rate_baseline import BASELINE_MINIMUM, WINDOW_MINIMUM
from payerwatch.operations.command import Answer, PayerwatchCommand, add_customer_argument
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.queries import customer_named


class Command(PayerwatchCommand):
    help = "List every payer and CPT group of the newest run: judged, or why not."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_customer_argument(parser)

    def answer(self, **options: Any) -> Answer:
        with acting_in(customer_named(options["customer"]), reading=True):
            run = newest_run()
            if run is None:
                return Answer([], "Nothing was judged yet. Run: payerwatch detect --customer NAME")
        rows = [{"as_of_week": run.as_of_week, "run": run.public_id, **_row(node)} for node in run.nodes]
        rows.sort(key=lambda row: (row["payer"], row["cpt_group"] or "", row["measure"]))
        return Answer(rows, _text(run, rows))


def _row(node: dict[str, Any]) -> dict[str, Any]:
    worse, better = node["worse"] or {}, node["better"] or {}
    return {
        "payer": node["payer"],
        "cpt_group": node["cpt_group"],
        "measure": node["measure"],
        "judged": node["reason"] is None,
        "reason": node["reason"],
        "says": _says(node),
        "baseline_weeks": node["baseline_weeks"],
        "baseline_decided": node["baseline_decided"],
        "most_claims": node["most_claims"],
        "observed": worse.get("observed"),
        "expected": worse.get("expected"),
        "claims": worse.get("claims"),
        "effect": worse.get("effect"),
        "p_value": worse.get("p_value"),
        "q_value": worse.get("q_value"),
        "tier": worse.get("tier"),
        "unconfirmed": worse.get("unconfirmed"),
        "p_value_better": better.get("p_value"),
        "q_value_better": better.get("q_value"),
        "tier_better": better.get("tier"),
    }


def _says(node: dict[str, Any]) -> str:
    """The node's state in a few words, such as "learning, 5 of 8 weeks"."""
    if node["reason"] == "learning":
        return f"learning, {node['baseline_weeks']} of {DEFAULTS.baseline_weeks_minimum} weeks"
    if node["reason"] == "too_few":
        return f"too few claims: {_too_few(node)}"
    if node["reason"] is not None:
        return {"no_pending": "not judged: no pending claims", "data_feed_stalled": "not judged: feed stalled"}[
            node["reason"]
        ]
    for direction in ("worse", "better"):
        if node[direction]["tier"]:
            held_back = ", held back by the second test" if node[direction]["unconfirmed"] else ""
            return f"{direction}: {node[direction]['tier']}{held_back}"
    return "as usual"


def _too_few(node: dict[str, Any]) -> str:
    """What there is and what is needed."""
    if node["measure"] == DriftEvent.Measure.DAYS_TO_DECISION:
        return f"{node['most_expected']:.1f} decisions expected lately, {EXPECTED_MINIMUM} needed"
    if node["baseline_decided"] < BASELINE_MINIMUM:
        return f"{node['baseline_decided']} decided in the baseline, {BASELINE_MINIMUM} needed"
    return f"{node['most_claims']} decided lately, {WINDOW_MINIMUM} needed"


def _text(run: DriftRun, rows: list[dict[str, Any]]) -> str:
    lines = [f"Week of {run.as_of_week}", ""]
    for row in rows:
        who = row["payer"] + (f" / {row['cpt_group']}" if row["cpt_group"] else " (all)")
        lines.append(f"{escape(who):<52} {row['measure']:<17} {row['says']}")
    return "\n".join(lines)
