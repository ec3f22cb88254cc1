"""Signing in by e-mail address and password, so that nobody learns who has an account here.

1. One query reads the account: it brings one row whether there is such an account or not.
2. The attempt is counted: for a device known to be the person's by itself, for all others by account and by
   address; and, unless this account was signed in from this address before, by network and all together.
   Whoever is beyond any of these counts is refused, right or wrong.
3. One password is verified: the account's, or where there is none a decoy's, made with the same parameters.
4. A wrong one leaves one entry, the same for accounts that are unknown, suspended or without a password; a
   right one that opens nothing leaves one too.
5. What a right one opens is read again under the person's lock, so that no suspension or new password is missed.
"""

import logging
from collections.abc import Iterable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from payerwatch.audit.actors import Actor
from payerwatch.audit.record import Thing, record, record_for_installation
from payerwatch.members.devices import device_cookie, known_device
from payerwatch.members.email_addresses import EmailUnusable, email_address
from payerwatch.members.models import Member, Person, Session
from payerwatch.members.passwords import password_matches, renew_hash
from payerwatch.members.queries import customers_of
from payerwatch.members.second_factor import check_code, has_second_factor
from payerwatch.members.secrets import Origin, digest, new_secret
from payerwatch.members.sessions import CustomerNotOpen, start_session
from payerwatch.members.tokens import Tokens, issue_tokens
from payerwatch.refusals import Kind, Refusal
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from payerwatch.throttling.client_address import UNKNOWN, network_key, throttle_key
from payerwatch.throttling.refusals import ThrottleUnavailable
from payerwatch.throttling.taking import give_back, take
from payerwatch.throttling.verdict import Verdict

EVERYWHERE = "all sign-ins"
FAMILIAR = timedelta(days=30)

log = logging.getLogger(__name__)


class SignInRefused(Refusal):
    """The address, the password or the code is wrong, or the account may not be used. Which is not said."""

    kind = Kind.UNKNOWN_CALLER

    def __init__(self) -> None:
        super().__init__(
            "You could not be signed in.", fix="Check the address, the password and the code, or reset the password."
        )


class SecondFactorNeeded(Refusal):
    """The password is right, and a code of the person's authenticator is needed besides."""

    kind = Kind.UNKNOWN_CALLER

    def __init__(self) -> None:
        super().__init__(
            "A code is needed besides.", where="code", fix="Send all again with your authenticator's code."
        )


class TooManySignIns(Refusal):
    """There were too many attempts for this account, from this address, or all together."""

    kind = Kind.TOO_MANY

    def __init__(self, verdict: Verdict) -> None:
        super().__init__("There were too many attempts to sign in.", fix=f"Wait {verdict.retry_after} seconds.")
        self.verdict = verdict
        self.retry_after = verdict.retry_after


@dataclass(frozen=True)
class SignedIn:
    """Who is signed in. `secret` is a browser's, `tokens` a program's; `device` is the cookie to remember it by.

    `customer` is whom they act in; where it is None they choose one of `choices`.
    """

    session: Session
    secret: str
    tokens: Tokens | None
    device: str
    person: Person
    customer: Customer | None
    choices: tuple[Customer, ...]


@dataclass(frozen=True)
class _Account:
    """What is known of an address before its password is: all None where there is no such account."""

    public_id: str | None
    name: str | None
    password: str | None
    suspended_at: datetime | None


def sign_in(
    email: str,
    password: str,
    *,
    code: str = "",
    kind: Session.Kind,
    origin: Origin,
    customer_public_id: str | None = None,
) -> SignedIn:
    """Start a session. Called outside any transaction, as a refusal must stay recorded.

    Raises SignInRefused, SecondFactorNeeded, TooManySignIns, ThrottleUnavailable, or CustomerNotOpen where the
    customer named is none of the person's.
    """
    email = _as_stored(email)
    account = _account(email)
    verdict = _count(email, account, origin)
    matches = password_matches(password, account.password or _decoy(tuple(settings.PASSWORD_HASHERS)))
    if not (matches and account.password) or account.suspended_at is not None:
        raise _refused(account, origin, SignInRefused())
    person = Person.objects.get(public_id=account.public_id)
    with_second_factor = _second_factor(person, code, account, verdict, origin)
    _give_back(verdict)
    try:
        opened = _open(person, account, kind, origin, customer_public_id, with_second_factor=with_second_factor)
    except (SignInRefused, CustomerNotOpen) as refusal:
        raise _refused(account, origin, refusal) from None
    renew_hash(person, password)
    return opened


def _as_stored(email: str) -> str:
    """The address as accounts have it, or the empty one, which is nobody's."""
    with suppress(EmailUnusable):
        return email_address(email)
    return ""


def _account(email: str) -> _Account:
    """What the address has, in one row: an aggregate has one of no rows too."""
    columns = {name: Max(name) for name in _Account.__dataclass_fields__}
    return _Account(**Person.objects.filter(email=email).aggregate(**columns))


@cache
def _decoy(_hashers: tuple[str, ...]) -> str:
    """The hash of a password nobody has, made as passwords are made now."""
    return make_password(new_secret())


def _count(email: str, account: _Account, origin: Origin) -> Verdict:
    """Raises TooManySignIns or ThrottleUnavailable."""
    device = known_device(origin.device, account.public_id or "")
    shared = [] if _signed_in_from_here(account, origin) else _shared_counts(origin)
    verdict = take(_counts_of_device(device) if device else [*_counts_of_stranger(email, origin), *shared])
    if not verdict.allowed:
        log.warning("Signing in was throttled by %s.", ", ".join(verdict.refused_by))
        raise TooManySignIns(verdict)
    return verdict


def _counts_of_device(device: str) -> list[tuple[str, str]]:
    return [("sign_in_device", device)]


def _counts_of_stranger(email: str, origin: Origin) -> list[tuple[str, str]]:
    return [("sign_in_account", digest(email)), ("sign_in_address", throttle_key(origin.address))]


def _shared_counts(origin: Origin) -> list[tuple[str, str]]:
    """What strangers use up for each other."""
    return [("sign_in_network", network_key(origin.address)), ("sign_in_everywhere", EVERYWHERE)]


def _signed_in_from_here(account: _Account, origin: Origin) -> bool:
    """Whether the account was signed in from this address within 30 days: strangers elsewhere then brake nobody here.

    One query, whether there is such an account or not.
    """
    since = timezone.now() - FAMILIAR
    sessions = Session.objects.filter(person__public_id=account.public_id or "", created_at__gt=since)
    addresses = set(sessions.values_list("address", flat=True).distinct())
    here = throttle_key(origin.address)
    return here != UNKNOWN and here in map(throttle_key, addresses)


def _give_back(verdict: Verdict) -> None:
    """A right password was no guess. If the counts cannot be reached now, it stays counted as one."""
    with suppress(ThrottleUnavailable):
        give_back(verdict)


def _refused(account: _Account, origin: Origin, refusal: Refusal) -> Refusal:
    """The refusal, once it is recorded by its code: with the person if known, never with what was typed."""
    actor = Actor("anonymous", address=origin.address, request_id=origin.request_id)
    thing, after = Thing("person", account.public_id or ""), {"name": account.name or "", "code": refusal.code}
    with transaction.atomic(durable=True):
        record_for_installation("sign_in", thing, actor=actor, after=after, outcome="refused")
    return refusal


def _second_factor(person: Person, code: str, account: _Account, verdict: Verdict, origin: Origin) -> bool:
    """Whether the person gave one. Raises SecondFactorNeeded without a code, SignInRefused with a wrong one."""
    if not has_second_factor(person):
        return False
    if not code:
        _give_back(verdict)
        raise _refused(account, origin, SecondFactorNeeded())
    if not check_code(person, code):
        raise _refused(account, origin, SignInRefused())
    return True


def _open(
    person: Person,
    account: _Account,
    kind: Session.Kind,
    origin: Origin,
    customer_public_id: str | None,
    *,
    with_second_factor: bool,
) -> SignedIn:
    """Start the session. Raises SignInRefused where the account changed since its password was verified."""
    choices = tuple(customers_of(person))
    customer = _chosen(choices, customer_public_id)
    with transaction.atomic(durable=True), acting_in(customer) if customer else nullcontext():
        person = Person.objects.select_for_update(no_key=True).get(pk=person.pk)
        if person.suspended_at is not None or person.password != account.password:
            raise SignInRefused
        role = _role_in(customer, person)
        session, secret = start_session(
            person, customer, kind=kind, origin=origin, with_second_factor=with_second_factor
        )
        actor = Actor("person", person.public_id, person.name, role, origin.address, origin.request_id)
        _record(session, actor)
    tokens = issue_tokens(session, secret) if kind == Session.Kind.PROGRAM else None
    device = device_cookie(person, origin.device)
    return SignedIn(session, "" if tokens else secret, tokens, device, person, customer, choices)


def _chosen(choices: Iterable[Customer], public_id: str | None) -> Customer | None:
    """The customer named, or else the only one."""
    choices = list(choices)
    if public_id is None:
        return choices[0] if len(choices) == 1 else None
    for customer in choices:
        if customer.public_id == public_id:
            return customer
    raise CustomerNotOpen


def _role_in(customer: Customer | None, person: Person) -> str:
    if customer is None:
        return ""
    member = Member.objects.filter(person=person, state=Member.State.ACTIVE).first()
    if member is None:  # suspended or removed since the choices were read
        raise CustomerNotOpen
    return member.role


def _record(session: Session, actor: Actor) -> None:
    thing = Thing("session", session.public_id)
    after = {"kind": session.kind, "with_second_factor": session.with_second_factor}
    record_for_installation("sign_in", thing, actor=actor, after=after)
    if session.customer_id is not None:
        record("sign_in", thing, actor=actor, after=after)
