"""Who may give, change or take away whose place: the table `MANAGES`, asked for an actor."""

from payerwatch.audit.actors import Actor
from payerwatch.members.roles import MANAGES, Role
from payerwatch.refusals import Kind, Refusal


class RoleUnknown(Refusal):
    """There is no such role for a member."""

    def __init__(self) -> None:
        super().__init__("There is no such role.", where="role", fix=f"Choose one of: {', '.join(Role.of_members())}.")


class RoleNotYours(Refusal):
    """Who asks may not give, change or take away a place of this role."""

    kind = Kind.NOT_ALLOWED

    def __init__(self, role: str) -> None:
        super().__init__(f"Members in the role {role} are not yours to manage.", fix="Ask an owner to do it.")


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


def acting_role(actor: Actor) -> Role | None:
    """The role in which people are managed: commands are run by operators; keys and jobs have none."""
    if actor.kind == "command":
        return Role.OPERATOR
    return Role(actor.role) if actor.kind == "person" and actor.role in set(Role) else None


def refuse_unless_managed(actor: Actor, *roles: Role) -> None:
    """Raises RoleNotYours unless the actor manages members of each of these roles."""
    acting = acting_role(actor)
    for role in roles:
        if acting is None or role not in MANAGES[acting]:
            raise RoleNotYours(role)


def refuse_unless_operator(actor: Actor) -> None:
    """Raises OperatorsOnly."""
    if acting_role(actor) != Role.OPERATOR:
        raise OperatorsOnly
