"""`payerwatch add_endpoint URL --customer NAME`"""

from typing import Any

from django.core.management.base import CommandParser

from payerwatch.audit.record import Thing
from payerwatch.deliveries.channels import endpoint_channels
from payerwatch.deliveries.endpoints import add_endpoint
from payerwatch.deliveries.event_types import EVENT_TYPES
from payerwatch.operations.command import Answer, PayerwatchCommand, add_customer_argument, changing


class Command(PayerwatchCommand):
    help = "Add an address that messages are sent to. Its signing secret is printed this once."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_customer_argument(parser)
        parser.add_argument("url", metavar="URL", help="https://…")
        parser.add_argument("--channel", choices=[name for name, _ in endpoint_channels()], default="webhook")
        parser.add_argument("--name", default="", help="what it is for")
        parser.add_argument(
            "--type",
            action="extend",
            nargs="+",
            default=[],
            choices=sorted(EVENT_TYPES),
            metavar="TYPE",
            help=f"which messages; all unless given: {', '.join(sorted(EVENT_TYPES))}",
        )

    def answer(self, **options: Any) -> Answer:
        with changing(options["customer"], "add", Thing("endpoint")) as actor:
            about = {"channel": options["channel"], "name": options["name"], "event_types": options["type"]}
            endpoint, secret = add_endpoint(options["url"], **about, actor=actor)
        document = {"id": endpoint.public_id, "channel": endpoint.channel, "secret": secret}
        keep = f"\n\n{secret}\n\nThis is its signing secret. Keep it now: it is not shown again." if secret else ""
        return Answer(document, f"Added {endpoint.public_id}.{keep}")
