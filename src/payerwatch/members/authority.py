"""Who may give, change or take away whose place: the tables of roles, asked for an actor as they are now."""

from payerwatch.audit.actors import Actor
from payerwatch.members.models import Member, Person
from payerwatch.members.roles import MANAGES, MAY, Permission, Role
from payerwatch.refusals import Kind, Refusal
from payerwatch.tenancy.context import current_customer_id
from payerwatch.tenancy.models import Customer


class RoleUnknown(Refusal):
    """There is no such role for a member."""

    def __init__(self) -> None:
        super().__init__("There is no such role.", where="role", fix=f"Choose one of: {', '.join(Role.of_members())}.")


class RoleNotYours(Refusal):
    """Who asks may not give, change or take away a place of this role."""

    kind = Kind.NOT_ALLOWED

    def __init__(self, role: str) -> None:
        super().__init__(f"Members in the role {role} are not yours to manage.", fix="Ask an owner to do it.")


class NoLongerYours(Refusal):
    """Who asks may not do this, or no longer: their role was changed meanwhile."""

    kind = Kind.NOT_ALLOWED

    def __init__(self) -> None:
        super().__init__("Your role does not let you do this now.", fix="Ask an owner to do it.")


class OperatorsOnly(Refusal):
    """This concerns the whole installation and not one customer."""

    kind = Kind.NOT_ALLOWED

    def __init__(self) -> None:
        super().__init__("Only an operator may do this.", fix="Ask whoever runs this installation.")


def member_role(text: str) -> Role:
    """A role that a member can have. Raises RoleUnknown."""
    if text not in Role.of_members():
        raise RoleUnknown
    return Role(text)


def hold_customer() -> Customer:
    """The customer entered, its members held: nobody else changes them until the transaction ends."""
    return Customer.objects.select_for_update(no_key=True).get(pk=current_customer_id())


def present_role(actor: Actor) -> Role | None:
    """The role in which the actor manages people, keys and settings now; None where they manage nothing.

    Read anew rather than taken from the door, as who was let in may have been made less since. Where the
    customer is held that stays true until the transaction ends. Commands are run by operators; keys and jobs
    manage nothing.
    """
    if actor.kind == "command":
        return Role.OPERATOR
    if actor.kind != "person" or actor.role not in set(Role):
        return None
    return _as_operator(actor.id) if actor.role == Role.OPERATOR else _as_member(actor.id)


def may_still_give(person_id: str, role: Role) -> bool:
    """Whether the person of this public id manages members of the role now, as a member or as an operator."""
    return any(
        acting is not None and role in MANAGES[acting] for acting in (_as_member(person_id), _as_operator(person_id))
    )


def _as_operator(person_id: str) -> Role | None:
    operators = Person.objects.filter(public_id=person_id, is_operator=True, suspended_at=None)
    return Role.OPERATOR if operators.exists() else None


def _as_member(person_id: str) -> Role | None:
    own = Member.objects.filter(person__public_id=person_id, person__suspended_at=None, state=Member.State.ACTIVE)
    role = own.values_list("role", flat=True).first()
    return None if role is None else Role(role)


def refuse_unless_managed(actor: Actor, *roles: Role) -> None:
    """Raises RoleNotYours unless the actor now manages members of each of these roles."""
    acting = present_role(actor)
    for role in roles:
        if acting is None or role not in MANAGES[acting]:
            raise RoleNotYours(role)


def refuse_unless_may(actor: Actor, permission: Permission) -> None:
    """Raises NoLongerYours unless the actor's role now has the permission."""
    if permission not in permissions_now(actor):
        raise NoLongerYours


def permissions_now(actor: Actor) -> frozenset[Permission]:
    acting = present_role(actor)
    return frozenset() if acting is None else MAY[acting]


def refuse_unless_operator(actor: Actor) -> None:
    """Raises OperatorsOnly."""
    if actor.kind != "command" and (actor.role != Role.OPERATOR or present_role(actor) != Role.OPERATOR):
        raise OperatorsOnly
