"""`payerwatch endpoints --customer NAME`"""

from typing import Any

from django.core.management.base import CommandParser
from rich.markup import escape

from payerwatch.deliveries.endpoints import endpoints
from payerwatch.deliveries.models import Endpoint
from payerwatch.deliveries.secrets import url_of
from payerwatch.operations.command import Answer, PayerwatchCommand, add_customer_argument
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.queries import customer_named

_WORDS = {"gone": "it answered that it is gone", "failing": "it failed for days", "by_hand": "by hand"}


class Command(PayerwatchCommand):
    help = "List where messages are sent, and how each is doing."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_customer_argument(parser)

    def answer(self, **options: Any) -> Answer:
        with acting_in(customer_named(options["customer"]), reading=True):
            found = [_document(endpoint) for endpoint in endpoints()]
        return Answer(found, "\n".join(map(_line, found)) or "There are no endpoints. Add one with add_endpoint.")


def _document(endpoint: Endpoint) -> dict[str, Any]:
    names = ("channel", "name", "event_types", "state", "disabled_because", "failing_since", "paused_until")
    return {"id": endpoint.public_id, "url": url_of(endpoint)} | {name: getattr(endpoint, name) for name in names}


def _line(endpoint: dict[str, Any]) -> str:
    doing = "well"
    if endpoint["state"] == Endpoint.State.DISABLED:
        doing = f"disabled: {_WORDS[endpoint['disabled_because']]}"
    elif endpoint["failing_since"] is not None:
        doing = f"failing since {endpoint['failing_since']:%Y-%m-%d %H:%M} UTC"
    return f"{endpoint['id']}  {endpoint['channel']}  {escape(endpoint['name'] or endpoint['url'])}  [dim]{doing}[/dim]"
