"""`payerwatch remove_rule RULE --customer NAME`"""

from typing import Any

from django.core.management.base import CommandParser

from payerwatch.alerts.rules import remove_rule, rule_with_id
from payerwatch.audit.record import Thing
from payerwatch.operations.command import Answer, PayerwatchCommand, add_customer_argument, changing


class Command(PayerwatchCommand):
    help = "Remove a rule. It tells nothing more; what it has told stays to be looked up."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_customer_argument(parser)
        parser.add_argument("rule", metavar="RULE", help="rul_…, as rules lists it")

    def answer(self, **options: Any) -> Answer:
        with changing(options["customer"], "remove", Thing("rule")) as actor:
            rule = rule_with_id(options["rule"])
            remove_rule(rule, actor=actor)
        return Answer({"removed": rule.public_id}, f"Removed {rule.public_id}.")
