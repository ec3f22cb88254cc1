"""Who calls, as the door found, and whether the view's table lets them."""

from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from payerwatch.members.callers import Caller
from payerwatch.members.door import Admits
from payerwatch.members.roles import Permission
from payerwatch.refusals import Kind, Refusal


class NotPermitted(Refusal):
    """The caller's role, or the key's scopes, do not include this."""

    kind = Kind.NOT_ALLOWED

    def __init__(self, permission: str) -> None:
        super().__init__(f"This needs the permission {permission}.", fix="Ask an owner or admin of the customer.")


def caller_of(request: Request) -> Caller | None:
    """Whom the door recognised, if anybody."""
    caller: Caller | None = request._request.caller  # type: ignore[attr-defined]
    return caller


class ThroughTheDoor(BaseAuthentication):
    """The caller is whom the door recognised; a view recognises nobody by itself."""

    def authenticate(self, request: Request) -> tuple[Caller, None] | None:
        caller = caller_of(request)
        return (caller, None) if caller is not None else None

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="payerwatch"'


class WhatTheRoleMay(BasePermission):
    """The view's `may` against the caller's permissions."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if view.action in (None, "", "metadata"):  # as the framework calls OPTIONS
            raise MethodNotAllowed(request.method or "")
        needed: Permission | Admits | None = view.may.get(view.action)
        caller = caller_of(request)
        if needed is view.admits and needed is not Admits.WHO_ACTS_IN_A_CUSTOMER:
            _refuse_narrow_key(caller, view.keys_need)
            return True
        if not isinstance(needed, Permission):
            raise NotPermitted(view.action)
        if caller is None or not caller.may(needed):
            raise NotPermitted(needed)
        return True


def _refuse_narrow_key(caller: Caller | None, needed: Permission | None) -> None:
    """A key does what its scopes say, also where a person need only be signed in."""
    if needed is not None and caller is not None and caller.key is not None and not caller.may(needed):
        raise NotPermitted(needed)
