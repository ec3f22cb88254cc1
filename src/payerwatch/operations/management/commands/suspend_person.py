"""`payerwatch suspend_person --email EMAIL`"""

from payerwatch.audit.actors import Actor
from payerwatch.members.models import Person
from payerwatch.members.people import suspend_person
from payerwatch.operations.command import Answer
from payerwatch.operations.person_command import PersonCommand


class Command(PersonCommand):
    help = (
        "Keep someone out of every customer, and as an operator, from their next request on. "
        "Their sessions end; their places stay."
    )

    def do(self, person: Person, actor: Actor) -> Answer:
        suspend_person(person, actor=actor)
        return self.answered(person, "is kept out from now on.")
