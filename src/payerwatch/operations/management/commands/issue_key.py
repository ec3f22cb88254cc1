"""`payerwatch issue_key --customer NAME --name NAME --scope SCOPE...`"""

from typing import Any

from django.core.management.base import CommandParser
from rich.markup import escape

from payerwatch.audit.actors import command_actor
from payerwatch.members import keys
from payerwatch.members.roles import SCOPES
from payerwatch.operations.command import Answer, PayerwatchCommand, add_customer_argument
from payerwatch.tenancy.queries import customer_named


class Command(PayerwatchCommand):
    help = "Issue an API key, by which a program acts in one customer. The key is printed this once and not stored."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_customer_argument(parser)
        parser.add_argument("--name", required=True, help="what the key is for, such as 'nightly load'")
        parser.add_argument(
            "--scope",
            required=True,
            action="extend",
            nargs="+",
            metavar="SCOPE",
            help=f"what it may do: {', '.join(sorted(SCOPES))}",
        )
        parser.add_argument(
            "--expires-in-days",
            type=int,
            default=keys.DEFAULT_DAYS,
            metavar="N",
            help=f"1 to {keys.LONGEST_DAYS}; %(default)s unless given",
        )
        parser.add_argument(
            "--address",
            action="extend",
            nargs="+",
            default=[],
            metavar="NETWORK",
            help="where it may call from, such as 203.0.113.0/24; anywhere unless given",
        )

    def answer(self, **options: Any) -> Answer:
        issued = keys.issue_key(
            customer_named(options["customer"]),
            name=options["name"],
            scopes=options["scope"],
            expires_in_days=options["expires_in_days"],
            allowed_addresses=options["address"],
            actor=command_actor(),
        )
        key = issued.key
        document = {
            "id": key.public_id,
            "name": key.name,
            "key": issued.text,
            "scopes": key.scopes,
            "allowed_addresses": key.allowed_addresses,
            "expires_at": key.expires_at,
        }
        text = (
            f"{issued.text}\n\nThis is the key {escape(key.name)} ({key.public_id}), good until "
            f"{key.expires_at:%Y-%m-%d}. Keep it now: it is not shown again."
        )
        return Answer(document, text)
