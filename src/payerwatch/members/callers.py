"""Who is calling, as found at the door: the person or key, the customer they act in, and what they may do there."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.utils import timezone

from payerwatch.audit.actors import Actor
from payerwatch.members.keys import KeyRefused, find_key, note_use
from payerwatch.members.models import ApiKey, Person, Session
from payerwatch.members.roles import MAY, Permission, Role
from payerwatch.members.secrets import CredentialRefused, Origin
from payerwatch.members.sessions import find_session, touch
from payerwatch.refusals import Kind, Refusal
from payerwatch.tenancy.models import Customer


class CallerNotKnown(Refusal):
    """The credential is not, or no longer, good; it is not said why."""

    kind = Kind.UNKNOWN_CALLER

    def __init__(self, refused_key: KeyRefused | None = None) -> None:
        super().__init__("You are not signed in, or no longer.", fix="Sign in again, or use a key that is valid.")
        self.refused_key = refused_key


class Credential(NamedTuple):
    """What a request presents, read but not yet believed. `how` is cookie, token or key."""

    how: str
    customer_id: int | None
    """The customer it says it acts in; what it finds must agree."""
    text: str
    """A cookie's digest, a token's session id, a key's whole text."""


@dataclass(frozen=True)
class Caller:
    """Someone recognised. Without `customer` they may only choose one and manage their own account."""

    actor: Actor
    permissions: frozenset[Permission]
    customer: Customer | None = None
    person: Person | None = None
    session: Session | None = None
    key: ApiKey | None = None

    @property
    def confined(self) -> bool:
        """Whether the customer asks for a second factor and this session was opened without one."""
        if self.session is None or self.customer is None or self.session.with_second_factor:
            return False
        return self.customer.second_factor_required

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions and not self.confined


def recognise(credential: Credential, origin: Origin) -> Caller:
    """The caller a credential belongs to, inside the customer it names. Raises CallerNotKnown.

    Everything is read from the database each time, so what was revoked, suspended or ended a moment ago no
    longer opens the door.
    """
    if credential.how == "key":
        return _key_caller(credential, origin)
    return _session_caller(credential, origin)


def _key_caller(credential: Credential, origin: Origin) -> Caller:
    now = timezone.now()
    try:
        key = find_key(credential.text, address=origin.address, now=now)
    except KeyRefused as refusal:
        raise CallerNotKnown(refusal) from None
    except CredentialRefused:
        raise CallerNotKnown from None
    note_use(key, address=origin.address, now=now)
    actor = Actor("key", key.public_id, key.name, "key", origin.address, origin.request_id)
    return Caller(actor, frozenset(Permission(scope) for scope in key.scopes), customer=key.customer, key=key)


def _session_caller(credential: Credential, origin: Origin) -> Caller:
    now = timezone.now()
    try:
        session, role = _session_of(credential, now)
    except CredentialRefused:
        raise CallerNotKnown from None
    if credential.customer_id is not None and not role:
        raise CallerNotKnown
    touch(session, now)
    person = session.person
    actor = Actor("person", person.public_id, person.name, role, origin.address, origin.request_id)
    permissions = MAY[Role(role)] if credential.customer_id is not None else frozenset()
    return Caller(actor, permissions, customer=session.customer, person=person, session=session)


def _session_of(credential: Credential, now: datetime) -> tuple[Session, str]:
    """The live session and the person's role in its customer; an operator's without one is `operator`."""
    if credential.how == "cookie":
        entered = find_session(credential.customer_id, now, kind=Session.Kind.BROWSER, digest=credential.text)
    else:
        entered = find_session(credential.customer_id, now, kind=Session.Kind.PROGRAM, public_id=credential.text)
    session = entered.session
    if credential.customer_id is None and session.person.is_operator:
        return session, Role.OPERATOR
    return session, entered.role
