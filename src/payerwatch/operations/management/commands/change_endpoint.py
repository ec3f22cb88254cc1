"""`payerwatch change_endpoint ENDPOINT --customer NAME [--enable] [--url URL] ...`"""

from typing import Any

from django.core.management.base import CommandParser

from payerwatch.audit.record import Thing
from payerwatch.deliveries.endpoints import change_endpoint, endpoint_with_id
from payerwatch.deliveries.event_types import EVENT_TYPES
from payerwatch.operations.command import Answer, PayerwatchCommand, add_customer_argument, changing


class Command(PayerwatchCommand):
    help = "Change where an endpoint is, what it is sent, or whether it is sent anything. What is left out stays."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_customer_argument(parser)
        parser.add_argument("endpoint", metavar="ENDPOINT", help="end_…, as endpoints lists it")
        parser.add_argument("--url", metavar="URL", help="https://…")
        parser.add_argument("--name", help="what it is for")
        parser.add_argument(
            "--type",
            action="extend",
            nargs="+",
            choices=sorted(EVENT_TYPES),
            metavar="TYPE",
            help=f"which messages: {', '.join(sorted(EVENT_TYPES))}",
        )
        switch = parser.add_mutually_exclusive_group()
        switch.add_argument("--enable", dest="enabled", action="store_true", default=None, help="send to it again")
        switch.add_argument("--disable", dest="enabled", action="store_false", help="send nothing to it")

    def answer(self, **options: Any) -> Answer:
        with changing(options["customer"], "change", Thing("endpoint")) as actor:
            about = {name: options[name] for name in ("url", "name", "enabled")} | {"event_types": options["type"]}
            endpoint = change_endpoint(endpoint_with_id(options["endpoint"]), **about, actor=actor)
        return Answer({"id": endpoint.public_id, "state": endpoint.state}, f"{endpoint.public_id} is {endpoint.state}.")
