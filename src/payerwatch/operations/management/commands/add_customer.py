"""`payerwatch add_customer NAME`"""

import shlex
from typing import Any

from django.core.management.base import CommandParser
from rich.markup import escape

from payerwatch import pipeline
from payerwatch.audit.actors import command_actor
from payerwatch.operations.command import Answer, PayerwatchCommand, program


class Command(PayerwatchCommand):
    help = "Add a customer: a practice whose claims are watched, kept apart from all others."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("name", metavar="NAME", help="the practice's name, in quotes if it has spaces")

    def answer(self, **options: Any) -> Answer:
        customer = pipeline.add_customer(options["name"], actor=command_actor())
        name, quoted = escape(customer.name), escape(shlex.quote(customer.name))
        text = f"Added [bold]{name}[/bold]. Next: {escape(program())} load FILE --customer {quoted}"
        return Answer({"customer": customer.name}, text)
