"""`payerwatch remove_endpoint ENDPOINT --customer NAME`"""

from typing import Any

from django.core.management.base import CommandParser

from payerwatch.audit.record import Thing
from payerwatch.deliveries.endpoints import endpoint_with_id, remove_endpoint
from payerwatch.operations.command import Answer, PayerwatchCommand, add_customer_argument, changing


class Command(PayerwatchCommand):
    help = "Remove an endpoint. Nothing is sent there any more; what was sent stays to be looked up."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_customer_argument(parser)
        parser.add_argument("endpoint", metavar="ENDPOINT", help="end_…, as endpoints lists it")

    def answer(self, **options: Any) -> Answer:
        with changing(options["customer"], "remove", Thing("endpoint")) as actor:
            endpoint = endpoint_with_id(options["endpoint"])
            remove_endpoint(endpoint, actor=actor)
        return Answer({"removed": endpoint.public_id}, f"Removed {endpoint.public_id}.")
