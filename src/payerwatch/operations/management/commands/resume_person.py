"""`payerwatch resume_person --email EMAIL`"""

from payerwatch.audit.actors import Actor
from payerwatch.members.models import Person
from payerwatch.members.people import resume_person
from payerwatch.operations.command import Answer
from payerwatch.operations.person_command import PersonCommand


class Command(PersonCommand):
    help = "Let someone whom suspend_person kept out sign in again, in the places they had."

    def do(self, person: Person, actor: Actor) -> Answer:
        resume_person(person, actor=actor)
        return self.answered(person, "may sign in again.")
