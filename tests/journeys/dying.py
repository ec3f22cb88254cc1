"""Middleware that kills its process, as a power cut would, once the work is done and before it is answered."""

import os
import signal
from collections.abc import Callable
from typing import Any, ClassVar

HEADER = "X-Die"


class AfterTheCommit:
    """Outermost: what was done is kept, and nobody is told."""

    when: ClassVar[str] = "after"

    def __init__(self, get_response: Callable[[Any], Any]) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        response = self.get_response(request)
        if request.headers.get(HEADER) == self.when:
            os.kill(os.getpid(), signal.SIGKILL)
        return response


class BeforeTheCommit(AfterTheCommit):
    """Innermost: the view has done everything, within a transaction that now never ends."""

    when = "before"
