"""`payerwatch rules --customer NAME [--replay]`"""

from typing import Any

from django.core.management.base import CommandParser
from rich.markup import escape

from payerwatch.alerts.models import Rule
from payerwatch.alerts.replay import replay_rule
from payerwatch.alerts.rules import rule_sentence, rules
from payerwatch.operations.command import Answer, PayerwatchCommand, add_customer_argument
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.queries import customer_named


class Command(PayerwatchCommand):
    help = "List the rules that say who is told of what; with --replay, what each would have told in 90 days."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_customer_argument(parser)
        parser.add_argument("--replay", action="store_true", help="put each to the 90 days up to the last week judged")

    def answer(self, **options: Any) -> Answer:
        with acting_in(customer_named(options["customer"]), reading=True):
            documents = [_document(rule, replay=options["replay"]) for rule in rules()]
        lines = [line for each in documents for line in _lines(each)]
        return Answer(documents, "\n".join(lines) or "There are no rules: nobody is told. Add one with add_rule.")


def _document(rule: Rule, *, replay: bool) -> dict[str, Any]:
    document: dict[str, Any] = {
        "id": rule.public_id,
        "name": rule.name,
        "sentence": rule_sentence(rule),
        "enabled": rule.enabled,
    }
    if replay:
        found = replay_rule(rule)
        counts = ("weeks", "would_have_sent", "confirmed", "noise", "sentence")
        document["replay"] = {"until": found.until.isoformat(), **{name: getattr(found, name) for name in counts}}
    return document


def _lines(rule: dict[str, Any]) -> list[str]:
    off = "" if rule["enabled"] else " [dim](switched off)[/dim]"
    lines = [f"{rule['id']}{off}  {escape(rule['sentence'])}"]
    return [*lines, f"      {rule['replay']['sentence']}"] if "replay" in rule else lines
