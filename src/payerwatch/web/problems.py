"""The one shape of every error answer: problem details (RFC 9457) as `application/problem+json`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from payerwatch.claims.arrivals import FileTooLarge, TooManyBatchesWaiting, TooManyUploadsWaiting
from payerwatch.config.logging import request_id
from payerwatch.health.telling import NotReady
from payerwatch.members.door_refusals import BodyLate, BodyTooLarge, OutcomeUnknown
from payerwatch.members.kept_answers import IdempotencyKeyReused, RequestInProgress
from payerwatch.refusals import Kind, Refusal
from payerwatch.sealing.keys import FieldKeyMissing, FieldKeysNotSet
from payerwatch.sealing.sealing import SealBroken
from payerwatch.throttling.headers import rate_limit_fields
from payerwatch.throttling.verdict import Verdict
from payerwatch.web import http_refusals as http

CONTENT_TYPE = "application/problem+json"
DOCUMENTED_AT = "/api/v1/docs/errors/"
UNAVAILABLE = "Something this needs does not answer now. Nothing was changed."
UNAVAILABLE_SECONDS = 5  # after which to try again
CANNOT_BE_OPENED = "What this needs is sealed and cannot be opened here. Nothing was changed."
FOR_THE_OPERATOR = (FieldKeyMissing, FieldKeysNotSet, SealBroken)  # no waiting helps
FIX_OF_UNAVAILABLE = "Try again in a moment."
FIX_BY_THE_OPERATOR = "The operator has to look: the server's log says which key is missing."
STATUS_OF: Mapping[Kind, HTTPStatus] = {
    Kind.INVALID: HTTPStatus.BAD_REQUEST,
    Kind.UNKNOWN_CALLER: HTTPStatus.UNAUTHORIZED,
    Kind.NOT_ALLOWED: HTTPStatus.FORBIDDEN,
    Kind.MISSING: HTTPStatus.NOT_FOUND,
    Kind.CONFLICT: HTTPStatus.CONFLICT,
    Kind.TOO_MANY: HTTPStatus.TOO_MANY_REQUESTS,
    Kind.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
}


class Problem(HttpResponse):
    """The answer that refuses; `refusal_code` says why, for the record of what was refused."""

    refusal_code = ""


class NotFound(Refusal):
    """There is nothing here: never was, no longer is, or not for this customer."""

    kind = Kind.MISSING

    def __init__(self) -> None:
        super().__init__(
            "There is nothing at this address.", fix="Check the address, which ends in a slash, and the id."
        )


class TusVersionNotSpoken(Refusal):
    """The request does not say that it speaks the protocol for resumable uploads, or another version of it."""

    def __init__(self) -> None:
        super().__init__("Resumable uploads speak tus 1.0.0.", fix="Send the header Tus-Resumable: 1.0.0")


class Failed(Refusal):
    """A mistake of the server's; nothing of the request was kept."""

    def __init__(self) -> None:
        super().__init__(
            "Something went wrong on the server. Nothing of the request was kept.",
            fix="Try again; if it happens again, give the operator this request's id.",
        )


_STATUS_OF_REFUSAL: Mapping[type[Refusal], HTTPStatus] = {
    BodyLate: HTTPStatus.REQUEST_TIMEOUT,
    BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    FileTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    TusVersionNotSpoken: HTTPStatus.PRECONDITION_FAILED,
    Failed: HTTPStatus.INTERNAL_SERVER_ERROR,
    IdempotencyKeyReused: HTTPStatus.UNPROCESSABLE_ENTITY,
    http.PreconditionFailed: HTTPStatus.PRECONDITION_FAILED,
    http.PreconditionRequired: HTTPStatus.PRECONDITION_REQUIRED,
    http.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    http.HeadersTooLarge: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    http.MethodNotAllowed: HTTPStatus.METHOD_NOT_ALLOWED,
    http.NotAcceptable: HTTPStatus.NOT_ACCEPTABLE,
    http.TransferCodingUnknown: HTTPStatus.NOT_IMPLEMENTED,
    http.UnsupportedMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    http.UriTooLong: HTTPStatus.REQUEST_URI_TOO_LONG,
}


# Seconds after which what stands in the way may be over.
_RETRY_AFTER: Mapping[type[Refusal], int] = {
    RequestInProgress: 1,
    http.Overloaded: 2,
    TooManyBatchesWaiting: 5,
    TooManyUploadsWaiting: 30,
}


def status_of(refusal: type[Refusal]) -> HTTPStatus:
    """The status that a kind of refusal is answered with, always the same."""
    return _STATUS_OF_REFUSAL.get(refusal, STATUS_OF[refusal.kind])


def title_of(code: str) -> str:
    """A few words for the code, always the same."""
    return code.replace("_", " ").capitalize()


def address_of(code: str) -> str:
    """Where this installation tells of the code: a problem's `type`."""
    return f"{settings.PUBLIC_URL}{DOCUMENTED_AT}{code}/"


def of_refusal(refusal: Refusal, *, errors: Sequence[Mapping[str, str]] = ()) -> dict[str, Any]:
    """The document. `code` is stable, for programs; `detail` and `fix` are for people; `errors` point at what was sent.

    It does not repeat the address that was asked for, and but for the request's own id answers about another
    customer's thing and about nothing at all are the same to the byte.
    """
    detail, fix = _words(refusal, pointed_at=bool(errors))
    document: dict[str, Any] = {
        "type": address_of(refusal.code),
        "title": title_of(refusal.code),
        "status": status_of(type(refusal)).value,
        "code": refusal.code,
        "detail": detail,
        "fix": fix,
        "request_id": request_id.get(),
        "errors": [dict(error) for error in errors],
    }
    return {name: value for name, value in document.items() if value not in ("", [])}


def speaks_to_operators(refusal: type[Refusal]) -> bool:
    """Whether its own words are not for callers: of what does not answer they may name machines and files."""
    return refusal.kind is Kind.UNAVAILABLE and refusal not in (OutcomeUnknown, NotReady, http.Overloaded)


def _words(refusal: Refusal, *, pointed_at: bool) -> tuple[str, str]:
    if isinstance(refusal, FOR_THE_OPERATOR):
        return CANNOT_BE_OPENED, FIX_BY_THE_OPERATOR
    if speaks_to_operators(type(refusal)):
        return UNAVAILABLE, FIX_OF_UNAVAILABLE
    if refusal.where and not pointed_at:
        return f"{refusal.message.rstrip('.')} ({refusal.where.rstrip('.')}).", refusal.fix
    return refusal.message, refusal.fix


def answer(document: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> HttpResponse:
    fields = {"Cache-Control": "no-store", **(headers or {})}
    body = json.dumps(document)
    response = Problem(body, status=document["status"], content_type=CONTENT_TYPE, headers=fields)
    response.refusal_code = str(document["code"])
    return response


def refused(refusal: Refusal) -> HttpResponse:
    """The answer to what was refused, with what must go beside its body."""
    return answer(of_refusal(refusal), headers_of(refusal))


def headers_of(refusal: Refusal) -> dict[str, str]:
    """What must go with the answer beside its body."""
    if refusal.kind is Kind.UNKNOWN_CALLER:
        return {"WWW-Authenticate": 'Bearer realm="payerwatch"'}
    if isinstance(refusal, TusVersionNotSpoken):
        return {"Tus-Version": "1.0.0"}
    verdict = getattr(refusal, "verdict", None)
    if isinstance(verdict, Verdict):  # of the policies asked, only those that refused are anybody's business
        those = tuple(each for each in verdict.standings if each.refused)
        return rate_limit_fields(replace(verdict, standings=those))
    if type(refusal) in _RETRY_AFTER:
        return {"Retry-After": str(_RETRY_AFTER[type(refusal)])}
    if refusal.kind is Kind.UNAVAILABLE and not isinstance(refusal, FOR_THE_OPERATOR):
        return {"Retry-After": str(UNAVAILABLE_SECONDS)}
    return {}


def nothing_here(_request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """Django's handler404, for addresses that lead nowhere."""
    return refused(NotFound())


def server_failed(_request: HttpRequest) -> HttpResponse:
    """Django's handler500: no trace, no value, only the request's id."""
    return refused(Failed())


def not_understood(_request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """Django's handler400: a host, path or header that cannot be."""
    return refused(http.BadRequest())
