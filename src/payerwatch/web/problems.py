"""The one shape of every error answer: problem details (RFC 9457) as `application/problem+json`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse

from payerwatch.claims.arrivals import FileTooLarge
from payerwatch.members.door_refusals import BodyLate, BodyTooLarge
from payerwatch.refusals import Kind, Refusal
from payerwatch.sealing.keys import FieldKeyMissing, FieldKeysNotSet
from payerwatch.sealing.sealing import SealBroken
from payerwatch.throttling.headers import rate_limit_fields
from payerwatch.throttling.verdict import Verdict

CONTENT_TYPE = "application/problem+json"
UNAVAILABLE = "Something this needs does not answer now. Nothing was changed."
UNAVAILABLE_SECONDS = 5  # after which to try again
CANNOT_BE_OPENED = "What this needs is sealed and cannot be opened here. Nothing was changed."
_FOR_THE_OPERATOR = (FieldKeyMissing, FieldKeysNotSet, SealBroken)  # no waiting helps
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
        super().__init__("There is nothing at this address.", fix="Check the address and the id.")


class TusVersionNotSpoken(Refusal):
    """The request does not say that it speaks the protocol for resumable uploads, or another version of it."""

    def __init__(self) -> None:
        super().__init__("Resumable uploads speak tus 1.0.0.", fix="Send the header Tus-Resumable: 1.0.0")


class Failed(Refusal):
    """The server failed; nothing of the request was kept."""

    def __init__(self, request_id: str) -> None:
        super().__init__(
            "Something went wrong on the server. Nothing of the request was kept.",
            where=f"request {request_id}" if request_id else "",
            fix="Try again; if it happens again, give the operator this request's id.",
        )


_STATUS_OF_REFUSAL: Mapping[type[Refusal], HTTPStatus] = {
    BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    BodyLate: HTTPStatus.REQUEST_TIMEOUT,
    TusVersionNotSpoken: HTTPStatus.PRECONDITION_FAILED,
    FileTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
}


def problem(
    status: HTTPStatus, code: str, detail: str, *, fix: str = "", errors: Sequence[Mapping[str, str]] = ()
) -> dict[str, Any]:
    """The document. `code` is stable, for programs; `detail` and `fix` are for people; `errors` point into the body.

    It names neither the address asked for nor the request, so that answers about another customer's thing
    and about nothing at all are the same to the byte; the request's id is in the header X-Request-ID.
    """
    document: dict[str, Any] = {
        "type": f"urn:payerwatch:problem:{code}",
        "title": status.phrase,
        "status": status.value,
        "code": code,
        "detail": detail,
    }
    if fix:
        document["fix"] = fix
    if errors:
        document["errors"] = [dict(error) for error in errors]
    return document


def of_refusal(refusal: Refusal, status: HTTPStatus | None = None) -> dict[str, Any]:
    if isinstance(refusal, _FOR_THE_OPERATOR):
        fix = "The operator has to look: the server's log says which key is missing."
        return problem(STATUS_OF[refusal.kind], refusal.code, CANNOT_BE_OPENED, fix=fix)
    if refusal.kind is Kind.UNAVAILABLE:  # its own words are for operators: they may name machines and files
        return problem(STATUS_OF[refusal.kind], refusal.code, UNAVAILABLE, fix="Try again in a moment.")
    status = status or _STATUS_OF_REFUSAL.get(type(refusal), STATUS_OF[refusal.kind])
    detail = f"{refusal.message.rstrip('.')} ({refusal.where.rstrip('.')})." if refusal.where else refusal.message
    return problem(status, refusal.code, detail, fix=refusal.fix)


def answer(document: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> HttpResponse:
    fields = {"Cache-Control": "no-store", **(headers or {})}
    body = json.dumps(document)
    response = Problem(body, status=document["status"], content_type=CONTENT_TYPE, headers=fields)
    response.refusal_code = str(document["code"])
    return response


def headers_of(refusal: Refusal) -> dict[str, str]:
    """What must go with the answer beside its body."""
    if refusal.kind is Kind.UNKNOWN_CALLER:
        return {"WWW-Authenticate": 'Bearer realm="payerwatch"'}
    if isinstance(refusal, TusVersionNotSpoken):
        return {"Tus-Version": "1.0.0"}
    verdict = getattr(refusal, "verdict", None)
    if isinstance(verdict, Verdict):  # of the policies asked, only those that refused are anybody's business
        refused = tuple(each for each in verdict.standings if each.refused)
        return rate_limit_fields(replace(verdict, standings=refused))
    if refusal.kind is Kind.UNAVAILABLE and not isinstance(refusal, _FOR_THE_OPERATOR):
        return {"Retry-After": str(UNAVAILABLE_SECONDS)}
    return {}


def nothing_here(_request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """Django's handler404, for addresses that lead nowhere."""
    return answer(of_refusal(NotFound()))


def server_failed(request: HttpRequest) -> HttpResponse:
    """Django's handler500: no trace, no value, only the request's id."""
    return answer(of_refusal(Failed(getattr(request, "request_id", "")), HTTPStatus.INTERNAL_SERVER_ERROR))


def not_understood(_request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """Django's handler400: a host, path or header that cannot be."""
    return answer(problem(HTTPStatus.BAD_REQUEST, "bad_request", "The request cannot be understood."))
