"""What a view raises, as problem details."""

import logging
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpResponse
from rest_framework import exceptions
from rest_framework.request import Request

from payerwatch.members.door import READING_METHODS
from payerwatch.members.door_refusals import Busy
from payerwatch.refusals import Kind, Refusal
from payerwatch.web.problems import NotFound, answer, headers_of, of_refusal, problem

log = logging.getLogger(__name__)

CODES: Mapping[type[exceptions.APIException], str] = {
    exceptions.ParseError: "body_unreadable",
    exceptions.MethodNotAllowed: "method_not_allowed",
    exceptions.NotAcceptable: "not_acceptable",
    exceptions.UnsupportedMediaType: "unsupported_media_type",
}


# The framework's words for these repeat what was sent.
_REWORDED = {
    "invalid_choice": "This is none of the values there are.",
    "not_a_list": "This must be a list.",
    "invalid": "This is not a value that can stand here.",
}


def problem_of(error: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """The answer to an error; None for what nobody foresaw, which is a 500 and shows nothing of itself."""
    if isinstance(error, OperationalError | InterfaceError):
        log.error("The database does not answer.", exc_info=error)
        return answer(of_refusal(Busy()), headers_of(Busy()))
    if isinstance(error, Refusal):
        if error.kind is Kind.UNAVAILABLE:
            log.error("Something needed does not answer: %s", error.message, exc_info=error)
        return answer(_refused(error, context["request"], context["view"]), headers_of(error))
    if isinstance(error, Http404 | exceptions.NotFound):
        return answer(of_refusal(NotFound()))
    if isinstance(error, exceptions.ValidationError):
        return answer(_invalid(error, context["request"]))
    if isinstance(error, RequestDataTooBig):
        return answer(problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", "The body is too large."))
    if isinstance(error, PermissionDenied | exceptions.PermissionDenied):
        return answer(problem(HTTPStatus.FORBIDDEN, "not_allowed", "This is not allowed."))
    if isinstance(error, exceptions.APIException):
        return _of_the_framework(error, context["view"])
    return None


def _of_the_framework(error: exceptions.APIException, view: Any) -> HttpResponse | None:
    code = CODES.get(type(error))
    if code is None:
        return None
    # Their words repeat what was sent; ours do not.
    details = {
        "body_unreadable": "The body cannot be read as what it is said to be.",
        "method_not_allowed": "This cannot be done here with this method.",
        "not_acceptable": "The answer can only be JSON.",
        "unsupported_media_type": f"Send the body as {view.get_parsers()[0].media_type}.",
    }
    return answer(problem(HTTPStatus(error.status_code), code, details[code]))


def _refused(refusal: Refusal, request: Request, view: Any) -> dict[str, Any]:
    """A refusal that speaks of a field of the body or a parameter of the address points at it."""
    reading = request.method in READING_METHODS
    field = view.fields_meant.get(type(refusal), refusal.where)
    sent = request.query_params if reading else getattr(request._request, "body_fields", ())
    if refusal.kind is Kind.UNAVAILABLE or field not in sent:
        return of_refusal(refusal)
    errors = [_about(f"/{field}", refusal.message, reading=reading)]
    return {**of_refusal(refusal), "detail": refusal.message, "errors": errors}


def _about(pointer: str, words: str, *, reading: bool) -> dict[str, str]:
    """What reads is asked by parameters of the address, all else by a body."""
    return {"parameter": pointer[1:], "detail": words} if reading else {"pointer": pointer, "detail": words}


def _invalid(error: exceptions.ValidationError, request: Request) -> dict[str, Any]:
    reading = request.method in READING_METHODS
    errors = [_about(pointer, words, reading=reading) for pointer, words in _flattened(error.detail, "")]
    return problem(HTTPStatus.BAD_REQUEST, "invalid", "Some of what was sent cannot be used.", errors=errors)


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
