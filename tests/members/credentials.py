"""People who can sign in, and sessions of theirs, for tests."""

import secrets
from datetime import timedelta
from typing import Any

from django.contrib.auth.hashers import make_password
from django.utils import timezone

from payerwatch.audit.models import Entry, InstallationEntry
from payerwatch.members.models import Member, Person, PersonCustomer, Session
from payerwatch.members.secrets import Origin
from payerwatch.members.sessions import Entered, cookie_of, find_session, read_cookie, start_session
from payerwatch.members.sign_in import SignedIn, sign_in
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer

PASSWORD = "apples under nine bridges"


def person(name: str = "Ada", *, password: str | None = PASSWORD, **fields: Any) -> Person:
    """A person with an address of their own; without a password where it is None."""
    hashed = "" if password is None else make_password(password)
    email = f"{name.lower()}.{secrets.token_hex(6)}@example.com"
    return Person.objects.create(email=email, name=name, password=hashed, **fields)


def member(customer: Customer, role: str = "analyst", *, of: Person | None = None) -> Person:
    """A person, new unless given, who is an active member of the customer."""
    who = of or person()
    with acting_in(customer):
        Member.objects.create(person=who, role=role)
    PersonCustomer.objects.create(person=who, customer=customer)
    return who


def origin(address: str = "192.0.2.1", **rest: str) -> Origin:
    return Origin(address, "a browser", "request-1", **rest)


def session(
    who: Person, customer: Customer | None = None, kind: Session.Kind = Session.Kind.BROWSER
) -> tuple[Session, str]:
    return start_session(who, customer, kind=kind, origin=origin(), with_second_factor=False)


def signed_in(
    who: Person, password: str = PASSWORD, *, address: str = "192.0.2.1", device: str = "", **options: Any
) -> SignedIn:
    kind = options.pop("kind", Session.Kind.BROWSER)
    return sign_in(who.email, password, kind=kind, origin=origin(address, device=device), **options)


def found(cookie: str, *, at: timedelta = timedelta(0)) -> Entered:
    """As the door does: enter the customer the cookie names, and look for the session there."""
    customer_id, secret = read_cookie(cookie)
    now = timezone.now() + at
    if customer_id is None:
        return find_session(None, now, digest=secret)
    with acting_in(customer_id):
        return find_session(customer_id, now, digest=secret)


def cookie_in(customer: Customer | None, who: Person) -> tuple[Session, str]:
    started, secret = session(who, customer)
    return started, cookie_of(started, secret)


def installation_verbs() -> list[str]:
    return list(InstallationEntry.objects.order_by("position").values_list("verb", flat=True))


def verbs_of(customer: Customer) -> list[str]:
    with acting_in(customer):
        return list(Entry.objects.order_by("position").values_list("verb", flat=True))
