"""The metrics that this release counts, each with what it means.

Buckets are few: with a route in each series, every bucket more is a hundred series more.
"""

import os

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from payerwatch.config.trace_context import describe
from payerwatch.measuring.sharing import VARIABLE

REGISTRY = CollectorRegistry(auto_describe=True)
_OF_ANSWERS = (0.025, 0.1, 0.5, 2.5)
_OF_WORK = (0.1, 1, 10, 60, 600)

requests = Counter(
    "payerwatch_http_requests",
    "Requests answered, by method, route (never the address that was asked for; 'unread' is none) and class of status.",
    ["method", "route", "status"],
    registry=REGISTRY,
)
request_seconds = Histogram(
    "payerwatch_http_request_seconds",
    "How long answering took, from the request's being there to its answer.",
    ["method", "route"],
    buckets=_OF_ANSWERS,
    registry=REGISTRY,
)
shed = Counter(
    "payerwatch_http_requests_shed",
    "Requests refused before anything was done for them, as there was no room. They are in no other count.",
    registry=REGISTRY,
)
jobs = Counter("payerwatch_jobs", "Jobs tried, by step and what came of it.", ["step", "outcome"], registry=REGISTRY)
job_seconds = Histogram(
    "payerwatch_job_seconds", "How long a job took that was done.", ["step"], buckets=_OF_WORK, registry=REGISTRY
)
workers_lost = Counter(
    "payerwatch_workers_lost",
    "Workers that were silent for so long that others took up what they had. One that ends by itself is none.",
    registry=REGISTRY,
)
run_seconds = Histogram(
    "payerwatch_drift_run_seconds", "How long judging one week took.", buckets=_OF_WORK, registry=REGISTRY
)
attempts = Counter(
    "payerwatch_delivery_attempts",
    "Attempts to send a message, by channel and whether it arrived.",
    ["channel", "outcome"],
    registry=REGISTRY,
)
claims = Counter(
    "payerwatch_claims_loaded", "Rows of files that became a claim or changed one.", ["what"], registry=REGISTRY
)
set_aside = Counter("payerwatch_rows_set_aside", "Rows of files that could not be used.", registry=REGISTRY)


def note_job(step: str, outcome: str, milliseconds: float | None = None) -> None:
    """`outcome` is done, put_off, failed or parked; the time is of one that is done."""
    jobs.labels(step, outcome).inc()
    describe(step, **{"payerwatch.outcome": outcome})
    if milliseconds is not None:
        job_seconds.labels(step).observe(milliseconds / 1000)


def registry_of(*collectors: Collector) -> CollectorRegistry:
    """What all processes of this server have counted, and these beside."""
    registry = CollectorRegistry()
    if VARIABLE in os.environ:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry.register(_OfThisProcess())
    for each in collectors:
        registry.register(each)
    return registry


class _OfThisProcess(Collector):
    def collect(self):  # type: ignore[no-untyped-def]
        return REGISTRY.collect()
