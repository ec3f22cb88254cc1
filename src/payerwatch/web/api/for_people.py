"""What only people can do, and no key."""

from typing import ClassVar

from rest_framework.request import Request

from payerwatch.members.door import Admits
from payerwatch.members.models import Person, Session
from payerwatch.refusals import Kind, Refusal
from payerwatch.web.api.resource import Resource


class PeopleOnly(Refusal):
    """A key has no account of its own to manage."""

    kind = Kind.NOT_ALLOWED

    def __init__(self) -> None:
        super().__init__("Only a person who signed in can do this.", fix="Sign in as a person; a key cannot.")


class ForPeople(Resource):
    """What a person who is signed in does, in whichever customer. Raises PeopleOnly before a body is read."""

    admits = Admits.ANYONE_SIGNED_IN
    turns_away: ClassVar = (PeopleOnly,)

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        if self.caller.person is None:
            raise PeopleOnly

    @property
    def person(self) -> Person:
        if self.caller.person is None:
            raise PeopleOnly
        return self.caller.person

    @property
    def session(self) -> Session:
        if self.caller.session is None:
            raise PeopleOnly
        return self.caller.session
