"""People of the installation: adding them, and an operator suspending them everywhere."""

from django.db import IntegrityError, transaction
from django.utils import timezone

from payerwatch.audit.actors import Actor
from payerwatch.audit.record import Thing, record_for_installation
from payerwatch.members.authority import refuse_unless_operator
from payerwatch.members.email_addresses import email_address
from payerwatch.members.models import Person
from payerwatch.members.passwords import password_hash
from payerwatch.members.secrets import Origin
from payerwatch.members.sessions import end_sessions_of
from payerwatch.refusals import Kind, Refusal
from payerwatch.tenancy.conflicts import violates

LONGEST_NAME = 200


class PersonNameUnusable(Refusal):
    """A person's name must have 1 to 200 characters that can be printed."""

    def __init__(self) -> None:
        super().__init__(
            "This cannot be a person's name.", where="name", fix=f"Use 1 to {LONGEST_NAME} printable characters."
        )


class PersonExists(Refusal):
    """Someone signs in with this e-mail address already."""

    kind = Kind.CONFLICT

    def __init__(self) -> None:
        super().__init__(
            "Someone signs in with this e-mail address already.", where="email", fix="Use another address."
        )


def person_name(text: str) -> str:
    """The name as it is stored, with single blanks. Raises PersonNameUnusable."""
    name = " ".join(text.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise PersonNameUnusable
    return name


def refuse_taken(email: str) -> None:
    """Raises PersonExists where someone signs in with this address, given as it is stored."""
    if Person.objects.filter(email=email).exists():
        raise PersonExists


def add_person(email: str, name: str, stored_password: str, *, is_operator: bool = False) -> Person:
    """Add someone whose address, name and password hash were checked. Records nothing. Raises PersonExists."""
    try:
        with transaction.atomic():
            return Person.objects.create(
                email=email,
                name=name,
                password=stored_password,
                is_operator=is_operator,
                password_changed_at=timezone.now(),
            )
    except IntegrityError as error:
        if not violates(error, "members_person_email_key"):
            raise
        raise PersonExists from None


def add_operator(email: str, name: str, password: str, *, actor: Actor) -> Person:
    """Add someone who runs the installation.

    Raises OperatorsOnly, EmailUnusable, PersonNameUnusable, PasswordUnusable or PersonExists.
    """
    refuse_unless_operator(actor)
    return add_recorded_person(email, name, password, actor=actor, is_operator=True)


def add_recorded_person(email: str, name: str, password: str, *, actor: Actor, is_operator: bool = False) -> Person:
    """Add someone by what they typed, and record it for the installation. Raises as `add_operator`."""
    address, proper_name = email_address(email), person_name(name)
    stored = password_hash(password, email=address, name=proper_name)
    with transaction.atomic():
        person = add_person(address, proper_name, stored, is_operator=is_operator)
        after = {"is_operator": is_operator}
        record_for_installation("add", _thing(person), actor=actor, after=after)
    return person


def suspend_person(person: Person, *, actor: Actor) -> None:
    """Keep someone out of every customer, from their next request on. Raises OperatorsOnly."""
    refuse_unless_operator(actor)
    with transaction.atomic():
        if not Person.objects.filter(pk=person.pk, suspended_at=None).update(suspended_at=timezone.now()):
            return
        end_sessions_of(person, because="suspended", actor=actor)
        record_for_installation("suspend", _thing(person), actor=actor)
    person.refresh_from_db(fields=["suspended_at"])


def resume_person(person: Person, *, actor: Actor) -> None:
    """Let someone sign in again, in the places they had. Raises OperatorsOnly."""
    refuse_unless_operator(actor)
    with transaction.atomic():
        if Person.objects.filter(pk=person.pk, suspended_at__isnull=False).update(suspended_at=None):
            record_for_installation("resume", _thing(person), actor=actor)
    person.suspended_at = None


def acting_person(person: Person, origin: Origin, role: str = "") -> Actor:
    """Someone who shows by a link or password who they are, before any session."""
    return Actor(
        "person",
        id=person.public_id,
        name=person.name,
        role=role,
        address=origin.address,
        request_id=origin.request_id,
    )


def _thing(person: Person) -> Thing:
    return Thing("person", person.public_id)
