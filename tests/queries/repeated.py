"""Whether one request, or one step of a job, sends the same statement again and again.

    N+1    a query for a list, and then one for each of what is on it: quick in a test, slow with a customer's rows

Watched is every request of Django's test client and every step that is run as a job within the tests' process. The same
is a statement of the same words, values aside, from the same line of ours. Processes that tests start are not watched.
"""

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import pytest
from django.db import connection
from django.test.client import ClientHandler

import payerwatch
from payerwatch.jobs.job import Job

MOST = 10
"""Times that a statement may be sent from one line. What grows with rows exceeds it wherever a test has a dozen."""
SOURCE = Path(payerwatch.__file__).parent
_OURS = f"{SOURCE}/"
# How a statement is sent, not what it is sent for.
_PLUMBING = tuple(f"{_OURS}{each}" for each in ("tenancy/", "jobs/queue.py", "audit/", "sealing/"))
_FRAMES = ("BEGIN", "COMMIT", "ROLLBACK", "SET LOCAL", "SAVEPOINT", "RELEASE")
_VALUES = re.compile(r"(?:%s|\?|\d+)(?:, ?(?:%s|\?|\d+))*")


class Repeated(NamedTuple):
    """A statement that was sent too often, from where, within what."""

    within: str
    place: str
    times: int
    statement: str

    def __str__(self) -> str:
        return f"{self.within}: {self.times} times from {self.place}: {self.statement[:300]}"


# By the place that sends it, why a statement may be sent for each of several things.
ALLOWED: dict[str, str] = {}


class Watch:
    """The statements of one piece of work."""

    def __init__(self, within: str) -> None:
        self._within = within
        self._times: Counter[tuple[str, str]] = Counter()

    def __call__(self, execute: Callable[..., Any], statement: str, values: Any, many: bool, context: Any) -> Any:
        if _watching.get() is self and not statement.startswith(_FRAMES):
            self._times[_words_of(statement), _place(sys._getframe(1))] += 1
        return execute(statement, values, many, context)

    def repeated(self, most: int = MOST) -> list[Repeated]:
        return [
            Repeated(self._within, place, times, words)
            for (words, place), times in self._times.items()
            if times > most and place.partition(":")[0] not in ALLOWED
        ]


_watching: ContextVar[Watch | None] = ContextVar("watching", default=None)
_found: list[Repeated] = []


@contextmanager
def watched(within: str) -> Iterator[Watch]:
    """Count what is sent in this thread; what a step within does is the step's, and counted apart."""
    watch = Watch(within)
    before = _watching.set(watch)
    try:
        with connection.execute_wrapper(watch):
            yield watch
    finally:
        _watching.reset(before)
        _found.extend(watch.repeated())


def taken() -> list[Repeated]:
    """What was found since this was last asked."""
    found, _found[:] = list(_found), []
    return found


@contextmanager
def requests_and_steps_watched() -> Iterator[None]:
    answer, run = ClientHandler.get_response, Job.run

    def answered(handler: ClientHandler, request: Any) -> Any:
        with watched(f"{request.method} {request.path}"):
            return answer(handler, request)

    def done(job: Job) -> None:
        with watched(job.step):
            run(job)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ClientHandler, "get_response", answered)
        patch.setattr(Job, "run", done)
        yield


@lru_cache(maxsize=10_000)
def _words_of(statement: str) -> str:
    """Without its values, of which there may be more or fewer."""
    return _VALUES.sub("?", statement)


def _place(frame: FrameType | None) -> str:
    """The innermost line of ours that asks for something."""
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(_OURS) and not name.startswith(_PLUMBING):
            return f"{name.removeprefix(_OURS)}:{frame.f_lineno}"
        frame = frame.f_back
    return "nowhere of ours"
