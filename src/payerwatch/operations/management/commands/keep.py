"""`payerwatch keep --customer NAME [--claims DAYS|forever] [--messages DAYS|forever]`"""

import argparse
from typing import Any

from django.core.management.base import CommandParser
from rich.markup import escape

from payerwatch.audit.record import Thing
from payerwatch.forgetting import Terms, keep_for, terms_of
from payerwatch.operations.command import Answer, PayerwatchCommand, add_customer_argument, changing
from payerwatch.tenancy.queries import customer_named

FOREVER = "forever"


class Command(PayerwatchCommand):
    help = "For how long a customer's claims and messages are kept. What is left out stays as it is."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_customer_argument(parser)
        parser.add_argument("--claims", type=_days, metavar="DAYS|forever", help="claims, by their dates")
        parser.add_argument("--messages", type=_days, metavar="DAYS|forever", help="messages, once they are settled")

    def answer(self, **options: Any) -> Answer:
        customer = customer_named(options["customer"])
        present = terms_of(customer)
        terms = Terms(
            _chosen(options["claims"], present.claims_days), _chosen(options["messages"], present.messages_days)
        )
        if terms != present:
            with changing(options["customer"], "keep_for", Thing("customer")) as actor:
                keep_for(customer, terms, actor=actor)
        document = {"customer": customer.name, "claims_days": terms.claims_days, "messages_days": terms.messages_days}
        text = f"{customer.name}: claims are kept {_told(terms.claims_days)}, messages {_told(terms.messages_days)}."
        return Answer(document, escape(text))


def _chosen(asked: int | None, present: int | None) -> int | None:
    """0 stands for forever."""
    return present if asked is None else asked or None


def _told(days: int | None) -> str:
    return FOREVER if days is None else f"for {days:,} days"


def _days(text: str) -> int:
    if text == FOREVER:
        return 0
    if not (text.isascii() and text.isdigit() and int(text[:9]) > 0):
        raise argparse.ArgumentTypeError("write a number of days, or forever")
    return int(text[:9])
