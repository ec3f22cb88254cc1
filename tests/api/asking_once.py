"""Requests under an Idempotency-Key, and what is kept of their answers."""

from typing import Any

from payerwatch.members.models import Invitation, KeptAnswer
from payerwatch.tenancy.context import acting_in
from tests.api.makers import Practice
from tests.api.world import Answer, Headers, World, as_person, ask

INVITE, KEYS = "/api/v1/invitations/", "/api/v1/api-keys/"
GUEST = {"email": "guest@example.com", "role": "viewer"}
NEW_KEY = {"name": "nightly", "scopes": ["claims.read"]}


def once(headers: Headers, path: str, body: Any, key: str = "first") -> Answer:
    return ask({**headers, "Idempotency-Key": key}, "POST", path, body=body)


def is_replayed(answer: Answer) -> bool:
    return ("Idempotency-Replayed", "true") in answer.headers


def plain(answer: Answer) -> tuple[int, Any, bytes]:
    return answer.status, [each for each in answer.headers if each[0] != "Idempotency-Replayed"], answer.body


def invitations(practice: Practice) -> int:
    with acting_in(practice.customer):
        return Invitation.objects.filter(email=GUEST["email"]).count()


def kept(practice: Practice) -> list[KeptAnswer]:
    with acting_in(practice.customer):
        return list(KeptAnswer.objects.all())


def owner_of(world: World) -> Headers:
    return as_person(world.own.people["owner"], world.own.customer)


# Done once
