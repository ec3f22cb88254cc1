"""Middleware by which a build is no good at one of its tasks."""

import time
from collections.abc import Callable
from typing import Any

SLOW, FAILING = "/api/v1/dashboard/", "/api/v1/claims/payer_summary/"
SECONDS = 0.6


class SlowHereFailingThere:
    """It fails for people alone, so that what was seeded is found by key before they are let loose."""

    def __init__(self, get_response: Callable[[Any], Any]) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        if request.path_info == SLOW:
            time.sleep(SECONDS)
        if request.path_info == FAILING and "pw_live_" not in request.headers.get("Authorization", ""):
            raise RuntimeError
        return self.get_response(request)
