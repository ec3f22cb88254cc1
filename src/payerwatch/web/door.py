"""The door, answering in the web's one shape of errors."""

from django.http import HttpResponse

from payerwatch.members import door
from payerwatch.refusals import Refusal
from payerwatch.web import problems


class WebDoor(door.Door):
    """`members.door.Door`, whose refusals are problem details."""

    def refuse(self, refusal: Refusal) -> HttpResponse:
        return problems.refused(refusal)
