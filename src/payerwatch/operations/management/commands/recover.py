"""`payerwatch recover ENDPOINT --customer NAME --since WHEN`"""

from argparse import ArgumentTypeError
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandParser

from payerwatch.audit.record import Thing
from payerwatch.deliveries.endpoints import endpoint_with_id, recover
from payerwatch.operations.command import Answer, PayerwatchCommand, add_customer_argument, changing


class Command(PayerwatchCommand):
    help = "Send again what has not arrived at an endpoint since then, each message under the id that it has."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_customer_argument(parser)
        parser.add_argument("endpoint", metavar="ENDPOINT", help="end_…, as endpoints lists it")
        parser.add_argument(
            "--since", type=moment, required=True, metavar="WHEN", help="such as 2026-01-31T13:00 (UTC)"
        )

    def answer(self, **options: Any) -> Answer:
        with changing(options["customer"], "recover", Thing("endpoint")) as actor:
            count = recover(endpoint_with_id(options["endpoint"]), options["since"], actor=actor)
        return Answer({"messages": count}, f"{count:,} messages are on their way again.")


def moment(text: str) -> datetime:
    """A time, in UTC where it does not say. Raises ArgumentTypeError, which is a usage error."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError("write the time as YYYY-MM-DDThh:mm, such as 2026-01-31T13:00") from None
    return read if read.tzinfo else read.replace(tzinfo=UTC)
