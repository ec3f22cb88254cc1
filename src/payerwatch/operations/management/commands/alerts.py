"""`payerwatch alerts --customer NAME [--state STATE]`"""

from typing import Any

from django.core.management.base import CommandParser
from rich.markup import escape

from payerwatch.alerts.actions import alerts
from payerwatch.alerts.models import Alert
from payerwatch.deliveries.standing import became_of
from payerwatch.operations.command import Answer, PayerwatchCommand, add_customer_argument
from payerwatch.operations.delivery_wording import arrived, unless_a_worker_lives
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.queries import customer_named

MOST = 200
_WORDS = {
    "noise_verdicts": "the last two about this payer and CPT group were found to be noise",
    "nobody_to_tell": "the rule has nobody to tell",
    "over": "it was over before it was sent",
    "taken_back": "its data were taken back",
    "triaged": "somebody called it noise or closed it",
    "rule_removed": "the rule was removed or switched off",
    "no_longer_so": "the event is no longer as the rule says, or an earlier alert has told the same",
    "time": "waits for its time",
    "snooze": "waits until the event is no longer snoozed",
    "feed": "waits until the data feed goes on",
}


class Command(PayerwatchCommand):
    help = f"List alerts, newest first, at most {MOST}: what was sent, what waits, what is held and why."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_customer_argument(parser)
        parser.add_argument("--state", choices=Alert.State.values, help="only those in this state")

    def answer(self, **options: Any) -> Answer:
        with acting_in(customer_named(options["customer"]), reading=True):
            chosen = alerts().order_by("-pk")
            if options["state"]:
                chosen = chosen.filter(state=options["state"])
            found = list(chosen[:MOST])
            became = became_of(alert.public_id for alert in found if alert.state == Alert.State.SENT)
            text = "\n".join(_line(alert, arrived(became[alert.public_id])) for alert in found)
            documents = [_document(alert) | {"messages": became[alert.public_id]} for alert in found]
        return Answer(documents, text or "There are no such alerts.", unless_a_worker_lives())


def _document(alert: Alert) -> dict[str, Any]:
    names = ("escalation", "state", "waits_for", "because", "due_at", "raised_at", "settled_at", "sentence")
    event, verdict = alert.event, alert.verdict
    document = {
        "id": alert.public_id,
        "rule": alert.rule.public_id,
        "drift_event": event.public_id if event is not None else None,
    }
    return document | {name: getattr(alert, name) for name in names} | {"verdict": verdict.kind if verdict else None}


def _line(alert: Alert, came_of_it: str) -> str:
    why = _WORDS.get(alert.because or alert.waits_for, "")
    due = f" ({alert.due_at:%Y-%m-%d %H:%M} UTC)" if alert.due_at is not None else ""
    said = f", found to be {alert.verdict.get_kind_display().lower()}" if alert.verdict is not None else ""
    return (
        f"{alert.state.upper():<9} {escape(alert.sentence)}\n"
        f"      [dim]{alert.public_id}, raised {alert.raised_at:%Y-%m-%d}{said}{f': {why}{due}' if why else ''}"
        f"{f', {came_of_it}' if came_of_it else ''}[/dim]"
    )
