"""The trace that what happens belongs to, as W3C Trace Context has it: one from a request to all that it causes.

    with continued(given):        # the `traceparent` of a request, a job or a message; or "" where there is none
        ...
        traceparent()             # is handed on with what is caused

https://www.w3.org/TR/trace-context/
"""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

LENGTH = 55
"""Characters of a traceparent of version 00."""
_WRITTEN = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_SAMPLED = 0x01


class Span(NamedTuple):
    """One piece of work of a trace: a request that is answered, a job that is done, a message that is sent."""

    trace_id: str
    span_id: str
    sampled: bool = True


_current: ContextVar[Span | None] = ContextVar("span", default=None)


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
def continued(given: str = "") -> Iterator[Span]:
    """What happens within is a span of its own: of the trace given or, where none is or it is unreadable, a new one."""
    before = read_traceparent(given)
    trace_id = before.trace_id if before is not None else secrets.token_hex(16)
    span = Span(trace_id, secrets.token_hex(8), before.sampled if before is not None else True)
    token = _current.set(span)
    try:
        yield span
    finally:
        _current.reset(token)


def trace_id() -> str:
    """Of the trace that the running code belongs to; empty outside of any."""
    span = _current.get()
    return span.trace_id if span is not None else ""


def traceparent() -> str:
    """What is handed on: that what is caused belongs to this trace, and comes from this span; empty outside of any."""
    span = _current.get()
    return f"00-{span.trace_id}-{span.span_id}-{int(span.sampled):02x}" if span is not None else ""
