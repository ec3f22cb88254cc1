"""What is done to the members of the customer entered.

Each action holds the customer's row until its transaction ends, so that of two at once the second sees what
the first did: the last active owner stays whoever else acts.
"""

from typing import TypedDict

from payerwatch.audit.actors import Actor
from payerwatch.audit.record import Thing, record
from payerwatch.members.authority import hold_customer, member_role, refuse_unless_managed, refuse_unless_may
from payerwatch.members.left_behind import keys_in_force_issued_by, withdraw_invitations_of
from payerwatch.members.models import Member, Person, PersonCustomer
from payerwatch.members.queries import UnknownMember
from payerwatch.members.roles import Permission, Role
from payerwatch.refusals import Kind, Refusal
from payerwatch.tenancy.context import current_customer_id
from payerwatch.tenancy.models import Customer
from payerwatch.tenancy.time_zones import zone_named


class AlreadyMember(Refusal):
    """The person is a member of this customer, active or suspended."""

    kind = Kind.CONFLICT

    def __init__(self) -> None:
        super().__init__("This person is a member already.", fix="Change their role, or resume them.")


class OperatorIsNoMember(Refusal):
    """An operator enters customers with a reason that is recorded; as a member they would need none."""

    kind = Kind.CONFLICT

    def __init__(self) -> None:
        super().__init__(
            "An operator cannot be a member.", fix="Give the member an account of their own, with another address."
        )


class LastOwner(Refusal):
    """A customer keeps at least one active owner."""

    kind = Kind.CONFLICT

    def __init__(self) -> None:
        super().__init__("This is the last active owner.", fix="Make another member an owner first.")


class OwnRoleRaised(Refusal):
    """Nobody gives themselves a higher role."""

    kind = Kind.NOT_ALLOWED

    def __init__(self) -> None:
        super().__init__("You cannot raise your own role.", fix="Ask an owner to do it.")


def join(person: Person, role: Role) -> Member:
    """Make the person a member, the customer being held. Records nothing.

    Raises OperatorIsNoMember or AlreadyMember.
    """
    if person.is_operator:
        raise OperatorIsNoMember
    if Member.objects.filter(person=person).exists():
        raise AlreadyMember
    member = Member.objects.create(person=person, role=role)
    _open_to(person)
    return member


def add_member(person: Person, role: str, *, actor: Actor) -> Member:
    """Make a person who exists a member, unasked.

    Raises RoleUnknown, RoleNotYours, OperatorIsNoMember or AlreadyMember.
    """
    wanted = member_role(role)
    hold_customer()
    refuse_unless_managed(actor, wanted)
    member = join(person, wanted)
    record("add", _thing(member), actor=actor, after=_described(member))
    return member


def change_role(member: Member, role: str, *, actor: Actor) -> Member:
    """Give a member another role. Raises RoleUnknown, RoleNotYours, OwnRoleRaised, LastOwner or UnknownMember."""
    wanted = member_role(role)
    member = _held(member)
    refuse_unless_managed(actor, Role(member.role), wanted)
    if member.role == wanted:
        return member
    _refuse_own_raise(member, wanted, actor)
    _refuse_last_owner(member)
    before = _described(member)
    member.role = wanted
    member.save(update_fields=["role"])
    withdraw_invitations_of(member.person, wanted if member.state == Member.State.ACTIVE else None, actor=actor)
    record("change_role", _thing(member), actor=actor, before=before, after=_described(member))
    return member


def suspend_member(member: Member, *, actor: Actor) -> Member:
    """Keep a member out until resumed, from their next request on. Raises RoleNotYours, LastOwner, UnknownMember."""
    member = _held(member)
    refuse_unless_managed(actor, Role(member.role))
    if member.state == Member.State.SUSPENDED:
        return member
    _refuse_last_owner(member)
    before = _described(member)
    _set_state(member, Member.State.SUSPENDED)
    PersonCustomer.objects.filter(person=member.person_id, customer=member.customer_id).delete()
    withdraw_invitations_of(member.person, None, actor=actor)
    record("suspend", _thing(member), actor=actor, before=before, after=_described(member))
    return member


def resume_member(member: Member, *, actor: Actor) -> Member:
    """Let a suspended member in again, in the role they had. Raises RoleNotYours or UnknownMember."""
    member = _held(member)
    refuse_unless_managed(actor, Role(member.role))
    if member.state == Member.State.ACTIVE:
        return member
    before = _described(member)
    _set_state(member, Member.State.ACTIVE)
    _open_to(member.person)
    record("resume", _thing(member), actor=actor, before=before, after=_described(member))
    return member


def remove_member(member: Member, *, actor: Actor) -> list[str]:
    """Take a member's place away; the person stays. The ids of the keys they issued that are still in force.

    Their waiting invitations are withdrawn. Raises RoleNotYours, LastOwner or UnknownMember.
    """
    member = _held(member)
    refuse_unless_managed(actor, Role(member.role))
    _refuse_last_owner(member)
    thing, before = _thing(member), _described(member)
    PersonCustomer.objects.filter(person=member.person_id, customer=member.customer_id).delete()
    member.delete()
    withdraw_invitations_of(member.person, None, actor=actor)
    left = keys_in_force_issued_by(member.person)
    record("remove", thing, actor=actor, before=before, after={"keys_still_in_force": left})
    return left


class Settings(TypedDict, total=False):
    """What a customer may set."""

    second_factor_required: bool
    """Whether members must sign in with a second factor; those without are kept out until they have one."""
    time_zone: str
    """In which its nights are counted, by its IANA name."""


def change_settings(wanted: Settings, *, actor: Actor) -> Customer:
    """Set what is named. Raises NoLongerYours or TimeZoneUnknown."""
    customer = hold_customer()
    refuse_unless_may(actor, Permission.MANAGE_SETTINGS)
    if "time_zone" in wanted:
        zone_named(wanted["time_zone"])
    after = {name: value for name, value in wanted.items() if getattr(customer, name) != value}
    before = {name: getattr(customer, name) for name in after}
    if after:
        for name, value in after.items():
            setattr(customer, name, value)
        customer.save(update_fields=list(after))
        record("change_settings", Thing("customer", customer.public_id), actor=actor, before=before, after=after)
    return customer


def _held(member: Member) -> Member:
    """The member as it is now, the customer being held. Raises UnknownMember for one that was removed."""
    hold_customer()
    found = Member.objects.select_related("person").filter(pk=member.pk).first()
    if found is None:
        raise UnknownMember
    return found


def _set_state(member: Member, state: Member.State) -> None:
    member.state = state
    member.save(update_fields=["state"])


def _open_to(person: Person) -> None:
    PersonCustomer.objects.get_or_create(person=person, customer_id=current_customer_id())


def _refuse_last_owner(member: Member) -> None:
    """Raises LastOwner where the member is an owner who can act, and nobody else is."""
    acting_owners = Member.objects.filter(
        role=Role.OWNER, state=Member.State.ACTIVE, person__suspended_at=None
    ).values_list("pk", flat=True)
    if set(acting_owners) == {member.pk}:
        raise LastOwner


def _refuse_own_raise(member: Member, wanted: Role, actor: Actor) -> None:
    ranks = Role.of_members()  # the highest first
    own = actor.kind == "person" and actor.id == member.person.public_id
    if own and ranks.index(wanted) < ranks.index(Role(member.role)):
        raise OwnRoleRaised


def _thing(member: Member) -> Thing:
    return Thing("member", member.public_id)


def _described(member: Member) -> dict[str, str]:
    return {"person": member.person.public_id, "role": member.role, "state": member.state}
