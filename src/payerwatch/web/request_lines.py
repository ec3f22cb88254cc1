"""Outside of everything: each request has an id and a trace, and leaves one line on the log."""

import logging
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from django.http.response import HttpResponse, HttpResponseBase

from payerwatch.config.logging import milliseconds_since, request_id
from payerwatch.config.trace_context import continued, describe
from payerwatch.measuring import metrics

log = logging.getLogger(__name__)

_ID_LENGTH = range(8, 65)
_ID_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
_WITHOUT_LENGTH = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})
_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT"})


class RequestLines:
    """Django middleware, the outermost. The line has the route as we wrote it, never the address as it was asked."""

    def __init__(self, get_response: Callable[[Any], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> HttpResponseBase:
        began = time.perf_counter()
        with continued(request.META.get("HTTP_TRACEPARENT", ""), name="request") as span:
            request.request_id = id_of(request.META.get("HTTP_X_REQUEST_ID", ""), span.trace_id)
            before = request_id.set(request.request_id)
            try:
                response = self.get_response(request)
                response.headers["X-Request-ID"] = request.request_id
                _tell_length(response)
                _log(request, response, milliseconds_since(began))
                response._has_been_logged = True  # type: ignore[attr-defined]  # else Django adds a line without the id
            finally:
                request_id.reset(before)
        return response


def id_of(given: str, trace_id: str) -> str:
    """The id that was given. Without one, or with one that no well-behaved client gives, it is that of the trace."""
    well_formed = len(given) in _ID_LENGTH and set(given) <= _ID_LETTERS
    return given if well_formed else trace_id


def _tell_length(response: HttpResponseBase) -> None:
    """Else the server would send it in pieces. What is made as it is sent has none yet."""
    if isinstance(response, HttpResponse) and response.status_code not in _WITHOUT_LENGTH:
        response.headers.setdefault("Content-Length", str(len(response.content)))


def _log(request: Any, response: HttpResponseBase, milliseconds: float) -> None:
    caller = getattr(request, "caller", None)
    about = {
        "method": request.method if request.method in _METHODS else "another",
        "route": getattr(request, "route", ""),
        "status": response.status_code,
        "milliseconds": milliseconds,
        "actor": caller.actor.id if caller else "",
        "customer": caller.customer.public_id if caller and caller.customer else "",
    }
    _count(about, response.status_code)
    _describe(about)
    failed = response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
    usual = logging.DEBUG if getattr(request, "is_probe", False) else logging.INFO
    log.log(logging.ERROR if failed else usual, "answered", extra=about)


def _describe(about: Mapping[str, Any]) -> None:
    """By the names that OpenTelemetry has for them."""
    told = {"http.request.method": about["method"], "http.response.status_code": about["status"]}
    route = {"http.route": about["route"]} if about["route"] else {}
    describe(f"{about['method']} {about['route']}".strip(), **told, **route)


def _count(about: Mapping[str, Any], status: int) -> None:
    """HEAD is answered by what answers GET."""
    method = "GET" if about["method"] == "HEAD" else about["method"]
    route = about["route"] or "none"
    metrics.requests.labels(method, route, f"{status // 100}xx").inc()
    metrics.request_seconds.labels(method, route).observe(about["milliseconds"] / 1000)
