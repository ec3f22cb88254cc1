"""The trace that what happens belongs to, as W3C Trace Context has it: one from a request to all that it causes.

    with continued(given):        # the `traceparent` of a request, a job or a message; or "" where there is none
        ...
        traceparent()             # is handed on with what is caused

A recorder that is set (`record_spans`) is told of each span's beginning and end.

https://www.w3.org/TR/trace-context/
"""

import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple, Protocol

LENGTH = 55
"""Characters of a traceparent of version 00."""
_WRITTEN = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_SAMPLED = 0x01


class Span(NamedTuple):
    """One piece of work of a trace: a request that is answered, a job that is done, a message that is sent."""

    trace_id: str
    span_id: str
    sampled: bool = True


class Recording(Protocol):
    """A span that has begun and is being recorded."""

    @property
    def span(self) -> Span:
        """Its ids, which are the recorder's to choose."""

    def describe(self, name: str, about: Mapping[str, str | int]) -> None:
        """Give it its name, once that is known, and say more of it: no value of a claim, and nothing of a person."""

    def failed(self, kind: str) -> None:
        """It ends with an error of this kind."""

    def end(self) -> None: ...


Recorder = Callable[[str, Span | None], Recording]
"""Begins a span of this name: of the trace of the span before it, or of a new one."""


class _Recorded:
    by: Recorder | None = None


_current: ContextVar[Span | None] = ContextVar("span", default=None)
_recording: ContextVar[Recording | None] = ContextVar("recording", default=None)


def record_spans(recorder: Recorder | None) -> None:
    """Tell this recorder of what happens from now on, or nobody."""
    _Recorded.by = recorder


def read_traceparent(text: str) -> Span | None:
    """The span of whoever asks; None where it is not well-formed. What later versions add is passed over."""
    found = _WRITTEN.fullmatch(text)
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    if version == "ff" or (version == "00" and more is not None):
        return None
    if not (int(trace_id, 16) and int(span_id, 16)):
        return None
    return Span(trace_id, span_id, bool(int(flags, 16) & _SAMPLED))


@contextmanager
def continued(given: str = "", *, name: str = "work") -> Iterator[Span]:
    """What happens within is a span of its own: of the trace given or, where none is or it is unreadable, a new one.

    `name` is of what is done, not of whom or what with.
    """
    before = read_traceparent(given)
    if _Recorded.by is None:
        with _within(_after(before)) as span:
            yield span
        return
    recording = _Recorded.by(name, before)
    token = _recording.set(recording)
    try:
        with _within(recording.span) as span:
            yield span
    except Exception as error:
        recording.failed(type(error).__name__)
        raise
    finally:
        _recording.reset(token)
        recording.end()


def describe(name: str, **about: str | int) -> None:
    """Give the span that the running code belongs to its name, if that is known only now, and say more of it."""
    recording = _recording.get()
    if recording is not None:
        recording.describe(name, about)


@contextmanager
def _within(span: Span) -> Iterator[Span]:
    token = _current.set(span)
    try:
        yield span
    finally:
        _current.reset(token)


def _after(before: Span | None) -> Span:
    if before is None:
        return Span(secrets.token_hex(16), secrets.token_hex(8))
    return Span(before.trace_id, secrets.token_hex(8), before.sampled)


def trace_id() -> str:
    """Of the trace that the running code belongs to; empty outside of any."""
    span = _current.get()
    return span.trace_id if span is not None else ""


def traceparent() -> str:
    """What is handed on: that what is caused belongs to this trace, and comes from this span; empty outside of any."""
    span = _current.get()
    return f"00-{span.trace_id}-{span.span_id}-{int(span.sampled):02x}" if span is not None else ""
