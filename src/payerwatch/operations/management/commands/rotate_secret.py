"""`payerwatch rotate_secret ENDPOINT --customer NAME [--overlap-hours N]`"""

from datetime import timedelta
from typing import Any

from django.core.management.base import CommandParser

from payerwatch.audit.record import Thing
from payerwatch.deliveries.endpoints import endpoint_with_id, rotate_secret
from payerwatch.operations.command import Answer, PayerwatchCommand, add_customer_argument, changing


class Command(PayerwatchCommand):
    help = "Make a new signing secret for an endpoint. Until the overlap ends messages are signed with both."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_customer_argument(parser)
        parser.add_argument("endpoint", metavar="ENDPOINT", help="end_…, as endpoints lists it")
        parser.add_argument("--overlap-hours", type=int, default=24, choices=range(169), metavar="N", help="default 24")

    def answer(self, **options: Any) -> Answer:
        with changing(options["customer"], "rotate", Thing("endpoint")) as actor:
            overlap = timedelta(hours=options["overlap_hours"])
            endpoint, secret = rotate_secret(endpoint_with_id(options["endpoint"]), overlap=overlap, actor=actor)
        text = f"{secret}\n\nThis is the new secret of {endpoint.public_id}. Keep it now: it is not shown again."
        return Answer({"id": endpoint.public_id, "secret": secret}, text)
