"""`payerwatch triage EVENT acknowledge|snooze|noise|close|note --customer NAME`"""

from datetime import date
from typing import Any

from django.core.management.base import CommandParser

from payerwatch.alerts.feedback import call_noise
from payerwatch.audit.actors import Actor
from payerwatch.audit.record import Thing
from payerwatch.drift.models import DriftEvent
from payerwatch.drift.queries import event_with_id
from payerwatch.drift.triage import (
    CLOSE_REASONS,
    NOISE_REASONS,
    SnoozeUnusable,
    Until,
    acknowledge_event,
    close_event,
    note_on_event,
    snooze_event,
)
from payerwatch.operations.command import Answer, PayerwatchCommand, add_customer_argument, changing

ACTIONS = ("acknowledge", "snooze", "noise", "close", "note")


class Command(PayerwatchCommand):
    help = (
        "Say what is done about a drift event: acknowledge it, snooze it (--until worse, upload or a date), call it "
        "noise or close it (--reason), or note something (--note)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_customer_argument(parser)
        parser.add_argument("event", metavar="EVENT", help="evt_…, as events lists it")
        parser.add_argument("action", choices=ACTIONS)
        parser.add_argument("--until", metavar="WHEN", help="of a snooze: worse (by a quarter), upload, or YYYY-MM-DD")
        parser.add_argument(
            "--reason", default="", help=f"noise: {', '.join(NOISE_REASONS)}; close: {', '.join(CLOSE_REASONS)}"
        )
        parser.add_argument("--note", help="for the team; name no patient")

    def answer(self, **options: Any) -> Answer:
        with changing(options["customer"], options["action"], Thing("drift_event")) as actor:
            event = _act(event_with_id(options["event"]), options, actor)
        document = {"event": event.public_id, "triage": event.triage, "reason": event.triage_reason}
        return Answer(document, f"{event.public_id} is {event.triage}.")


def _act(event: DriftEvent, options: dict[str, Any], actor: Actor) -> DriftEvent:
    reason, note = options["reason"], options["note"]
    match options["action"]:
        case "acknowledge":
            return acknowledge_event(event, note=note, actor=actor)
        case "snooze":
            return snooze_event(event, _until(options["until"] or ""), note=note, actor=actor)
        case "noise":
            return call_noise(event, reason, note=note, actor=actor)
        case "close":
            return close_event(event, reason, note=note, actor=actor)
        case _:
            return note_on_event(event, note or "", actor=actor)


def _until(text: str) -> Until:
    """Raises SnoozeUnusable."""
    if text in (DriftEvent.Snooze.WORSE, DriftEvent.Snooze.UPLOAD):
        return Until(text)
    try:
        return Until(DriftEvent.Snooze.DATE, date.fromisoformat(text))
    except ValueError:
        raise SnoozeUnusable from None
