"""`payerwatch map_payer RAW PAYER --customer NAME`"""

from typing import Any

from django.core.management.base import CommandParser
from rich.markup import escape

from payerwatch import pipeline
from payerwatch.audit.actors import command_actor
from payerwatch.operations.command import Answer, PayerwatchCommand, add_customer_argument
from payerwatch.tenancy.queries import customer_named


class Command(PayerwatchCommand):
    help = "Say which payer a spelling in files means. Claims loaded before follow; the next detect sees it."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_customer_argument(parser)
        parser.add_argument("raw", metavar="RAW", help="the name as files write it, such as UHC")
        parser.add_argument("payer", metavar="PAYER", help="the payer it means, such as UnitedHealthcare")

    def answer(self, **options: Any) -> Answer:
        customer = customer_named(options["customer"])
        mapping, _ = pipeline.map_payer(customer, options["raw"], options["payer"], actor=command_actor())
        document = {"raw": mapping.raw_name, "payer": mapping.payer.name}
        return Answer(document, f"{escape(mapping.raw_name)} is now [bold]{escape(mapping.payer.name)}[/bold].")
