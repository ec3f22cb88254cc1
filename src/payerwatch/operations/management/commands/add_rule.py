"""`payerwatch add_rule --customer NAME --recipient EMAIL... [--measure ...] [--payer NAME] ...`"""

from typing import Any

from django.core.management.base import CommandParser
from rich.markup import escape

from payerwatch.alerts.models import Rule
from payerwatch.alerts.routing import CERTAINTIES
from payerwatch.alerts.rules import add_rule, rule_sentence
from payerwatch.audit.record import Thing
from payerwatch.drift.models import DriftEvent
from payerwatch.members.queries import member_with_email
from payerwatch.operations.command import Answer, PayerwatchCommand, add_customer_argument, changing, dollars


class Command(PayerwatchCommand):
    help = (
        "Add a rule: which changes are told, to whom and when. It tells of what is open now from the next judgement "
        "on. What is left out means any."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_customer_argument(parser)
        parser.add_argument("--name", default="", help="what it is for")
        parser.add_argument("--measure", choices=DriftEvent.Measure.values, default="", help="what changes")
        parser.add_argument(
            "--direction", choices=[*DriftEvent.Direction.values, "any"], default="worse", help="default %(default)s"
        )
        parser.add_argument("--level", choices=Rule.Level.values, default="", help="only payers, or only CPT groups")
        parser.add_argument("--certainty", choices=CERTAINTIES, default="likely", help="at least; default %(default)s")
        parser.add_argument("--least-amount", type=dollars, default=0, metavar="DOLLARS", help="at risk")
        parser.add_argument("--payer", metavar="NAME", help="only this payer")
        parser.add_argument("--cpt-group", default="", metavar="GROUP", help="only this CPT group")
        parser.add_argument(
            "--recipient", action="extend", nargs="+", default=[], metavar="EMAIL", help="members told by e-mail"
        )
        parser.add_argument(
            "--endpoint",
            action="extend",
            nargs="+",
            default=[],
            metavar="ENDPOINT",
            help="endpoints told, end_…; all that subscribe unless given",
        )
        parser.add_argument("--daily-at", type=int, metavar="HOUR", help="gather them for a daily digest at this hour")
        parser.add_argument("--quiet", type=int, nargs=2, metavar=("FROM", "UNTIL"), help="hours in which it is quiet")
        parser.add_argument(
            "--cool-down-hours", type=int, default=24, metavar="N", help="between alerts about the same; default 24"
        )

    def answer(self, **options: Any) -> Answer:
        with changing(options["customer"], "add", Thing("rule")) as actor:
            recipients = [member_with_email(each).public_id for each in options["recipient"]]
            rule = add_rule(_terms(options) | {"recipients": recipients}, actor=actor)
            document = {"id": rule.public_id, "sentence": rule_sentence(rule)}
        text = f"{rule.public_id}: {escape(document['sentence'])}\nIt counts from the next judgement on."
        return Answer(document, text)


def _terms(options: dict[str, Any]) -> dict[str, Any]:
    names = ("name", "measure", "level", "certainty", "payer", "cpt_group", "cool_down_hours", "least_amount")
    terms = {name: options[name] for name in names}
    terms["direction"] = "" if options["direction"] == "any" else options["direction"]
    terms["endpoints"] = options["endpoint"]
    if options["daily_at"] is not None:
        terms |= {"cadence": Rule.Cadence.DAILY, "digest_hour": options["daily_at"]}
    if options["quiet"]:
        terms["quiet_from"], terms["quiet_until"] = options["quiet"]
    return terms
