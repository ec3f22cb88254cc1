"""What every resource shares: who may do what by action, one entry for each reading of claims, own rows only.

A resource names its `thing`, its `queryset` and serializer and, action by action, who `may`, what it `takes` and
what it `gives`. An action that is not in `may` is refused to everyone. The description of the API is made from these.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

from django.db.models import Model, QuerySet
from django.http import QueryDict
from django_filters import CharFilter
from rest_framework.exceptions import NotAcceptable, ValidationError
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer, BooleanField, CharField, IntegerField, Serializer
from rest_framework.utils.mediatypes import media_type_matches

from payerwatch.audit.record import Thing, record
from payerwatch.members.callers import Caller
from payerwatch.members.door import READING_METHODS, Admits, Attempt
from payerwatch.members.roles import Permission
from payerwatch.refusals import Refusal
from payerwatch.tenancy.ways import Ways
from payerwatch.web.api.conditional import tagged
from payerwatch.web.api.filtering import refuse_empty, refuse_repeated, refuse_unknown, refuse_unless_valid
from payerwatch.web.api.header_fields import HeaderField
from payerwatch.web.api.ids import NUMBERED as NUMBERED
from payerwatch.web.api.ids import PUBLIC_ID as PUBLIC_ID
from payerwatch.web.api.sparse import LIKE_A_NAME, fields_wanted, sparse
from payerwatch.web.api.writing import Writing
from payerwatch.web.http_refusals import BodyNotRead
from payerwatch.web.problems import NotFound

MOST_IDS = 50
EMPTY_BODIES = (b"", b"{}")
OWN_WORDS = frozenset({"count", "fields", "order"})  # parameters that were refused if they held any but our own words
_KINDS = ((CharField, str, "a text"), (BooleanField, bool, "true or false"), (IntegerField, int, "a whole number"))


class Gives(NamedTuple):
    """What an action answers when it is done; without a body or a file's `media` types, nothing but that.

    `otherwise` is a second status with the same body; a file that is `streamed` leaves without a tag. `form` is what
    JSON is called here.
    """

    body: type[BaseSerializer] | None = None
    status: HTTPStatus = HTTPStatus.OK
    media: tuple[str, ...] = ()
    otherwise: HTTPStatus | None = None
    streamed: bool = False
    form: str = "application/json"


NOTHING = Gives(status=HTTPStatus.NO_CONTENT)


class Resource(Writing):
    """One kind of thing, at one place of the API."""

    admits: ClassVar[Admits] = Admits.WHO_ACTS_IN_A_CUSTOMER
    throttle: ClassVar[str | None] = "api"
    sets_cookies: ClassVar[bool] = False
    enters_itself: ClassVar[bool] = False
    answers_any_host: ClassVar[bool] = False
    may: ClassVar[Mapping[str, Permission | Admits]] = {}
    takes: ClassVar[Mapping[str, type[Serializer]]] = {}
    """The form of the body, of each action that has one."""
    asks: ClassVar[Mapping[str, type[Serializer]]] = {}
    """The form of the address's parameters, of actions that are no listings and have them."""
    read_as: ClassVar[Mapping[str, Sequence[type[BaseParser]]]] = {}
    """How the body is read, by its kind, of actions to which it is not sent as JSON."""
    hears: ClassVar[Mapping[str, Sequence[HeaderField]]] = {}
    """The header fields that an action reads, beside those that all of its kind do."""
    says: ClassVar[Mapping[str, Sequence[HeaderField]]] = {}
    """The header fields that its answer bears, beside those that all do."""
    gives: ClassVar[Mapping[str, Gives]] = {}
    """What each action answers; `list` and `retrieve` give the resource's own serializer unless told otherwise."""
    refuses: ClassVar[Mapping[str, Sequence[type[Refusal]]]] = {}
    """What an action may be refused for, beside what every action of its kind may."""
    turns_away: ClassVar[Sequence[type[Refusal]]] = ()
    """What every action of the resource may be refused for, before what it asks for is looked at."""
    largest_body: ClassVar[Mapping[str, int]] = {}
    """How many bytes an action takes, where that is more than usual; the server waits for so many, see `server.py`."""
    thing: ClassVar[str]
    verbs: ClassVar[Mapping[str, str]] = {}
    """The trail's word for an action, where it is not the action's name; reading is `read`."""
    reading_is_recorded: ClassVar[bool] = False
    recorded_too: ClassVar[frozenset[int]] = frozenset()
    """Statuses of refusals to a known caller that leave an entry here, beside those that do everywhere."""
    plain_filters: ClassVar[frozenset[str]] = frozenset()
    """Of these the trail keeps the value; of any other, such as a claim's number, only that it was given."""
    shown_as: ClassVar[str] = ""
    """Under what the trail keeps the ids that a listing has shown; where nothing is said it keeps none."""
    keys_need: ClassVar[Permission | None] = None
    """What a key must have been given where people need only be signed in."""
    fields_meant: ClassVar[Mapping[type[Refusal], str]] = {}
    """The field of the body that a refusal is about, where it calls it by another name."""
    asked: Mapping[str, Any] = MappingProxyType({})
    """The filters of a listing as they were read."""
    http_method_names = ["get", "head", "post", "patch", "delete"]
    lookup_field = "public_id"
    metadata_class = None
    queryset: QuerySet

    @property
    def caller(self) -> Caller:
        caller: Caller = self.request.user  # type: ignore[assignment]
        return caller

    @classmethod
    def attempted(cls, action: str, kwargs: Mapping[str, Any], *, reading: bool) -> Attempt:
        """What a request is about to do here, in the trail's words."""
        verb = cls.verbs.get(action, "read" if reading else action)
        recorded = cls.reading_is_recorded or not reading
        return Attempt(verb, Thing(cls.thing, public_id_in(kwargs)), recorded, recorded_too=cls.recorded_too)

    def get_parsers(self) -> list[BaseParser]:
        read_as = self.read_as.get(self.action_map.get(str(self.request.method).lower(), ""))
        return [each() for each in read_as] if read_as else super().get_parsers()

    @property
    def media(self) -> tuple[str, ...]:
        """The forms in which the action answers, where that is no document."""
        gives = self.gives.get(self.action)
        return gives.media if gives is not None else ()

    @property
    def allowed_methods(self) -> list[str]:
        return [each.upper() for each in self.action_map]

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[BaseRenderer, str]:
        """The one form there is, at once where any will do. Raises NotAcceptable."""
        accepted = request.META.get("HTTP_ACCEPT", "*/*").split(",")
        media = self.media
        if accepted == ["*/*"] or any(media_type_matches(ours, each.strip()) for ours in media for each in accepted):
            renderer = self.get_renderers()[0]
            return renderer, renderer.media_type
        if media and not force:
            raise NotAcceptable
        return super().perform_content_negotiation(request, force)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Who asks first; then no parameter of the address, where the action names none. Raises UnknownParameter."""
        super().initial(request, *args, **kwargs)
        if not self._reads_parameters():
            refuse_unknown((), request.query_params)
        refuse_repeated(request.query_params)
        if not self._reads_body() and request._request.body.strip() not in EMPTY_BODIES:
            raise BodyNotRead

    def _reads_parameters(self) -> bool:
        pages = self.action == "list" and isinstance(self, Listed)
        return pages or self.action in self.asks or (self.action == "retrieve" and isinstance(self, Shown))

    def _reads_body(self) -> bool:
        """Or is asked in a way that has none, or that there is not."""
        return self.request.method in READING_METHODS or not self.action or self.action in {*self.takes, *self.read_as}

    def get_object(self) -> Any:
        """The thing of the id in the address, of this customer alone. Raises NotFound."""
        found = self.with_id(public_id_in(self.kwargs))
        if found is None:
            raise NotFound
        return found

    def with_id(self, public_id: str) -> Model | None:
        return self.get_queryset().filter(**{self.lookup_field: public_id}).first()

    def body(self) -> dict[str, Any]:
        """The body as the action's form has it, at whose fields a refusal can point. Raises ValidationError."""
        filled = self.takes[self.action](data=self.request.data)
        if isinstance(self.request.data, QueryDict):
            refuse_repeated(self.request.data)
        _refuse_unknown_fields(self.request.data, filled)
        _refuse_other_kinds(self.request.data, filled)
        self.request._request.body_fields = frozenset(filled.fields)  # type: ignore[attr-defined]
        refuse_unless_valid(filled)
        return dict(filled.validated_data)

    def query(self) -> dict[str, Any]:
        """The parameters of the address as the action's form has them. Raises ValidationError, and UnknownParameter."""
        filled = self.asks[self.action](data=self.request.query_params)
        refuse_unknown(filled.fields, self.request.query_params)
        refuse_empty(self.request.query_params)
        refuse_unless_valid(filled)
        return dict(filled.validated_data)

    def answer(self, done: Any = None) -> Response:
        """What was done, as `gives` says that the action shows it."""
        gives = self.gives[self.action]
        shown = None if gives.body is None else gives.body(done, context=self.get_serializer_context()).data
        return Response(shown, status=gives.status)

    def if_refused(self, thing: Thing, noted: Callable[[], None]) -> None:
        """Let the entry of a refusal be about this thing, and write with it what is to stay all the same."""
        asked = self.request._request
        asked.attempt = asked.attempt._replace(thing=thing, noted=noted)  # type: ignore[attr-defined]

    def record_reading(self, thing: Thing, **about: Any) -> None:
        """One entry for what this request has shown."""
        record("read", thing, actor=self.caller.actor, after=about)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """What is read leaves with a tag; so it is rendered here."""
        answered = super().finalize_response(request, response, *args, **kwargs)
        if request.method not in READING_METHODS or answered.status_code != HTTPStatus.OK or answered.streaming:
            return answered
        gives = self.gives.get(self.action)
        if gives is not None and gives.body is None and not gives.media:
            return answered  # all that it says is in its header
        if isinstance(answered, Response):
            answered.render()
        return tagged(request, answered)


class Read:
    """What listings and details share. `serializer_class` declares the body; where a resource has a `document`, it
    makes the same of a row, or of a row's `columns`, and quicker."""

    columns: ClassVar[Sequence[str]] = ()
    document: ClassVar[Any] = None

    def documents(self: Any, rows: Sequence[Any]) -> Sequence[Mapping[str, Any]]:
        if self.document is None:
            shown: Sequence[Mapping[str, Any]] = self.get_serializer(rows, many=True).data
            return shown
        return [self.document(row) for row in rows]


class Listed(Read):
    """`list`: the customer's things, filtered, in pages."""

    orders: ClassVar[Mapping[str, Sequence[str]]] = {}
    """Those that can be asked for, by name, the usual one first; each must be served by an index."""
    queryset_is_fixed: ClassVar[bool] = False
    """Whether a listing of `columns` always begins with the class's `queryset`, so that its SQL is written once."""
    order: ClassVar[Sequence[str]] = ()
    """The one order of a listing that offers no others."""

    def ways(self) -> Ways | None:
        """In which ways the rows asked for are found, where one index does not find them all."""
        return None

    def list(self: Any, request: Request) -> Response:
        wanted = fields_wanted(request, self.serializer_class)
        rows = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        shown = self.documents(rows)
        if self.reading_is_recorded:
            ids = {self.shown_as: ids_told([each["id"] for each in shown])} if self.shown_as else {}
            asked = what_was_asked(self, found=bool(rows))
            self.record_reading(Thing(self.thing), filter=asked, count=len(rows), **ids)
        page: Response = self.get_paginated_response(sparse(shown, wanted))
        return page


class Shown(Read):
    """`retrieve`: one of the customer's things."""

    def retrieve(self: Any, request: Request, public_id: str) -> Response:
        refuse_unknown({"fields"}, request.query_params)
        wanted = fields_wanted(request, self.serializer_class)
        found = self.get_object()
        shown = self.get_serializer(found).data
        if self.reading_is_recorded:
            self.record_reading(Thing(self.thing, public_id), count=1)
        return Response(sparse([shown], wanted)[0])


def _refuse_unknown_fields(sent: Any, form: Serializer) -> None:
    """A field that is misspelt must not pass for one that was left out. Raises ValidationError."""
    unknown = set(sent).difference(form.fields) if isinstance(sent, Mapping) else set()
    if unknown:
        told = f"There is no such field. There are: {', '.join(form.fields)}."
        named = {each if LIKE_A_NAME.fullmatch(str(each)) else "non_field_errors" for each in unknown}
        raise ValidationError(dict.fromkeys(sorted(named), told), code="unknown_field")


def _refuse_other_kinds(sent: Any, form: Serializer) -> None:
    """JSON says what is a text, a number or a truth: none is taken for another. Raises ValidationError."""
    given = sent if isinstance(sent, dict) and not isinstance(sent, QueryDict) else {}
    wrong = {
        name: f"Give {words}."
        for name, value in given.items()
        for field, kind, words in _KINDS
        if value is not None and isinstance(form.fields[name], field) and not _is_of(kind, value)
    }
    if wrong:
        raise ValidationError(wrong, code="of_another_kind")


def _is_of(kind: type, value: Any) -> bool:
    """In JSON 1.0 is a whole number."""
    return type(value) is kind or (kind is int and isinstance(value, float) and value.is_integer())


def public_id_in(kwargs: Mapping[str, Any]) -> str:
    """The id of an address as far as it can be one: what people type there may be anything."""
    given = str(kwargs.get("public_id", ""))
    return given if PUBLIC_ID.fullmatch(given) else ""


def ids_told(ids: Sequence[str]) -> Sequence[str] | dict[str, str]:
    """What was shown: all ids, or of a long page the first and the last; how many is told beside."""
    return ids if len(ids) <= MOST_IDS else {"first": ids[0], "last": ids[-1]}


def what_was_asked(view: Any, *, found: bool) -> dict[str, str]:
    """The filter of a listing without what could tell of a patient, or of another customer: either may be typed in
    any place. So a text is kept where something was found by it, as then it is a word of the customer's own data.
    """
    asked = {name: "(given)" for name in view.request.query_params if name != "cursor"}
    if "page_size" in asked:
        asked["page_size"] = str(int(view.request.query_params["page_size"]))
    asked |= {name: view.request.query_params[name] for name in OWN_WORDS.intersection(asked)}
    for name in view.plain_filters.intersection(asked, view.asked):
        value = view.asked[name]
        typed = isinstance(view.filterset_class.base_filters[name], CharFilter)
        if found or not typed:
            asked[name] = value.isoformat() if isinstance(value, date) else str(value)
    return asked
