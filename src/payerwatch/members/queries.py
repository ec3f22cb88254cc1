"""Reads of people and members that others need."""

from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

from payerwatch.members.email_addresses import email_address
from payerwatch.members.models import Invitation, Member, Person, PersonCustomer, SecondFactor
from payerwatch.members.roles import MAY, Permission, Role
from payerwatch.refusals import Kind, Refusal
from payerwatch.tenancy.models import Customer


class UnknownMember(Refusal):
    """The customer has no such member."""

    kind = Kind.MISSING

    def __init__(self) -> None:
        super().__init__("There is no such member.", fix="List the members to see who there is.")


class UnknownInvitation(Refusal):
    """The customer has no such invitation that waits to be accepted."""

    kind = Kind.MISSING

    def __init__(self) -> None:
        super().__init__("There is no such invitation.", fix="List the invitations to see which wait.")


class UnknownPerson(Refusal):
    """Nobody signs in with this e-mail address."""

    kind = Kind.MISSING

    def __init__(self) -> None:
        super().__init__("There is no such person.", where="email", fix="Check the e-mail address.")


def members() -> QuerySet[Member]:
    """Everyone in the customer entered, each with `person` and whether they have a second factor; one query."""
    factors = SecondFactor.objects.filter(person=OuterRef("person"), confirmed_at__isnull=False)
    return Member.objects.select_related("person").annotate(has_second_factor=Exists(factors)).order_by("pk")


def waiting_invitations() -> QuerySet[Invitation]:
    """The invitations of the customer entered that can still be accepted, as of when the query runs."""
    waiting = Invitation.objects.filter(accepted_at=None, withdrawn_at=None, expires_at__gt=Now())
    return waiting.order_by("pk")


def invitation_with_id(public_id: str) -> Invitation:
    """One that was neither accepted nor withdrawn; it may have expired. Raises UnknownInvitation."""
    invitation = Invitation.objects.filter(public_id=public_id, accepted_at=None, withdrawn_at=None).first()
    if invitation is None:
        raise UnknownInvitation
    return invitation


def customers_of(person: Person) -> QuerySet[Customer]:
    """The customers the person may enter, by name."""
    own = PersonCustomer.objects.filter(person=person).values("customer")
    return Customer.objects.filter(pk__in=own).order_by("name")


def person_with_email(email: str) -> Person | None:
    """Who signs in with this address, given as it is stored."""
    return Person.objects.filter(email=email).first()


def named_person(email: str) -> Person:
    """Who signs in with this address, however it is typed. Raises EmailUnusable or UnknownPerson."""
    person = person_with_email(email_address(email))
    if person is None:
        raise UnknownPerson
    return person


def member_with_email(email: str) -> Member:
    """The member of the customer entered who signs in with this address. Raises EmailUnusable or UnknownMember."""
    member = members().filter(person__email=email_address(email)).first()
    if member is None:
        raise UnknownMember
    return member


def email_of_member(public_id: str) -> str | None:
    """Where the member of the customer entered is written to; None for who is suspended or no longer one."""
    present = Member.objects.filter(public_id=public_id, state=Member.State.ACTIVE, person__suspended_at=None)
    return present.values_list("person__email", flat=True).first()


def members_who_may(permission: Permission) -> list[str]:
    """The public ids of the members who have the permission, in the order in which they joined."""
    roles = [role for role in Role.of_members() if permission in MAY[role]]
    active = Member.objects.filter(role__in=roles, state=Member.State.ACTIVE, person__suspended_at=None)
    return list(active.order_by("pk").values_list("public_id", flat=True))
