"""`payerwatch release ALERT --customer NAME`"""

from typing import Any

from django.core.management.base import CommandParser

from payerwatch.alerts.actions import alert_with_id, release_alert
from payerwatch.audit.record import Thing
from payerwatch.operations.command import Answer, PayerwatchCommand, add_customer_argument, changing


class Command(PayerwatchCommand):
    help = "Send an alert that is held."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_customer_argument(parser)
        parser.add_argument("alert", metavar="ALERT", help="alr_…, as alerts --state held lists it")

    def answer(self, **options: Any) -> Answer:
        with changing(options["customer"], "release", Thing("alert")) as actor:
            alert = release_alert(alert_with_id(options["alert"]), actor=actor)
        return Answer({"alert": alert.public_id, "state": alert.state}, f"{alert.public_id} is {alert.state}.")
