"""The metrics as they are collected: what was counted, and what is measured when somebody asks."""

import time
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from payerwatch.health import telling
from payerwatch.health.findings import Status
from payerwatch.health.lookout import Lookout
from payerwatch.measuring.metrics import registry_of
from payerwatch.refusals import Refusal
from payerwatch.tenancy.connections import ask_apart

CONTENT_TYPE = CONTENT_TYPE_LATEST
_GAUGES = {
    "database:responseTime": ("database_response_seconds", "How long the database took to answer.", 0.001),
    "migrations:pending": ("migrations_pending", "Migrations of this release that are not applied.", 1),
    "disk:free": ("disk_free_bytes", "Of the place where there is least.", 1024 * 1024),
    "worker:heartbeatAge": ("worker_heartbeat_age_seconds", "Since any worker said that it lives.", 1),
    "worker:count": ("workers", "Workers that live, or whose silence has not been noticed yet.", 1),
    "queue:oldestAge": ("queue_oldest_job_age_seconds", "For how long a job has been due that nobody has taken.", 1),
    "outbox:lag": ("outbox_lag_seconds", "For how long a receiver has been due whom nobody has sent to.", 1),
    "queue:parked": ("jobs_parked", "Jobs that failed for good and wait for a person.", 1),
    "backup:age": ("backup_age_seconds", "Since the last backup.", 1),
}
_WAITS = """
SELECT count(*), coalesce(extract(epoch FROM max(clock_timestamp() - waitstart)), 0)
FROM pg_locks WHERE NOT granted AND (database IS NULL OR database = (
    SELECT oid FROM pg_database WHERE datname = current_database()))
"""


class MetricsAddressUnusable(Refusal):
    """Where metrics are to be told is no address of this machine, or another program has it."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(
            f"Metrics cannot be told there: {reason}.", where=f"--metrics {host}:{port}", fix="Choose another port."
        )


def exposed() -> bytes:
    return generate_latest(registry_of(_Measured()))


class _Told(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = exposed() if self.path == "/metrics" else b""
        self.send_response(HTTPStatus.OK if body else HTTPStatus.NOT_FOUND)
        self.send_header("Content-Type", CONTENT_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_said: object) -> None:
        """Nothing: it is asked every few seconds."""


def tell_metrics_at(host: str, port: int) -> None:
    """In a thread of its own, for as long as the process lives. Raises MetricsAddressUnusable."""
    try:
        server = ThreadingHTTPServer((host, port), _Told)
    except OSError as error:
        raise MetricsAddressUnusable(host, port, error.strerror or "it cannot be had") from None
    Thread(target=server.serve_forever, name="metrics", daemon=True).start()


class _Measured(Collector):
    """What is found in the database and on the disk; nothing of what cannot be measured now."""

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily("payerwatch_build", "Which build answers.", {"build": settings.BUILD})
        asked = time.monotonic()
        _lock_waits.begin(asked)
        found = {each.check: each for each in telling.findings(asked)}
        healthy = float(all(each.status is not Status.FAIL for each in found.values()))
        yield GaugeMetricFamily("payerwatch_healthy", "1 unless a check of the health document fails.", healthy)
        for check, (name, words, scale) in _GAUGES.items():
            value = found[check].value if check in found else None
            if isinstance(value, int | float):
                yield GaugeMetricFamily(f"payerwatch_{name}", words, value * scale)
        waits = _lock_waits.found(asked)
        if waits is not None:
            yield GaugeMetricFamily("payerwatch_lock_waits", "Who waits for a lock of the database now.", waits[0])
            yield GaugeMetricFamily(
                "payerwatch_lock_wait_seconds", "How long the one has waited that has done so the longest.", waits[1]
            )


def _ask_for_waits() -> tuple[float, float] | None:
    if connection.vendor != "postgresql":
        return None
    try:
        ask_apart()
        with connection.cursor() as cursor:
            cursor.execute(_WAITS)
            number, longest = cursor.fetchone()
            return float(number), float(longest)
    except (DatabaseError, InterfaceError):
        return None
    finally:
        connection.close()


_lock_waits: Lookout[tuple[float, float] | None] = Lookout(_ask_for_waits, lambda: None)
