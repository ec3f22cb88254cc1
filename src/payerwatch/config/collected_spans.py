"""Spans as OpenTelemetry sends them to a collector.

A span says what was done, when, for how long and with what status: no customer, no address, nothing that was sent.
They leave by a thread of the process, some at a time; where the collector does not answer they are dropped, and nobody
waits.

https://opentelemetry.io/docs/specs/otel/protocol/exporter/
"""

from collections.abc import Mapping

from django.conf import settings
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)
from opentelemetry.trace import Span as OtelSpan

from payerwatch.config import env
from payerwatch.config.trace_context import Recording, Span

GIVES_UP = 3
"""Seconds for which some spans are tried for, and so for which a process that ends waits for them."""


class Collected:
    """Begins spans that a collector is told of when they have ended."""

    def __init__(self) -> None:
        about = {"service.name": env.text("OTEL_SERVICE_NAME", "payerwatch"), "service.version": settings.BUILD}
        provider = TracerProvider(resource=Resource.create(about))
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(timeout=GIVES_UP)))
        self._tracer = provider.get_tracer("payerwatch")

    def begin(self, name: str, before: Span | None) -> Recording:
        kind = SpanKind.SERVER if name == "request" else SpanKind.INTERNAL
        return _Recording(self._tracer.start_span(name, _context_of(before), kind=kind))


class _Recording:
    def __init__(self, span: OtelSpan) -> None:
        self._span = span
        about = span.get_span_context()
        self.span = Span(f"{about.trace_id:032x}", f"{about.span_id:016x}", about.trace_flags.sampled)

    def describe(self, name: str, about: Mapping[str, str | int]) -> None:
        self._span.update_name(name)
        self._span.set_attributes(about)

    def failed(self, kind: str) -> None:
        self._span.set_status(StatusCode.ERROR, kind)

    def end(self) -> None:
        self._span.end()


def _context_of(before: Span | None) -> Context:
    """What a span begins in: after the span before, which was another process's, or after none."""
    if before is None:
        return Context()
    about = SpanContext(int(before.trace_id, 16), int(before.span_id, 16), True, TraceFlags(int(before.sampled)))
    return set_span_in_context(NonRecordingSpan(about), Context())
