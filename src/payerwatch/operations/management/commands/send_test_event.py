"""`payerwatch send_test_event ENDPOINT --customer NAME`"""

from typing import Any

from django.core.management.base import CommandParser

from payerwatch.audit.record import Thing
from payerwatch.deliveries.endpoints import endpoint_with_id, send_test_event
from payerwatch.operations.command import Answer, PayerwatchCommand, add_customer_argument, changing


class Command(PayerwatchCommand):
    help = "Send an endpoint a message of the type endpoint.test, to see whether messages arrive."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_customer_argument(parser)
        parser.add_argument("endpoint", metavar="ENDPOINT", help="end_…, as endpoints lists it")

    def answer(self, **options: Any) -> Answer:
        with changing(options["customer"], "test", Thing("endpoint")) as actor:
            message = send_test_event(endpoint_with_id(options["endpoint"]), actor=actor)
        return Answer({"message": message.public_id}, f"On its way: {message.public_id}.")
