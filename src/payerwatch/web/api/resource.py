"""What every resource shares: who may do what by action, one entry for each reading of claims, own rows only.

A resource names its `thing`, its `queryset`, its serializer and `may`, action by action; an action that is not
in `may` is refused to everyone.
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import Model, QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.viewsets import GenericViewSet

from payerwatch.audit.record import Thing, record
from payerwatch.members.callers import Caller
from payerwatch.members.door import READING_METHODS, Admits, Attempt
from payerwatch.members.roles import Permission
from payerwatch.web.problems import NotFound

PUBLIC_ID = re.compile(r"[a-z]{3}_[0-9a-z]{1,24}")


class Resource(GenericViewSet):
    """One kind of thing, at one place of the API."""

    admits: ClassVar[Admits] = Admits.WHO_ACTS_IN_A_CUSTOMER
    throttle: ClassVar[str | None] = "api"
    sets_cookies: ClassVar[bool] = False
    enters_itself: ClassVar[bool] = False
    may: ClassVar[Mapping[str, Permission | Admits]] = {}
    thing: ClassVar[str]
    verbs: ClassVar[Mapping[str, str]] = {}
    """The trail's word for an action, where it is not the action's name; reading is `read`."""
    reading_is_recorded: ClassVar[bool] = False
    http_method_names = ["get", "head", "post", "patch", "delete"]
    lookup_field = "public_id"
    lookup_value_regex = r"[^/]{1,80}"
    metadata_class = None
    queryset: QuerySet

    @property
    def caller(self) -> Caller:
        caller: Caller = self.request.user  # type: ignore[assignment]
        return caller

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        reading = request.method in READING_METHODS
        verb = self.verbs.get(self.action or "", "read" if reading else str(self.action))
        thing = Thing(self.thing, public_id_in(kwargs))
        recorded = self.reading_is_recorded or not reading
        request._request.attempt = Attempt(verb, thing, recorded)  # type: ignore[attr-defined]
        super().initial(request, *args, **kwargs)

    def get_object(self) -> Any:
        """The thing of the id in the address, of this customer alone. Raises NotFound."""
        found = self.with_id(public_id_in(self.kwargs))
        if found is None:
            raise NotFound
        return found

    def with_id(self, public_id: str) -> Model | None:
        return self.get_queryset().filter(**{self.lookup_field: public_id}).first()

    def record_reading(self, thing: Thing, **about: Any) -> None:
        """One entry for what this request has shown."""
        record("read", thing, actor=self.caller.actor, after=about)


class Listed:
    """`list`: the customer's things, filtered, in pages."""

    def list(self: Any, request: Request) -> Response:
        rows = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        shown = self.get_serializer(rows, many=True).data
        if self.reading_is_recorded:
            self.record_reading(Thing(self.thing), filter=what_was_asked(request), count=len(rows))
        page: Response = self.get_paginated_response(shown)
        return page


class Shown:
    """`retrieve`: one of the customer's things."""

    def retrieve(self: Any, request: Request, public_id: str) -> Response:  # noqa: ARG002
        found = self.get_object()
        shown = self.get_serializer(found).data
        if self.reading_is_recorded:
            self.record_reading(Thing(self.thing, public_id), count=1)
        return Response(shown)


def public_id_in(kwargs: Mapping[str, Any]) -> str:
    """The id of an address as far as it can be one: what people type there may be anything."""
    given = str(kwargs.get("public_id", ""))
    return given if PUBLIC_ID.fullmatch(given) else ""


# Of these the trail keeps the value; of any other, such as a claim's number, only that it was given.
_PLAIN_FILTERS = {"outcome", "submitted_from", "submitted_to", "page_size", "upload", "state", "measure", "format"}


def what_was_asked(request: Request) -> dict[str, str]:
    """The filter of a listing without what could tell of a patient."""
    return {
        name: str(value) if name in _PLAIN_FILTERS else "(given)"
        for name, value in request.query_params.items()
        if name != "cursor"
    }


def checked(form: type[Serializer], request: Request) -> dict[str, Any]:
    """The body as the form has it. Raises ValidationError."""
    filled = form(data=request.data)
    filled.is_valid(raise_exception=True)
    return dict(filled.validated_data)


def checked_query(form: type[Serializer], request: Request) -> dict[str, Any]:
    """The parameters of the address as the form has them. Raises ValidationError, for one it does not know too."""
    filled = form(data=request.query_params)
    unknown = set(request.query_params) - set(filled.fields)
    if unknown:
        known = ", ".join(sorted(filled.fields))  # what was typed as a name may be a value
        raise ValidationError(f"There is no such parameter; there are: {known}.")
    filled.is_valid(raise_exception=True)
    return dict(filled.validated_data)
