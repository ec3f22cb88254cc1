"""`payerwatch endpoints --customer NAME`"""

from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser
from rich.markup import escape

from payerwatch.deliveries.endpoints import endpoints
from payerwatch.deliveries.models import Endpoint
from payerwatch.deliveries.secrets import url_of
from payerwatch.deliveries.standing import standing_of
from payerwatch.operations.command import Answer, PayerwatchCommand, add_customer_argument
from payerwatch.operations.delivery_wording import came_back
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
    document = {"id": endpoint.public_id, "url": url_of(endpoint)} | {name: getattr(endpoint, name) for name in names}
    standing = standing_of(endpoint)
    return document | {
        "was_tried": standing.was_tried,
        "last_failure": standing.failure or None,
        "last_status": standing.status,
        "next_attempt_at": standing.next_at,
    }


def _line(endpoint: dict[str, Any]) -> str:
    doing = "well" if endpoint["was_tried"] else "nothing was sent there yet"
    if endpoint["state"] == Endpoint.State.DISABLED:
        doing = f"disabled: {_WORDS[endpoint['disabled_because']]}"
    elif endpoint["failing_since"] is not None:
        doing = f"failing since {_minute(endpoint['failing_since'])}{_why(endpoint)}"
    return f"{endpoint['id']}  {endpoint['channel']}  {escape(endpoint['name'] or endpoint['url'])}  [dim]{doing}[/dim]"


def _why(endpoint: dict[str, Any]) -> str:
    said = came_back(endpoint["last_status"], endpoint["last_failure"])
    due = endpoint["next_attempt_at"]
    return f": {said}{f' Next try {_minute(due)}.' if due is not None else ''}" if said else ""


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
