"""What a view raises, as problem details."""

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpResponse
from rest_framework import exceptions
from rest_framework.request import Request

from payerwatch.members.door import READING_METHODS
from payerwatch.members.door_refusals import BodyTooLarge, Busy, OutcomeUnknown, broke_off, gave_no_answer
from payerwatch.refusals import Kind, Refusal
from payerwatch.web import http_refusals as http
from payerwatch.web.api.filtering import UnknownParameter
from payerwatch.web.problems import NotFound, answer, headers_of, of_refusal, refused

log = logging.getLogger(__name__)

_IN_OUR_WORDS: Mapping[type[Exception], Callable[[], Refusal]] = {
    Http404: NotFound,
    PermissionDenied: http.NotAllowed,
    RequestDataTooBig: BodyTooLarge,
    exceptions.MethodNotAllowed: http.MethodNotAllowed,
    exceptions.NotFound: NotFound,
    exceptions.ParseError: http.BodyUnreadable,
    exceptions.PermissionDenied: http.NotAllowed,
}
"""The framework's errors, whose own words repeat what was sent."""

# The framework's words for these repeat what was sent.
_REWORDED = {
    "invalid_choice": "This is none of the values there are.",
    "not_a_list": "This must be a list.",
    "invalid": "This is not a value that can stand here.",
}


def problem_of(error: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """The answer to an error; None for what nobody foresaw, which is a 500 and shows nothing of itself."""
    if gave_no_answer(error):
        log.error("The database does not answer.", exc_info=error)
        return refused(OutcomeUnknown() if _keeps_itself(context) and broke_off(error) else Busy())
    if isinstance(error, exceptions.ValidationError):
        return answer(_invalid(error, context["request"]))
    if isinstance(error, exceptions.UnsupportedMediaType):
        return refused(http.UnsupportedMediaType(each.media_type for each in context["view"].get_parsers()))
    if isinstance(error, exceptions.NotAcceptable):
        return refused(http.NotAcceptable(_given_by(context["view"])))
    refusal = error if isinstance(error, Refusal) else _in_our_words(error)
    if refusal is None:
        return None
    if refusal.kind is Kind.UNAVAILABLE:
        log.error("Something needed does not answer: %s", refusal.message, exc_info=error)
    return answer(_refused(refusal, context["request"], context["view"]), headers_of(refusal))


def _keeps_itself(context: Mapping[str, Any]) -> bool:
    """Whether the error may come from keeping a change, which the door otherwise does after the view."""
    return context["view"].enters_itself and context["request"].method not in READING_METHODS


def _given_by(view: Any) -> list[str]:
    return [*view.media] or [each.media_type for each in view.get_renderers()]


def _in_our_words(error: Exception) -> Refusal | None:
    return next((ours() for theirs, ours in _IN_OUR_WORDS.items() if isinstance(error, theirs)), None)


def _refused(refusal: Refusal, request: Request, view: Any) -> dict[str, Any]:
    """A refusal that speaks of a field of the body or a parameter of the address points at it."""
    reading = request.method in READING_METHODS or isinstance(refusal, UnknownParameter)
    field = view.fields_meant.get(type(refusal), refusal.where)
    sent = request.query_params if reading else getattr(request._request, "body_fields", ())
    if refusal.kind is Kind.UNAVAILABLE or field not in sent:
        return of_refusal(refusal)
    return of_refusal(refusal, errors=[_about(f"/{field}", refusal.message, reading=reading)])


def _about(pointer: str, words: str, *, reading: bool) -> dict[str, str]:
    """What reads is asked by parameters of the address, all else by a body."""
    return {"parameter": pointer[1:], "detail": words} if reading else {"pointer": pointer, "detail": words}


def _invalid(error: exceptions.ValidationError, request: Request) -> dict[str, Any]:
    reading = request.method in READING_METHODS
    errors = [_about(pointer, words, reading=reading) for pointer, words in _flattened(error.detail, "")]
    return of_refusal(http.Invalid(), errors=errors)


def _flattened(detail: Any, pointer: str) -> Iterator[tuple[str, str]]:
    """Each complaint with a JSON pointer (RFC 6901) to what it is about."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            step = "" if name == "non_field_errors" else f"/{str(name).replace('~', '~0').replace('/', '~1')}"
            yield from _flattened(inner, pointer + step)
    elif isinstance(detail, list):
        for place, inner in enumerate(detail):
            nested = isinstance(inner, Mapping | list)
            yield from _flattened(inner, f"{pointer}/{place}" if nested else pointer)
    else:
        yield pointer, _REWORDED.get(getattr(detail, "code", ""), str(detail))
