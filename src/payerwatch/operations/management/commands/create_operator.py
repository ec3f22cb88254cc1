"""`payerwatch create_operator --email EMAIL --name NAME`"""

from typing import Any

from django.core.management.base import CommandParser
from rich.markup import escape

from payerwatch.audit.actors import command_actor
from payerwatch.members.email_addresses import email_address
from payerwatch.members.people import add_operator, person_name, refuse_taken
from payerwatch.operations.command import Answer, PayerwatchCommand
from payerwatch.operations.passwords import add_password_argument, read_password


class Command(PayerwatchCommand):
    help = (
        "Add an operator: someone who runs the installation, and enters a customer with a reason that is recorded. "
        "The password is asked for, or read from standard input."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--email", required=True, help="what they sign in with")
        parser.add_argument("--name", required=True, help="their name, as the audit trail will show it")
        add_password_argument(parser)

    def answer(self, **options: Any) -> Answer:
        email, name = email_address(options["email"]), person_name(options["name"])
        refuse_taken(email)
        password = read_password(from_stdin=options["password_stdin"])
        operator = add_operator(email, name, password, actor=command_actor())
        document = {"person": operator.public_id, "email": operator.email, "name": operator.name}
        text = f"Added the operator [bold]{escape(operator.name)}[/bold], who signs in as {escape(operator.email)}."
        return Answer(document, text)
