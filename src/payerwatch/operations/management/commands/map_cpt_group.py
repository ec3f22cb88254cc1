"""`payerwatch map_cpt_group CODES GROUP --customer NAME`"""

from typing import Any

from django.core.management.base import CommandParser
from rich.markup import escape

from payerwatch import pipeline
from payerwatch.audit.actors import command_actor
from payerwatch.operations.command import Answer, PayerwatchCommand, add_customer_argument
from payerwatch.tenancy.queries import customer_named


class Command(PayerwatchCommand):
    help = "Group CPT/HCPCS codes your own way. Claims loaded before follow; the next detect sees it."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_customer_argument(parser)
        parser.add_argument("codes", metavar="CODES", help="one code or a range, such as 97110 or 97110-97150")
        parser.add_argument("group", metavar="GROUP", help="the group's name, such as physical_therapy")

    def answer(self, **options: Any) -> Answer:
        customer = customer_named(options["customer"])
        code_from, _, code_to = options["codes"].partition("-")
        mapping, _ = pipeline.map_cpt_group(
            customer, code_from, code_to or code_from, options["group"], actor=command_actor()
        )
        document = {
            "code_from": mapping.code_from,
            "code_to": mapping.code_to,
            "cpt_group": mapping.cpt_group,
        }
        text = f"{mapping.code_from}-{mapping.code_to} is now [bold]{escape(mapping.cpt_group)}[/bold]."
        return Answer(document, text)
