"""`payerwatch events --customer NAME [--watch] [--all]`"""

from typing import Any

from django.core.management.base import CommandParser

from payerwatch.drift.documents import event_document
from payerwatch.drift.queries import events
from payerwatch.operations.command import Answer, PayerwatchCommand, add_customer_argument
from payerwatch.operations.wording import events_text
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.queries import customer_named


class Command(PayerwatchCommand):
    help = "List what changed: open alerts that got worse, most certain first."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_customer_argument(parser)
        parser.add_argument("--watch", action="store_true", help="also what is only watched, and what got better")
        parser.add_argument("--all", action="store_true", help="also what is over")

    def answer(self, **options: Any) -> Answer:
        with acting_in(customer_named(options["customer"]), reading=True):
            found = list(events(watch=options["watch"] or options["all"], closed=options["all"]))
            return Answer([event_document(event) for event in found], events_text(found))
