"""What commands about one person share: `--email`, and an answer that says how the person stands now."""

from abc import abstractmethod
from typing import Any

from django.core.management.base import CommandParser
from rich.markup import escape

from payerwatch.audit.actors import Actor, command_actor
from payerwatch.members.models import Person
from payerwatch.members.queries import named_person
from payerwatch.members.second_factor import has_second_factor
from payerwatch.operations.command import Answer, PayerwatchCommand


class PersonCommand(PayerwatchCommand):
    """A command that does one thing to one person of the installation."""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--email", required=True, help="what they sign in with")

    def answer(self, **options: Any) -> Answer:
        return self.do(named_person(options["email"]), command_actor())

    @abstractmethod
    def do(self, person: Person, actor: Actor) -> Answer:
        """Do it. Raises Refusal."""

    def answered(self, person: Person, said: str) -> Answer:
        document = {
            "person": person.public_id,
            "email": person.email,
            "name": person.name,
            "suspended_at": person.suspended_at,
            "has_second_factor": has_second_factor(person),
        }
        return Answer(document, f"[bold]{escape(person.name)}[/bold] ({escape(person.email)}) {said}")
