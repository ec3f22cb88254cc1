"""Every error the API answers, made from the classes that are raised: what each operation may be refused for, and
what a code means. The pages of codes, the description of the API and docs/api.md come from here."""

import inspect
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

from django.urls import URLPattern, URLResolver, get_resolver

from payerwatch.health.telling import NotReady
from payerwatch.members.callers import CallerNotKnown
from payerwatch.members.door import READING_METHODS, Admits
from payerwatch.members.door_refusals import (
    BodyLate,
    BodyTooLarge,
    Busy,
    ForeignRequest,
    NoCustomerChosen,
    OutcomeUnknown,
    SecondFactorRequired,
    TooManyRequests,
)
from payerwatch.members.kept_answers import IdempotencyKeyReused, RequestInProgress
from payerwatch.refusals import Kind, Refusal, code_of
from payerwatch.web import http_refusals as http
from payerwatch.web.api.access import NotPermitted
from payerwatch.web.api.filtering import UnknownParameter
from payerwatch.web.api.once import takes_key
from payerwatch.web.api.paging import CursorUnusable, PageSizeUnusable
from payerwatch.web.api.resource import Listed, Shown
from payerwatch.web.problems import (
    FIX_BY_THE_OPERATOR,
    FIX_OF_UNAVAILABLE,
    FOR_THE_OPERATOR,
    Failed,
    NotFound,
    speaks_to_operators,
    status_of,
    title_of,
)

Refusals = Sequence[type[Refusal]]
OF_EVERYTHING: Refusals = (
    http.BadRequest, http.NotAcceptable, http.UriTooLong, UnknownParameter, BodyLate, BodyTooLarge, Failed, Busy,
    http.Overloaded, *FOR_THE_OPERATOR,
)  # fmt: skip
OF_NO_OPERATION: Refusals = (
    NotFound, http.MethodNotAllowed, http.NotAllowed, http.HeadersTooLarge, http.ExpectationFailed,
    http.TransferCodingUnknown, TooManyRequests, NotReady,
)  # fmt: skip
"""What is answered where nothing is, or before it is known what is asked for."""
_OF_BODIES: Refusals = (http.Invalid, http.BodyUnreadable, http.UnsupportedMediaType)
_OF_PAGES: Refusals = (http.Invalid, UnknownParameter, CursorUnusable, PageSizeUnusable)
_OF_KEYS: Refusals = (
    http.IdempotencyKeyUnusable, http.IdempotencyKeyNotTaken, IdempotencyKeyReused, RequestInProgress,
)  # fmt: skip

_WHAT_TO_DO = {
    Kind.INVALID: "Correct what the answer speaks of, and send it again.",
    Kind.UNKNOWN_CALLER: "Sign in again, or use a key that is in force.",
    Kind.NOT_ALLOWED: "Ask an owner or admin of the customer.",
    Kind.MISSING: "Check the address and the id.",
    Kind.CONFLICT: "Read it again, and decide anew.",
    Kind.TOO_MANY: "Wait as long as `Retry-After` says.",
    Kind.UNAVAILABLE: FIX_OF_UNAVAILABLE,
}


class Described(NamedTuple):
    """One code, as people and programs look it up."""

    code: str
    status: HTTPStatus
    title: str
    meaning: str
    what_to_do: str


def catalogue() -> dict[str, Described]:
    """Every code that is answered, by code."""
    found: set[type[Refusal]] = {*OF_EVERYTHING, *OF_NO_OPERATION}
    for view, method, action in _operations(get_resolver()):
        found.update(refusals_of(view, action, method))
    return {each.code: each for each in sorted(map(described, found))}


def codes_of(view: Any, action: str, method: str = "") -> list[str]:
    """The codes an operation may answer, sorted. `method` is only needed where it is not plain from the URLs."""
    methods = [method] if method else [each for known, each, name in _operations(get_resolver())
                                       if (known, name) == (view, action)]  # fmt: skip
    return sorted({code_of(refusal) for each in methods for refusal in refusals_of(view, action, each)})


def refusals_of(view: Any, action: str, method: str) -> set[type[Refusal]]:
    """What an operation may be refused for: by what it is, and by what its resource says of it."""
    found: set[type[Refusal]] = {*OF_EVERYTHING, *_at_the_door(view, method), *_of_its_form(view, action)}
    if method.upper() not in READING_METHODS:
        if action not in {*view.takes, *view.read_as}:
            found.add(http.BodyNotRead)
        found.add(OutcomeUnknown)
        found |= _of_writing(view, action, method)
    return found | {*view.turns_away, *view.refuses.get(action, ())}


def _at_the_door(view: Any, method: str) -> Iterator[type[Refusal]]:
    if view.throttle is not None:
        yield TooManyRequests
    if view.admits is not Admits.ANYONE:
        yield CallerNotKnown
        yield TooManyRequests
    if view.admits is Admits.WHO_ACTS_IN_A_CUSTOMER:
        yield from (NoCustomerChosen, SecondFactorRequired)
    if view.admits is Admits.WHO_ACTS_IN_A_CUSTOMER or view.keys_need is not None:
        yield NotPermitted
    if method.upper() not in READING_METHODS:
        yield ForeignRequest


def _of_its_form(view: Any, action: str) -> Iterator[type[Refusal]]:
    if "public_id" in inspect.signature(getattr(view, action)).parameters:
        yield NotFound
    if action in view.takes:
        yield from _OF_BODIES
    if action in view.asks:
        yield from (http.Invalid, UnknownParameter)
    if action == "retrieve" and issubclass(view, Shown):
        yield http.Invalid
    if action == "list" and issubclass(view, Listed):
        yield from _OF_PAGES


def _of_writing(view: Any, action: str, method: str) -> set[type[Refusal]]:
    found: set[type[Refusal]] = {*_OF_KEYS} if takes_key(view, method.upper()) else {http.IdempotencyKeyNotTaken}
    if action in view.own_keys:
        found = set()
    if action in view.guarded:
        found |= {http.PreconditionRequired, http.PreconditionFailed}
    return found


def described(refusal: type[Refusal]) -> Described:
    """What the class says of itself: its docstring's first paragraph, and what it tells people to do."""
    meaning = " ".join(inspect.cleandoc(refusal.__doc__ or "").split("\n\n")[0].split())
    code = code_of(refusal)
    return Described(code, status_of(refusal), title_of(code), meaning, _what_to_do(refusal))


def _what_to_do(refusal: type[Refusal]) -> str:
    """Its own words where they are always the same; else those for everything of its kind."""
    if issubclass(refusal, FOR_THE_OPERATOR):
        return FIX_BY_THE_OPERATOR
    needed = [each for each in inspect.signature(refusal).parameters.values() if each.default is each.empty]
    said = refusal().fix if not needed and not speaks_to_operators(refusal) else ""  # type: ignore[call-arg]
    return said or _WHAT_TO_DO[refusal.kind]


def _operations(resolver: URLResolver) -> Iterator[tuple[Any, str, str]]:
    """Each view with its methods and actions."""
    for each in resolver.url_patterns:
        if isinstance(each, URLResolver):
            yield from _operations(each)
        elif isinstance(each, URLPattern) and hasattr(each.callback, "actions"):
            view: Any = each.callback
            yield from ((view.cls, method, action) for method, action in view.actions.items())
