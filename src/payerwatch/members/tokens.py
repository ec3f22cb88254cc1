"""Tokens for programs that act as people: a short access token, and a refresh token that works once.

The secret of a program's session is the `jti` of its present refresh token. Refresh tokens are signed, so that one
no longer present is known to have been issued: who shows it either lost the race to use it, or stole it, or
was stolen from. The session ends (RFC 9700, section 4.14.2).
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import OperationalError, transaction
from django.utils import timezone

from payerwatch.audit.actors import Actor
from payerwatch.members.models import Person, Session
from payerwatch.members.secrets import CredentialRefused, Origin, digest, new_secret
from payerwatch.members.sessions import SETTLING, end_session, live
from payerwatch.members.signing import Purpose, sign, verify
from payerwatch.refusals import Kind, Refusal

ACCESS_LIFETIME = timedelta(minutes=15)


class RefreshSuperseded(Refusal):
    """Another request used this refresh token at the same time; its answer holds the tokens to go on with."""

    kind = Kind.CONFLICT

    def __init__(self) -> None:
        super().__init__(
            "Another request with this refresh token came first.", fix="Use the tokens which that request was given."
        )


@dataclass(frozen=True)
class Tokens:
    """What a program is given: the tokens, and how many seconds the access token is good for."""

    access: str
    refresh: str
    expires_in: int


@dataclass(frozen=True)
class AccessClaims:
    """What an access token says. Whether its session still lives, and the role, is read from the database."""

    person_id: str
    session_id: str
    customer_id: int | None


def issue_tokens(session: Session, secret: str) -> Tokens:
    """The tokens of a program's session, its secret as `start_session`, `enter_customer` or `refresh` gave it."""
    now = timezone.now()
    access_until = min(now + ACCESS_LIFETIME, session.expires_at)
    whose = {"sub": session.person.public_id, "sid": session.public_id}
    return Tokens(
        access=sign(Purpose.ACCESS, access_until, **whose, cus=session.customer_id, jti=new_secret()),
        refresh=sign(Purpose.REFRESH, session.expires_at, **whose, jti=secret),
        expires_in=round((access_until - now).total_seconds()),
    )


def read_access(text: str) -> AccessClaims:
    """What an access token in force says. Raises CredentialRefused."""
    claims = verify(Purpose.ACCESS, text, "sub", "sid", "jti")
    customer_id = claims.get("cus", 0)
    if customer_id is not None and not (type(customer_id) is int and 0 < customer_id < 2**63):
        raise CredentialRefused
    return AccessClaims(claims["sub"], claims["sid"], customer_id)


def refresh(text: str, *, origin: Origin, arrived_at: datetime) -> Tokens:
    """New tokens for a refresh token, which is then used up. Called outside any transaction.

    1. The session takes a new secret only if it still has the one shown: of any number at once, one wins. Until
       that is committed and 2 is done, the time of rotation lies ahead, so that no loser seems to come late.
    2. The time of rotation is now: whoever arrived before it cannot have seen what the winner is about to be told.
       Should that fail it stays ahead for a moment: the winner is told all the same, or nobody would have the tokens.
    3. A loser who arrived before the rotation is refused with RefreshSuperseded, and the session goes on.
    4. Any other is refused with CredentialRefused, and the session ends.
    """
    claims = verify(Purpose.REFRESH, text, "sub", "sid", "jti")
    shown, secret = digest(claims["jti"]), new_secret()
    if _rotate(claims["sid"], shown, digest(secret)):
        with suppress(OperationalError):
            Session.objects.filter(digest=digest(secret)).update(rotated_at=timezone.now())
        return issue_tokens(Session.objects.select_related("person").get(digest=digest(secret)), secret)
    session = Session.objects.filter(public_id=claims["sid"]).first()
    if session is None or session.ended_at is not None or session.digest == shown:
        raise CredentialRefused
    if session.rotated_at is not None and arrived_at <= session.rotated_at:
        raise RefreshSuperseded
    _end_family(session, origin)
    raise CredentialRefused


def _rotate(session_id: str, old: str, new: str) -> bool:
    """Whether this request is the one that changed the session's secret from the old to the new."""
    now = timezone.now()
    present = Session.objects.filter(live(now), kind=Session.Kind.PROGRAM, public_id=session_id, digest=old)
    present = present.filter(person__in=Person.objects.filter(suspended_at=None))
    with transaction.atomic(durable=True):
        return bool(present.update(digest=new, rotated_at=now + SETTLING, seen_at=now))


def _end_family(session: Session, origin: Origin) -> None:
    """Nobody known did it: the thief and the person hold tokens that look the same."""
    actor = Actor("anonymous", address=origin.address, request_id=origin.request_id)
    with transaction.atomic(durable=True):
        end_session(session, "refresh_reused", actor=actor)
