"""`payerwatch add_customer NAME`"""

from typing import Any

from django.core.management.base import CommandParser

from payerwatch.operations.command import Answer, PayerwatchCommand
from payerwatch.tenancy.actions import add_customer


class Command(PayerwatchCommand):
    help = "Add a customer: a practice whose claims are watched, kept apart from all others."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("name", metavar="NAME", help="the practice's name, in quotes if it has spaces")

    def answer(self, **options: Any) -> Answer:
        customer = add_customer(options["name"])
        text = f"Added [bold]{customer.name}[/bold]. Next: payerwatch load FILE --customer {customer.name!r}"
        return Answer({"customer": customer.name}, text)
