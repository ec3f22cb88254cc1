"""`payerwatch explain EVENT --customer NAME`"""

from typing import Any

from django.core.management.base import CommandParser
from rich.markup import escape

from payerwatch.audit.actors import command_actor
from payerwatch.audit.record import Thing, record
from payerwatch.drift.documents import event_document, event_sentence
from payerwatch.drift.explaining import Explanation, explain_event
from payerwatch.drift.models import DriftEvent
from payerwatch.drift.queries import event_with_id
from payerwatch.operations.charting import event_chart
from payerwatch.operations.command import Answer, PayerwatchCommand, add_customer_argument
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.queries import customer_named

CLAIMS_LISTED = 20


class Command(PayerwatchCommand):
    help = "Show what stands behind a drift event: chart, windows, baseline and the claims."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_customer_argument(parser)
        parser.add_argument("event", metavar="EVENT", help="the event's id, evt_…")
        parser.add_argument(
            "--claims", type=int, help=f"how many claim numbers to list (default {CLAIMS_LISTED}; all with --json)"
        )

    def answer(self, **options: Any) -> Answer:
        with acting_in(customer_named(options["customer"]), reading=True):
            event = event_with_id(options["event"])
            explanation = explain_event(event, claims=_wanted(options["claims"], as_json=options["json"]))
            read = {"filter": {"drift_event": event.public_id}, "count": len(explanation.claim_numbers)}
            record("read", Thing("claim"), actor=command_actor(), after=read)
            return Answer(_document(explanation), self._text(explanation))

    def _text(self, explanation: Explanation) -> str:
        event = explanation.event
        parts = [f"[bold]{escape(event_sentence(event))}[/bold]", ""]
        parts += [event_chart(explanation, self.console()), ""]
        parts += [*_windows(event), *_baseline(explanation), *_claims(explanation)]
        return "\n".join(parts)


def _wanted(claims: int | None, *, as_json: bool) -> int | None:
    """How many claim numbers to list; None for all."""
    if claims is None:
        return None if as_json else CLAIMS_LISTED
    return max(0, claims)


def _windows(event: DriftEvent) -> list[str]:
    kinds = {"decided": "decided in", "submitted": "submitted in", "decisions": "waiting in"}
    lines = ["Windows (what was seen, what was expected):"]
    for window in event.windows:
        mark = ">" if window["name"] == event.window["name"] else " "
        lines.append(
            f" {mark} {kinds[window['kind']]} the last {_weeks(window['weeks']):>8}: {window['observed']:>6,} seen, "
            f"{window['expected']:>8,.1f} expected, of {window['claims']:,} claims"
        )
    return [*lines, f"p = {event.p_value:.2g} over all windows; q = {event.q_value:.2g} over all tests of the run."]


def _weeks(number: int) -> str:
    return "week" if number == 1 else f"{number} weeks"


def _baseline(explanation: Explanation) -> list[str]:
    baseline = explanation.event.baseline
    line = (
        f"Expected from: weeks of {baseline['first_week']} to {baseline['last_week']}, "
        f"{baseline['decided']:,} claims decided"
    )
    if baseline["denial_rate"] is not None:
        line += f", {baseline['denial_rate']:.1%} denied"
    lines = [f"{line}."]
    before, now = explanation.median_days_before, explanation.median_days_now
    if before is not None:
        told = "not reached" if now is None else f"{now:.0f}"
        lines.append(f"Median days to decision: {before:.0f} then, {told} in the last 4 weeks.")
    return lines


def _claims(explanation: Explanation) -> list[str]:
    numbers = explanation.claim_numbers
    kind = "denied" if explanation.event.measure == DriftEvent.Measure.DENIAL_RATE else "waiting"
    unnumbered = sum(number.startswith("~") for number in numbers)
    listed = f"; the oldest {len(numbers):,}:" if numbers else "."
    lines = [f"Claims behind it: {explanation.claims_behind:,} {kind}{listed}"]
    lines += [f"  {escape(number)}" for number in numbers if not number.startswith("~")]
    if unnumbered:
        lines.append(f"  and {unnumbered} rows that came without a claim number")
    return lines


def _document(explanation: Explanation) -> dict[str, Any]:
    weeks = explanation.weeks
    event = explanation.event
    return {
        **event_document(event),
        "windows": event.windows,
        "baseline": event.baseline,
        "history": event.history,
        "median_days_before": explanation.median_days_before,
        "median_days_now": explanation.median_days_now,
        "claims_behind": explanation.claims_behind,
        "claim_numbers": explanation.claim_numbers,
        "weeks": weeks
        and [
            {"week": week, "observed": seen, "expected": expected, "low": low, "high": high}
            for week, seen, expected, low, high in zip(
                weeks.weeks, weeks.observed, weeks.expected, weeks.low, weeks.high, strict=True
            )
        ],
    }
