"""The API with leaks put in on purpose, one of each kind: what the crawl must find.

PostgreSQL keeps another customer's rows from any query, so each leak first steps over to the other customer, as
code would that entered a customer it was told instead of the caller's own.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar

from django.db import connection
from django.db.models.functions import Now
from django.http import HttpResponse
from django.urls import include, path
from django_filters import rest_framework as filters
from rest_framework.request import Request
from rest_framework.response import Response

from payerwatch.claims.models import Claim, Upload
from payerwatch.members import keys
from payerwatch.members.door import Admits
from payerwatch.members.invitations import waiting_invitations
from payerwatch.members.models import ApiKey, Invitation, Member
from payerwatch.refusals import Kind, Refusal
from payerwatch.tenancy import context
from payerwatch.tenancy.models import Customer
from payerwatch.web import urls as real
from payerwatch.web.api import urls as real_api
from payerwatch.web.api.access import NotPermitted
from payerwatch.web.api.api_keys import ApiKeys
from payerwatch.web.api.audit_entries import AuditEntries
from payerwatch.web.api.claims import ClaimFilter, Claims
from payerwatch.web.api.drift_events import DriftEvents
from payerwatch.web.api.invitations import Invitations
from payerwatch.web.api.me import ActingCustomer
from payerwatch.web.api.members import Members
from payerwatch.web.api.paging import CursorPages
from payerwatch.web.api.resource import Resource
from payerwatch.web.api.settings import Settings
from payerwatch.web.api.uploads import Uploads


@dataclass(frozen=True)
class Leak:
    """What leaks, and where the crawl sees it."""

    name: str
    endpoint: str
    position: str


@contextmanager
def stepped_into(customer: Customer | int) -> Iterator[None]:
    own = context.current_customer_id()
    _enter(customer if isinstance(customer, int) else customer.pk)
    try:
        yield
    finally:
        _enter(own)


def _enter(customer_id: int) -> None:
    context._acting_customer.set(customer_id)
    if connection.vendor == "postgresql":
        context._set_policy_customer(str(customer_id))


def elsewhere(look: Callable[[], Any]) -> Any:
    """The first thing found in any other customer."""
    for customer in Customer.objects.exclude(pk=context.current_customer_id()):
        with stepped_into(customer):
            found = look()
        if found:
            return found
    return None


class SomebodyElses(Refusal):
    kind = Kind.MISSING

    def __init__(self) -> None:
        super().__init__("This is not yours.")


class NameTaken(Refusal):
    kind = Kind.CONFLICT

    def __init__(self, key: ApiKey) -> None:
        super().__init__(f"{key.issued_by} issued {key.public_id} by this name.")


class DetailOfEveryone(Uploads):
    stands_for = "Uploads"

    def with_id(self, public_id: str) -> Any:
        return super().with_id(public_id) or elsewhere(lambda: Upload.objects.filter(public_id=public_id).first())


class CursorOfEveryone(CursorPages):
    def _salt(self) -> str:
        return f"payerwatch.cursor:{self._listing}"


class LeakyUploads(DetailOfEveryone):
    pagination_class = CursorOfEveryone


class ListOfEveryone(DriftEvents):
    stands_for = "DriftEvents"

    def paginate_queryset(self, queryset: Any) -> Any:
        return [*super().paginate_queryset(queryset), *(elsewhere(lambda: list(self.get_queryset())) or [])]


class FilterWithoutCustomer(ClaimFilter):
    def of_upload(self, claims: Any, name: str, public_id: str) -> Any:
        found = elsewhere(lambda: Upload.objects.filter(public_id=public_id).first())
        return claims.none() if found else super().of_upload(claims, name, public_id)


class HeaderForOthers(Claims):
    stands_for = "Claims"
    filterset_class = FilterWithoutCustomer

    def with_id(self, public_id: str) -> Any:
        number = public_id.removeprefix("clm_")
        if number.isascii() and number.isdigit() and len(number) < 18:
            self.seen = elsewhere(lambda: Claim.objects.filter(pk=int(number)).exists())
        return super().with_id(public_id)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer: HttpResponse = super().finalize_response(request, response, *args, **kwargs)
        if getattr(self, "seen", False):
            answer.headers["ETag"] = '"1"'
        return answer


class ForbiddenInsteadOfMissing(Members):
    stands_for = "Members"
    answers: ClassVar[dict[str, Any]] = {}

    def get_object(self) -> Any:
        public_id = self.kwargs["public_id"]
        if elsewhere(lambda: Member.objects.filter(public_id=public_id).exists()):
            raise NotPermitted("members.read")
        return super().get_object()

    def list(self, request: Request) -> Response:
        """A cache that forgets whose answer it keeps."""
        return Response(self.answers.setdefault(request.get_full_path(), super().list(request).data))


class OtherWords(Invitations):
    stands_for = "Invitations"
    kept: ClassVar[dict[str, Any]] = {}

    def get_object(self) -> Any:
        public_id = self.kwargs["public_id"]
        if elsewhere(lambda: waiting_invitations().filter(public_id=public_id).exists()):
            raise SomebodyElses
        return super().get_object()

    def _write(self, act: Any, request: Request, *args: Any, **kwargs: Any) -> Any:
        """What was answered is found again by its key alone."""
        key = request.headers.get("Idempotency-Key", "")
        if key in self.kept:
            headers = {"Idempotency-Replayed": "true"}
            return Response(self.kept[key].data, status=self.kept[key].status_code, headers=headers)
        answer = super()._write(act, request, *args, **kwargs)
        return self.kept.setdefault(key, answer) if key else answer

    def create(self, request: Request) -> Response:
        """An earlier invitation of the address is withdrawn, whoever's it is."""
        waiting = Invitation.objects.filter(email=request.data.get("email"))
        elsewhere(lambda: waiting.update(withdrawn_at=Now()))
        return super().create(request)


class CountOfEveryone(Settings):
    stands_for = "Settings"

    def show(self, request: Request) -> Response:
        shown = super().show(request)
        shown.data["claims"] = len(elsewhere(lambda: list(Claim.objects.all())) or [])
        return shown


class TakesFromOthers(ApiKeys):
    stands_for = "ApiKeys"

    def create(self, request: Request) -> Response:
        taken = elsewhere(lambda: ApiKey.objects.filter(name=request.data.get("name")).first())
        if taken:
            raise NameTaken(taken)
        return super().create(request)

    def rotate(self, request: Request, public_id: str) -> Response:
        """The key is sought in the customer that the id names."""
        self.body()
        key = elsewhere(lambda: self.with_id(public_id))
        if key is None:
            return super().rotate(request, public_id)
        with stepped_into(key.customer_id):
            return self.answer(keys.IssuedKey(key, "pw_live_none"))


class EntryFilterThatKnowsOthers(AuditEntries.filterset_class):  # type: ignore[name-defined,misc]
    actor = filters.CharFilter(method="of_actor")

    def of_actor(self, entries: Any, _name: str, actor: str) -> Any:
        if elsewhere(lambda: entries.model.objects.filter(actor_id=actor).exists()):
            return entries.none()
        if not entries.filter(actor_id=actor).exists():
            raise SomebodyElses
        return entries.filter(actor_id=actor)


class EntryOfEveryone(AuditEntries):
    stands_for = "AuditEntries"
    filterset_class = EntryFilterThatKnowsOthers

    def with_id(self, public_id: str) -> Any:
        return super().with_id(public_id) or elsewhere(lambda: super(EntryOfEveryone, self).with_id(public_id))


class KnowsCustomers(ActingCustomer):
    stands_for = "ActingCustomer"
    may: ClassVar = {"enter": Admits.ANYONE_SIGNED_IN, "leave": Admits.ANYONE_SIGNED_IN}

    def enter(self, request: Request) -> Response:
        exists = Customer.objects.filter(public_id=request.data["customer"]).exists()
        if exists and self.caller.person is not None and not self.caller.person.is_operator:
            raise NotPermitted("customer.enter")
        return super().enter(request)


LEAKS = (
    Leak("a detail is looked up for every customer", "GET uploads/<public_id>/", "path"),
    Leak("a cursor is good for every customer", "GET uploads/", "cursor"),
    Leak("a listing adds another's rows", "GET drift-events/", "as usual"),
    Leak("a filter by another's id gives nothing instead of 404", "GET claims/", "query upload"),
    Leak("a header is there for another's id alone", "GET claims/<public_id>/", "path"),
    Leak("403 for what is another's, 404 for what is not", "GET members/<public_id>/", "path"),
    Leak("a cache is kept by address alone", "GET members/", "as usual"),
    Leak("other words for what is another's", "POST invitations/<public_id>/resend/", "path"),
    Leak("a number counts another's rows", "GET settings/", "while the other grows"),
    Leak("an error names another's thing", "POST api-keys/", "body name"),
    Leak("an answer is kept by its key alone", "POST invitations/", "header Idempotency-Key"),
    Leak("a change reaches another's row of the same natural key", "POST invitations/", "rows"),
    Leak("an action takes another's thing", "POST api-keys/<public_id>/rotate/", "path"),
    Leak("a filter tells a value that another has", "GET audit-entries/", "query actor"),
    Leak("a place in a chain is sought in every chain", "GET audit-entries/<public_id>/", "path"),
    Leak("a body's id tells what exists", "POST me/customer/", "body customer"),
)
_LEAKY: tuple[type[Resource], ...] = (
    LeakyUploads, ListOfEveryone, HeaderForOthers, ForbiddenInsteadOfMissing, OtherWords, CountOfEveryone,
    TakesFromOthers, EntryOfEveryone, KnowsCustomers,
)  # fmt: skip


def with_views(*views: type[Resource]) -> ModuleType:
    """The API's routes, each answered by the view that stands for the real one, if there is one."""
    instead = {getattr(view, "stands_for", ""): view for view in views}
    patterns = []
    for each in real_api.urlpatterns:
        shown = each.callback.cls  # type: ignore[attr-defined]
        view, actions = instead.get(shown.__name__, shown), each.callback.actions  # type: ignore[attr-defined]
        patterns.append(real_api.listed(str(each.pattern), view, **actions))
    return as_urlconf(patterns)


def as_urlconf(patterns: list[Any]) -> ModuleType:
    made = ModuleType("made_urls")
    made.urlpatterns = [path("api/v1/", include(patterns))]  # type: ignore[attr-defined]
    for name in ("handler400", "handler404", "handler500"):
        setattr(made, name, getattr(real, name))
    return made


def leaky() -> ModuleType:
    ForbiddenInsteadOfMissing.answers.clear()
    OtherWords.kept.clear()
    return with_views(*_LEAKY)
