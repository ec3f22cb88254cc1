"""Middleware of builds that are no good."""

import time
from collections.abc import Callable
from typing import Any

from payerwatch.web.probes import LIVE_AT, METRICS_AT, READY_AT

FAILS_AT = "/api/v1/payers/"
WRITTEN_AT = "/api/v1/payer-mappings/"
TIMES_AS_LONG = 10


class FailsAtOneRoute:
    def __init__(self, get_response: Callable[[Any], Any]) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        if request.path_info == FAILS_AT:
            raise RuntimeError
        return self.get_response(request)


class FailsToWrite(FailsAtOneRoute):
    """Which only those find who write: a rehearsal does not."""

    def __call__(self, request: Any) -> Any:
        if request.method == "POST":
            request.route = WRITTEN_AT
            raise RuntimeError
        return self.get_response(request)


class TakesLong(FailsAtOneRoute):
    def __call__(self, request: Any) -> Any:
        began = time.perf_counter()
        response = self.get_response(request)
        if request.path_info not in (LIVE_AT, READY_AT, METRICS_AT):
            time.sleep((TIMES_AS_LONG - 1) * (time.perf_counter() - began))
        return response
