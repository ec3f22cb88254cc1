"""Sessions: how each begins, changes its customer, stays in use and ends.

A session's secret changes whenever what it may do changes, so that no secret known before is good after.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Any, Literal

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Value
from django.utils import timezone

from payerwatch.audit.actors import Actor
from payerwatch.audit.record import Thing, record, record_for_installation
from payerwatch.members.models import Member, Person, Session
from payerwatch.members.roles import Role
from payerwatch.members.secrets import CredentialRefused, Origin, digest, new_secret
from payerwatch.refusals import Kind, Refusal
from payerwatch.tenancy.context import acting_customer_id, acting_in
from payerwatch.tenancy.models import Customer
from payerwatch.tenancy.patience import write_if_free
from payerwatch.tenancy.statements import Given, Statement, columns_of

BROWSER_LIFETIME = timedelta(hours=12)
PROGRAM_LIFETIME = timedelta(days=30)
PROGRAM_IDLE = timedelta(days=7)
# A change of secret counts as new until it surely is committed and answered: who arrives until then is no thief.
SETTLING = timedelta(seconds=5)
SEEN_EVERY = timedelta(minutes=1)
REASON_LENGTH = range(10, 201)

# No more than 18 digits, which every database's integers hold.
_COOKIE = re.compile(r"(0|[1-9][0-9]{0,17})\.([A-Za-z0-9_-]{32})", re.ASCII)

Because = Literal[
    "signed_out",
    "ended_by_person",
    "signed_out_everywhere",
    "password_changed",
    "password_reset",
    "second_factor_changed",
    "suspended",
    "refresh_reused",
]


class CustomerNotOpen(Refusal):
    """The person cannot act in this customer: it does not exist, or is not theirs."""

    kind = Kind.MISSING

    def __init__(self) -> None:
        super().__init__("There is no such customer for you to act in.", fix="Choose one of your customers.")


class ReasonMissing(Refusal):
    """An operator enters a customer only with a reason, which the customer can read."""

    def __init__(self) -> None:
        super().__init__(
            "A reason is needed to enter a customer.",
            where="reason",
            fix=f"Give it in {REASON_LENGTH.start} to {REASON_LENGTH.stop - 1} printable characters.",
        )


@dataclass(frozen=True)
class Entered:
    """A live session and the person's role in its customer; the role is empty where they have none."""

    session: Session
    role: str


def start_session(
    person: Person,
    customer: Customer | None,
    *,
    kind: Session.Kind,
    origin: Origin,
    with_second_factor: bool,
) -> tuple[Session, str]:
    """A new session, and its secret, which is not stored."""
    now, secret = timezone.now(), new_secret()
    session = Session.objects.create(
        kind=kind,
        person=person,
        customer=customer,
        digest=digest(secret),
        rotated_at=now,
        with_second_factor=with_second_factor,
        address=origin.address,
        agent=origin.agent,
        seen_at=now,
        expires_at=now + (BROWSER_LIFETIME if kind == Session.Kind.BROWSER else PROGRAM_LIFETIME),
    )
    return session, secret


def cookie_of(session: Session, secret: str) -> str:
    """The value of a browser's cookie: the customer's id in clear, so that the door can enter it first."""
    return f"{session.customer_id or 0}.{secret}"


def read_cookie(value: str) -> tuple[int | None, str]:
    """The customer's id (None: no customer yet) and the secret's digest. Raises CredentialRefused."""
    found = _COOKIE.fullmatch(value)
    if found is None:
        raise CredentialRefused
    return int(found[1]) or None, digest(found[2])


def live(now: datetime) -> Q:
    """The condition that a session neither was ended, nor is too old, nor was idle for too long."""
    return _live(**_moments(now))


def _live(now: Any, unseen_since: Any, unrotated_since: Any) -> Q:
    in_use = Q(kind=Session.Kind.BROWSER, seen_at__gt=unseen_since) | Q(
        kind=Session.Kind.PROGRAM, rotated_at__gt=unrotated_since
    )
    return Q(ended_at=None, expires_at__gt=now) & in_use


def _moments(now: datetime) -> dict[str, datetime]:
    unseen_since = now - timedelta(minutes=settings.SESSION_IDLE_MINUTES)
    return {"now": now, "unseen_since": unseen_since, "unrotated_since": now - PROGRAM_IDLE}


def find_session(customer_id: int | None, now: datetime, **named: str) -> Entered:
    """The live session of this digest or public id in this customer, person and role with it, in one query.

    Inside acting_in(customer), or outside with None: a credential names its customer itself, and one that
    names another than its session has is refused like any other. Raises CredentialRefused.
    """
    statement = _statement(tuple(named), customer_id is not None, connection.vendor)
    rows = statement.rows(customer_id=customer_id, **_moments(now), **named)
    if not rows:
        raise CredentialRefused
    *row, role = rows[0]
    session = _made(row)
    if session.reason and session.person.is_operator:
        return Entered(session, Role.OPERATOR)
    return Entered(session, role or "")


_COLUMNS = columns_of(Session, without=("address", "agent", "created_at", "ended_at", "ended_because"))
_COLUMNS_OF_PERSON = columns_of(Person, without=("created_at", "password_changed_at"))
_COLUMNS_OF_CUSTOMER = columns_of(Customer, without=("created_at",))


@lru_cache
def _statement(named: tuple[str, ...], in_customer: bool, _vendor: str) -> Statement:
    """With the session, person and customer of these columns, and the role."""
    moment: Any = Session._meta.get_field("expires_at")
    fields: Any = {name: Session._meta.get_field(name) for name in named}
    customer = Given("customer_id", Customer._meta.get_field("id")) if in_customer else None
    sessions = Session.objects.filter(
        _live(**{name: Given(name, moment) for name in _moments(timezone.now())}),
        customer=customer,
        person__suspended_at=None,
        **{name: Given(name, field) for name, field in fields.items()},
    )
    mine = Member.objects.filter(person=OuterRef("person"), state=Member.State.ACTIVE)
    role = Subquery(mine.values("role")) if in_customer else Value("")
    persons = (f"person__{name}" for name in _COLUMNS_OF_PERSON)
    customers = (f"customer__{name}" for name in _COLUMNS_OF_CUSTOMER)
    return Statement(sessions.values_list(*_COLUMNS, *persons, *customers, role)[:1])


def _made(row: Sequence[Any]) -> Session:
    own, persons = len(_COLUMNS), len(_COLUMNS) + len(_COLUMNS_OF_PERSON)
    session = Session.from_db(connection.alias, _COLUMNS, row[:own])
    session.person = Person.from_db(connection.alias, _COLUMNS_OF_PERSON, row[own:persons])
    if session.customer_id is not None:
        session.customer = Customer.from_db(connection.alias, _COLUMNS_OF_CUSTOMER, row[persons:])
    return session


def touch(session: Session, now: datetime) -> None:
    """Note that the session is in use, at most once a minute; a request never waits for another to note it."""
    if now - session.seen_at < SEEN_EVERY:
        return
    write_if_free(partial(_note_seen, session, now))


def _note_seen(session: Session, now: datetime) -> None:
    stale = Session.objects.filter(pk=session.pk, seen_at__lte=now - SEEN_EVERY)
    if stale.select_for_update(skip_locked=True, no_key=True).exists():
        stale.update(seen_at=now)


def enter_customer(session: Session, customer: Customer, *, actor: Actor) -> str:
    """Let the session act in another of the person's customers; its new secret. Raises CustomerNotOpen.

    Called outside acting_in, since it enters the customer itself.
    """
    with acting_in(customer):
        if not Member.objects.filter(person=session.person_id, state=Member.State.ACTIVE).exists():
            raise CustomerNotOpen
        secret = _move(session, customer, reason="")
        record("enter", Thing("customer", customer.public_id), actor=actor)
    return secret


def enter_as_operator(session: Session, customer: Customer, reason: str, *, actor: Actor) -> str:
    """Let an operator act in a customer for a reason both records keep; the session's new secret.

    Called outside acting_in. Raises CustomerNotOpen for who is no operator, and ReasonMissing.
    """
    if not session.person.is_operator:
        raise CustomerNotOpen
    reason = " ".join(reason.split())
    if len(reason) not in REASON_LENGTH or not reason.isprintable():
        raise ReasonMissing
    with acting_in(customer):
        secret = _move(session, customer, reason=reason)
        _record_in_both("enter", Thing("customer", customer.public_id), actor, {"reason": reason})
    return secret


def leave_customer(session: Session, *, actor: Actor) -> str:
    """Let the session act in no customer; its new secret. Called outside acting_in, or inside this customer."""
    customer = session.customer
    if customer is None:
        return _move(session, None, reason="")
    with acting_in(customer):
        secret = _move(session, None, reason="")
        _record_in_both("leave", Thing("customer", customer.public_id), actor, {})
    return secret


def _record_in_both(verb: str, thing: Thing, actor: Actor, after: dict[str, str]) -> None:
    record_for_installation(verb, thing, actor=actor, after=after)
    record(verb, thing, actor=actor, after=after)


def _move(session: Session, customer: Customer | None, *, reason: str) -> str:
    """Give the session its customer and a new secret, unless another request did so meanwhile or ended it."""
    now, secret = timezone.now(), new_secret()
    changed = {"customer": customer, "reason": reason, "digest": digest(secret), "rotated_at": now + SETTLING}
    if not Session.objects.filter(live(now), pk=session.pk, digest=session.digest).update(**changed):
        raise CredentialRefused
    for name, value in changed.items():
        setattr(session, name, value)
    return secret


def end_session(session: Session, because: Because, *, actor: Actor) -> bool:
    """End it: its cookie and tokens are refused on the next request. False if it had ended already."""
    with transaction.atomic():
        if not _end(Session.objects.filter(pk=session.pk), because):
            return False
        thing, after = Thing("session", session.public_id), {"because": because}
        record_for_installation("sign_out", thing, actor=actor, after=after)
        if session.customer_id is not None and session.customer_id == acting_customer_id():
            record("sign_out", thing, actor=actor, after=after)
    return True


def end_sessions_of(person: Person, *, because: Because, actor: Actor, except_for: Session | None = None) -> int:
    """End all of a person's sessions, but for the one named; how many were ended."""
    sessions = Session.objects.filter(person=person)
    if except_for is not None:
        sessions = sessions.exclude(pk=except_for.pk)
    with transaction.atomic():
        ended = _end(sessions, because)
        if ended:
            after = {"because": because, "sessions": ended}
            record_for_installation("sign_out", Thing("person", person.public_id), actor=actor, after=after)
    return ended


def _end(sessions: QuerySet[Session], because: Because) -> int:
    return sessions.filter(ended_at=None).update(ended_at=timezone.now(), ended_because=because)


def sessions_of(person: Person) -> QuerySet[Session]:
    """The person's live sessions, the one used last first."""
    return Session.objects.filter(live(timezone.now()), person=person).order_by(F("seen_at").desc(), "pk")
