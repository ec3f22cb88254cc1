"""`payerwatch send_test_event ENDPOINT --customer NAME [--wait SECONDS]`"""

import re
import time
from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import CommandParser

from payerwatch.audit.record import Thing
from payerwatch.deliveries.endpoints import endpoint_with_id, send_test_event
from payerwatch.deliveries.models import Attempt, Message
from payerwatch.operations.command import Answer, PayerwatchCommand, add_customer_argument, changing
from payerwatch.operations.delivery_wording import came_back, unless_a_worker_lives
from payerwatch.tenancy.context import acting_in, current_customer_id

LOOK_SECONDS = 0.2


class Command(PayerwatchCommand):
    help = "Send an endpoint a message of the type endpoint.test, to see whether messages arrive."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_customer_argument(parser)
        parser.add_argument("endpoint", metavar="ENDPOINT", help="end_…, as endpoints lists it")
        parser.add_argument(
            "--wait", type=_seconds, default=10.0, metavar="SECONDS", help="for what comes of it, default 10"
        )

    def answer(self, **options: Any) -> Answer:
        with changing(options["customer"], "test", Thing("endpoint")) as actor:
            message = send_test_event(endpoint_with_id(options["endpoint"]), actor=actor)
            customer_id = current_customer_id()
        attempt = _first_attempt(message, customer_id, options["wait"])
        arrived = bool(attempt) and message.state == Message.State.DELIVERED
        document = {
            "message": message.public_id,
            "arrived": arrived,
            "status": attempt.status if attempt else None,
            "failure": (attempt.failure or None) if attempt else None,
        }
        if attempt is None:
            return Answer(document, f"On its way: {message.public_id}.", unless_a_worker_lives())
        if arrived:
            return Answer(document, f"Arrived, answered {attempt.status}: {message.public_id}.")
        again = " It is tried again." if message.state == Message.State.WAITING else ""
        return Answer(
            document, f"Not arrived: {message.public_id}. {came_back(attempt.status, attempt.failure)}{again}"
        )


def _first_attempt(message: Message, customer_id: int, wait: float) -> Attempt | None:
    """What came of it, once something did, with the message brought up to that; None where nothing did in time."""
    until = time.monotonic() + wait
    while True:
        with acting_in(customer_id, reading=True):
            attempt = Attempt.objects.filter(message=message).order_by("number").first()
            message.refresh_from_db()
        if attempt is not None or time.monotonic() >= until:
            return attempt
        time.sleep(LOOK_SECONDS)


def _seconds(text: str) -> float:
    """Raises ArgumentTypeError, which is a usage error."""
    if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,3})?", text):
        raise ArgumentTypeError("write a number of seconds, such as 10")
    return float(text)
