"""`payerwatch judge ALERT real|noise|needs_follow_up --customer NAME`"""

from typing import Any

from django.core.management.base import CommandParser

from payerwatch.alerts.actions import alert_with_id
from payerwatch.alerts.feedback import give_verdict
from payerwatch.alerts.models import Verdict
from payerwatch.audit.record import Thing
from payerwatch.operations.command import Answer, PayerwatchCommand, add_customer_argument, changing, dollars


class Command(PayerwatchCommand):
    help = (
        "Say what an alert was. Two that were noise within 30 days hold back the next about the same payer and CPT "
        "group. Said again, it takes the place of what was said before."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_customer_argument(parser)
        parser.add_argument("alert", metavar="ALERT", help="alr_…, as alerts lists it")
        parser.add_argument("verdict", choices=Verdict.Kind.values)
        parser.add_argument("--reason", choices=Verdict.Reason.values, default="", help="why")
        parser.add_argument("--recovered", type=dollars, metavar="DOLLARS", help="what came back, of one that was real")
        parser.add_argument("--note", help="for the team; name no patient")

    def answer(self, **options: Any) -> Answer:
        with changing(options["customer"], "judge", Thing("alert")) as actor:
            said = {"reason": options["reason"], "recovered_amount": options["recovered"], "note": options["note"]}
            verdict = give_verdict(alert_with_id(options["alert"]), options["verdict"], **said, actor=actor)
        return Answer({"verdict": verdict.public_id, "kind": verdict.kind}, f"Noted as {options['verdict']}.")
