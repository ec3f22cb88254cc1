"""Outside of everything: each request has an id, and leaves one line on the log."""

import logging
import secrets
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.http.response import HttpResponseBase

from payerwatch.config.logging import request_id

log = logging.getLogger(__name__)

_ID_LENGTH = range(8, 65)
_ID_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT"})


class RequestLines:
    """Django middleware, the outermost. The line has the route as we wrote it, never the address as it was asked."""

    def __init__(self, get_response: Callable[[Any], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> HttpResponseBase:
        began = time.perf_counter()
        request.request_id = id_of(request.META.get("HTTP_X_REQUEST_ID", ""))
        before = request_id.set(request.request_id)
        try:
            response = self.get_response(request)
            response.headers["X-Request-ID"] = request.request_id
            _log(request, response, time.perf_counter() - began)
            response._has_been_logged = True  # type: ignore[attr-defined]  # else Django adds a line without the id
        finally:
            request_id.reset(before)
        return response


def id_of(given: str) -> str:
    """The id that was given; one that could not be ours or a well-behaved client's is replaced."""
    well_formed = len(given) in _ID_LENGTH and set(given) <= _ID_LETTERS
    return given if well_formed else secrets.token_hex(12)


def _log(request: Any, response: HttpResponseBase, seconds: float) -> None:
    caller = getattr(request, "caller", None)
    about = {
        "method": request.method if request.method in _METHODS else "another",
        "route": getattr(request, "route", ""),
        "status": response.status_code,
        "milliseconds": round(seconds * 1000, 1),
        "actor": caller.actor.id if caller else "",
        "customer": caller.customer.public_id if caller and caller.customer else "",
    }
    failed = response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
    log.log(logging.ERROR if failed else logging.INFO, "answered", extra=about)
