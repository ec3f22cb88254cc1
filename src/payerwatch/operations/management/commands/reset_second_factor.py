"""`payerwatch reset_second_factor --email EMAIL`"""

from payerwatch.audit.actors import Actor
from payerwatch.members.models import Person
from payerwatch.members.second_factor import reset_second_factor
from payerwatch.operations.command import Answer
from payerwatch.operations.person_command import PersonCommand


class Command(PersonCommand):
    help = (
        "Take a lost second factor away from someone, after making sure that it is they who ask. "
        "Their sessions end, and a message tells them."
    )

    def do(self, person: Person, actor: Actor) -> Answer:
        reset_second_factor(person, actor=actor)
        return self.answered(person, "has no second factor now, and was signed out.")
