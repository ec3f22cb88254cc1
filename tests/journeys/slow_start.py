"""A server whose processes take a while to begin, and do not where views are not there yet: only tests start one."""

import sys
import time
from pathlib import Path
from typing import Any

from django.apps import AppConfig

SECONDS = 20


class SlowStart(AppConfig):
    name = "tests.journeys.slow_start"
    label = "slow_start"
    path = str(Path(__file__).parent)

    def ready(self) -> None:
        from payerwatch.web.server import Worker  # it needs the applications

        begin = Worker.init_signals

        def slowly(worker: Any) -> None:
            assert "payerwatch.web.api.urls" in sys.modules
            time.sleep(SECONDS)
            begin(worker)

        Worker.init_signals = slowly  # type: ignore[method-assign]
