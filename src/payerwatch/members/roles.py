"""Who may do what: the one table that everything asks. What it does not list is refused."""

from collections.abc import Mapping
from enum import StrEnum


class Role(StrEnum):
    """What a person is in a customer. An operator has entered with a reason and is no member."""

    OPERATOR = "operator"
    OWNER = "owner"
    ADMIN = "admin"
    ANALYST = "analyst"
    VIEWER = "viewer"

    @classmethod
    def of_members(cls) -> "tuple[Role, ...]":
        return (cls.OWNER, cls.ADMIN, cls.ANALYST, cls.VIEWER)


class Permission(StrEnum):
    """One kind of thing that may be done; also what an API key's scopes are made of."""

    READ_CUSTOMER = "customer.read"
    READ_CLAIMS = "claims.read"
    LOAD_CLAIMS = "claims.load"
    READ_MAPPINGS = "mappings.read"
    MANAGE_MAPPINGS = "mappings.manage"
    READ_EVENTS = "events.read"
    TRIAGE_EVENTS = "events.triage"
    MANAGE_RULES = "rules.manage"
    MANAGE_ENDPOINTS = "endpoints.manage"
    READ_MEMBERS = "members.read"
    MANAGE_MEMBERS = "members.manage"
    MANAGE_KEYS = "keys.manage"
    MANAGE_SETTINGS = "settings.manage"
    READ_AUDIT = "audit.read"


P = Permission
_READ = {P.READ_CUSTOMER, P.READ_CLAIMS, P.READ_MAPPINGS, P.READ_EVENTS}
_WORK = {P.LOAD_CLAIMS, P.MANAGE_MAPPINGS, P.TRIAGE_EVENTS}
_SET_UP = {
    P.MANAGE_RULES, P.MANAGE_ENDPOINTS, P.READ_MEMBERS, P.MANAGE_MEMBERS, P.MANAGE_KEYS, P.MANAGE_SETTINGS,
    P.READ_AUDIT,
}  # fmt: skip

MAY: Mapping[Role, frozenset[Permission]] = {
    Role.OPERATOR: frozenset(_READ | _WORK | _SET_UP),
    Role.OWNER: frozenset(_READ | _WORK | _SET_UP),
    Role.ADMIN: frozenset(_READ | _WORK | _SET_UP),
    Role.ANALYST: frozenset(_READ | _WORK),
    Role.VIEWER: frozenset(_READ),
}

# Whose membership each role may give, change or take away. Whoever may touch owners may make one.
MANAGES: Mapping[Role, frozenset[Role]] = {
    Role.OPERATOR: frozenset(Role.of_members()),
    Role.OWNER: frozenset(Role.of_members()),
    Role.ADMIN: frozenset({Role.ANALYST, Role.VIEWER}),
    Role.ANALYST: frozenset(),
    Role.VIEWER: frozenset(),
}

# What a key may be given: never people, other keys, settings or where messages go, which a leaked key would use to
# stay.
SCOPES = frozenset(_READ | _WORK | {P.READ_AUDIT})
