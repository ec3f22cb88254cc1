"""Two practices with the same shapes of everything, and everyone who may ask for what one of them has."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.test import Client

from payerwatch.claims import arrivals
from payerwatch.members import password_resets
from payerwatch.members.keys import issue_key
from payerwatch.members.models import Member, Person, Session
from payerwatch.members.roles import SCOPES
from payerwatch.members.secrets import Origin
from payerwatch.members.sessions import enter_as_operator, start_session
from payerwatch.members.tokens import issue_tokens
from payerwatch.tenancy.actions import add_customer
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests.api.declared import undeclared
from tests.api.makers import Practice, join, one_of_each, person
from tests.jobs.caught import catch_steps
from tests.keeping import PutBack, keep
from tests.make import ACTOR

PASSWORD = "apples under nine bridges"
REASON = "to help the practice"
REQUEST_ID = "of-the-tests"  # the same in all requests, so that answers that must be alike are
ROOT_URLCONF = settings.ROOT_URLCONF
FRESH_SECONDS = 300
Headers = dict[str, str]


@dataclass(frozen=True)
class World:
    """`own` is whose callers ask; `other` is whom they must learn nothing of."""

    own: Practice
    other: Practice

    def headers(self, caller: str) -> Headers:
        """The caller's credential, of a person or key of its own: whatever is done with it ends no other."""
        return CALLERS[caller](self)


def built() -> World:
    """A world as newly built. Each process builds one every few minutes, since sessions end when they are not used."""
    if not _KEPT or time.monotonic() - _KEPT[-1].since > FRESH_SECONDS:
        world = build()
        _KEPT[:] = [Kept(deepcopy(world), keep(), time.monotonic())]
        return world
    [kept] = _KEPT
    kept.put_back()
    return deepcopy(kept.world)


@dataclass(frozen=True)
class Kept:
    world: World
    put_back: PutBack
    since: float


_KEPT: list[Kept] = []


def build() -> World:
    own, other = _practice("Wombat"), _practice("Quokka")
    member_of_both(own, other)
    _enter(operator(), other.customer)
    return World(own, other)


def _practice(word: str) -> Practice:
    practice = Practice(add_customer(f"{word} practice"), word)
    for role in ("owner", "admin", "analyst", "viewer", "suspended"):
        practice.people[role] = newcomer(practice, role)
    for _ in range(3):
        one_of_each(practice)
    return practice


# Who asks


def bearer(text: str) -> Headers:
    return {"Authorization": f"Bearer {text}"}


def as_person(who: Person, customer: Customer | None) -> Headers:
    session, secret = start_session(
        who, customer, kind=Session.Kind.PROGRAM, origin=Origin("192.0.2.7"), with_second_factor=False
    )
    return bearer(issue_tokens(session, secret).access)


def as_key(practice: Practice, *scopes: str) -> Headers:
    return bearer(issue_key(practice.customer, name=practice.name(), scopes=scopes, actor=ACTOR).text)


def _enter(who: Person, customer: Customer) -> Headers:
    session, _ = start_session(
        who, None, kind=Session.Kind.PROGRAM, origin=Origin("192.0.2.7"), with_second_factor=False
    )
    return bearer(issue_tokens(session, enter_as_operator(session, customer, REASON, actor=ACTOR)).access)


def _in_role(role: str) -> Callable[[World], Headers]:
    return lambda world: as_person(newcomer(world.own, role), world.own.customer)


def newcomer(practice: Practice, role: str) -> Person:
    """One more member in the role, or suspended: whatever they do to their account is done to no other caller."""
    who = person(practice, password=make_password(PASSWORD))
    kept = join(practice, who, "analyst" if role == "suspended" else role)
    if role == "suspended":
        with acting_in(practice.customer):
            Member.objects.filter(pk=kept.pk).update(state=Member.State.SUSPENDED)
    return who


def operator() -> Person:
    email = f"operator.{token_hex(6)}@example.com"
    return Person.objects.create(email=email, name="Operator", password=make_password(PASSWORD), is_operator=True)


def member_of_both(own: Practice, other: Practice) -> Person:
    email = f"both.{token_hex(6)}@example.com"
    who = Person.objects.create(email=email, name="Member of both", password=make_password(PASSWORD))
    for practice in (own, other):
        join(practice, who, "analyst")
    return who


CALLERS: dict[str, Callable[[World], Headers]] = {
    **{role: _in_role(role) for role in ("owner", "admin", "analyst", "viewer")},
    "operator inside": lambda world: _enter(operator(), world.own.customer),
    "operator outside": lambda _world: as_person(operator(), None),
    "member of both": lambda world: as_person(member_of_both(world.own, world.other), world.own.customer),
    "key": lambda world: as_key(world.own, *SCOPES),
    "key that cannot read": lambda world: as_key(world.own, "claims.load"),
    "anonymous": lambda _world: {},
    "suspended": _in_role("suspended"),
    # The session names the own practice, where this person has no place.
    "person of the other": lambda world: as_person(newcomer(world.other, "owner"), world.own.customer),
}


# Asking


@dataclass(frozen=True)
class Answer:
    """What came back, apart from what differs from one request to the next whatever is asked."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def text(self) -> str:
        return " ".join(f"{name}: {value}" for name, value in self.headers) + " " + self.body.decode()

    @property
    def document(self) -> Any:
        return json.loads(self.body)


_OF_THE_REQUEST = frozenset({"x-request-id", "ratelimit", "ratelimit-policy", "date", "retry-after"})


def ask(
    headers: Headers,
    method: str,
    path: str,
    *,
    query: dict[str, str] | None = None,
    body: Any = None,
    content_type: str = "",
) -> Answer:
    """One request through every middleware, with bytes or JSON; what fails is an answer too."""
    client = Client(raise_request_exception=False, headers={"X-Request-ID": REQUEST_ID, **headers})
    data = body if isinstance(body, bytes) else json.dumps(body)
    sent = {"data": data, "content_type": content_type or "application/json"} if body is not None else {}
    response = client.generic(method, path, query_params=query or {}, **sent)
    content = b"".join(response) if response.streaming else response.content
    shown = [(name, value) for name, value in response.headers.items() if name.lower() not in _OF_THE_REQUEST]
    answer = Answer(response.status_code, tuple(sorted(shown)), content)
    if answer.status >= 400 and content and settings.ROOT_URLCONF == ROOT_URLCONF:
        assert undeclared(method, path.partition("?")[0], answer.document) == ""
    return answer


def matching(headers: Headers, path: str) -> Headers:
    """The caller who says that they have read what is at the address as it is now."""
    return headers | {"If-Match": dict(ask(headers, "GET", path).headers).get("ETag", "*")}


@contextmanager
def unhindered() -> Iterator[None]:
    """Throttles and limits that nobody reaches, and nothing that goes on in a thread of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "THROTTLES", dict.fromkeys(settings.THROTTLES, "1000/s"))
        patch.setattr(password_resets.worker, "do", lambda _work: None)
        patch.setattr(arrivals, "MOST_WAITING", 10_000)
        catch_steps(patch, lambda _work: None)
        yield
