"""What supervisors, balancers and collectors ask, before everything else: `/livez`, `/readyz`, `/metrics`.

They name no customer, are no part of the API and never throttled; whoever is asked answers within a second.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.crypto import constant_time_compare

from payerwatch.health.exposing import CONTENT_TYPE, exposed
from payerwatch.health.telling import NotReady, why_not_ready
from payerwatch.members.callers import CallerNotKnown
from payerwatch.web.problems import NotFound, refused

LIVE = {"status": "pass"}
LIVE_AT, READY_AT, METRICS_AT = "/livez", "/readyz", "/metrics"


class Probes:
    """Django middleware, before any that asks for something."""

    def __init__(self, get_response: Callable[[Any], HttpResponseBase]) -> None:
        self.get_response = get_response
        self._answers: dict[str, Callable[[Any], HttpResponse]] = {LIVE_AT: live, READY_AT: ready, METRICS_AT: metrics}

    def __call__(self, request: Any) -> HttpResponseBase:
        answer = self._answers.get(request.path_info) if request.method in {"GET", "HEAD"} else None
        if answer is None:
            return self.get_response(request)
        request.route, request.is_probe = request.path_info, True
        return _not_kept(answer(request))


def live(_request: Any) -> HttpResponse:
    """That the process answers: nothing is asked of anything else."""
    return JsonResponse(LIVE)


def ready(_request: Any) -> HttpResponse:
    reasons = why_not_ready()
    return refused(NotReady(reasons)) if reasons else JsonResponse(LIVE)


def metrics(request: Any) -> HttpResponse:
    """For whoever says the token; where there is none, there is nothing here."""
    if not settings.METRICS_TOKEN:
        return refused(NotFound())
    given = request.META.get("HTTP_AUTHORIZATION", "").removeprefix("Bearer ")
    if not constant_time_compare(given, settings.METRICS_TOKEN):
        return refused(CallerNotKnown())
    return HttpResponse(exposed(), content_type=CONTENT_TYPE)


def _not_kept(response: HttpResponse) -> HttpResponse:
    response.headers["Cache-Control"] = "no-store"
    return response
