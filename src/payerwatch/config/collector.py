"""Whether spans go to a collector: to the one that `OTEL_EXPORTER_OTLP_ENDPOINT` names, as everywhere."""

from importlib import import_module

from django.core.exceptions import ImproperlyConfigured

from payerwatch.config import env
from payerwatch.config.trace_context import record_spans

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_MISSING = (
    f"{ENDPOINT} names a collector, but OpenTelemetry is not installed. Unset it, or install it: "
    ".venv/bin/pip install --require-hashes -r requirements/otel.lock"
)


def record_for_collector() -> None:
    """From now on, in this process and those that it forks, if one is named; else nothing of it is loaded.

    Raises ImproperlyConfigured where what sends them is not installed.
    """
    if not env.text(ENDPOINT):
        return
    try:
        spans = import_module("payerwatch.config.collected_spans")
    except ModuleNotFoundError:
        raise ImproperlyConfigured(_MISSING) from None
    record_spans(spans.Collected().begin)
