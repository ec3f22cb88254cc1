"""A collector is told of every span: which request caused which job and which message, and of nobody's anything."""

import gzip
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from payerwatch.operations.management.commands.serve import GRACEFUL_SECONDS
from tests.journeys.conftest import Installation
from tests.journeys.receiving import receiver
from tests.journeys.serving import UNHINDERED, add_member, bearer, serving, tokens_of

pytestmark = [pytest.mark.database, pytest.mark.once]

API = "/api/v1"
SOON = {
    "OTEL_BSP_SCHEDULE_DELAY": "200",
    "PAYERWATCH_ALLOW_PRIVATE_ENDPOINTS": "yes",
    "DJANGO_SETTINGS_MODULE": "tests.journeys.not_looking_settings",
    "PYTHONPATH": str(Path(__file__).parents[2]),
}
HANGS, GIVES_UP = 120, 10
"""Seconds for which a collector that hangs lets everybody wait who does, and after which who sends there gives up."""
EMAIL = "ada.canary@example.com"


class Collector(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, *, hangs: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), _Collecting)
        self.bodies: list[bytes] = []
        self.hangs, self.over = hangs, threading.Event()

    @property
    def named(self) -> dict[str, str]:
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.server_address[1]}"}

    def spans(self) -> dict[str, list[Span]]:
        """By name."""
        found: dict[str, list[Span]] = {}
        for body in list(self.bodies):
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in resource.scope_spans:
                    for span in scope.spans:
                        found.setdefault(span.name, []).append(span)
        return found

    def wait_for(self, name: str, trace_id: str, *, seconds: float = 120) -> Span:
        deadline = time.monotonic() + seconds
        while True:
            for each in self.spans().get(name, []):
                if each.trace_id.hex() == trace_id:
                    return each
            assert time.monotonic() < deadline, sorted(self.spans())
            time.sleep(0.1)


class _Collecting(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.hangs:
            self.server.over.wait(HANGS)
        self.server.bodies.append(gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_said: object) -> None:
        """Nothing."""


@contextmanager
def collector(**how: bool) -> Iterator[Collector]:
    with Collector(**how) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
            thread.join()


def test_a_request_its_job_and_its_message_are_one_tree(installation: Installation, tmp_path: Path):
    add_member(installation, EMAIL)
    trace, asked_by = secrets.token_hex(16), secrets.token_hex(8)
    with (
        collector() as collecting,
        receiver(tmp_path / "system") as system,
        serving(installation, **SOON, **collecting.named) as served,
    ):
        key = bearer(tokens_of(served, EMAIL)["access"])
        endpoint = served.ask("POST", f"{API}/endpoints/", {"url": f"{system.url}/canary"}, key).document
        system.knows(endpoint["secret"])
        headers = key | {"traceparent": f"00-{trace}-{asked_by}-01"}
        assert served.ask("POST", f"{API}/endpoints/{endpoint['id']}/test/", {}, headers).status == 200
        request = collecting.wait_for("POST api/v1/endpoints/<str:public_id>/test/", trace)
        job = collecting.wait_for("payerwatch.deliveries.delivering.deliver", trace)
        message = collecting.wait_for("send webhook", trace)
    assert request.parent_span_id.hex() == asked_by
    assert job.parent_span_id == message.parent_span_id == request.span_id
    assert system.lines()[-1]["headers"]["traceparent"] == f"00-{trace}-{message.span_id.hex()}-01"
    told = b"".join(collecting.bodies)
    for secret in (EMAIL, "canary", "Practice", endpoint["id"], endpoint["secret"]):
        assert secret.encode() not in told


def test_what_a_command_did_is_told_before_it_ends(installation: Installation):
    trace = secrets.token_hex(16)
    with collector() as collecting:
        told = installation.environment | collecting.named | {"TRACEPARENT": f"00-{trace}-{'1' * 16}-01"}
        Installation(told, installation.directory).ask("events")
        span = collecting.wait_for("payerwatch events", trace, seconds=1)
    assert span.end_time_unix_nano > span.start_time_unix_nano


def test_of_what_is_refused_only_the_kind_is_told(installation: Installation):
    trace = secrets.token_hex(16)
    with collector() as collecting:
        told = installation.environment | collecting.named | {"TRACEPARENT": f"00-{trace}-{'1' * 16}-01"}
        done = Installation(told, installation.directory).run("load", "canary.csv", "--customer", "Practice")
        span = collecting.wait_for("payerwatch load", trace, seconds=1)
    assert done.code == 1, done
    assert span.status.code == Status.STATUS_CODE_ERROR
    assert span.status.message.isidentifier()
    assert not any(b"canary" in body for body in collecting.bodies)


def test_a_collector_that_hangs_keeps_nobody(installation: Installation):
    with collector(hangs=True) as collecting:
        with serving(installation, **UNHINDERED, **SOON, **collecting.named) as served:
            for _ in range(20):
                began = time.monotonic()
                assert served.ask("GET", f"{API}/").status == 200
                assert time.monotonic() - began < GIVES_UP
            ends = time.monotonic()
        assert time.monotonic() - ends < GRACEFUL_SECONDS


def test_without_what_sends_them_it_is_said_what_to_install(installation: Installation, tmp_path: Path):
    (tmp_path / "opentelemetry.py").write_text("raise ModuleNotFoundError('opentelemetry')")
    told = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "PYTHONPATH": str(tmp_path)}
    done = Installation(installation.environment | told, installation.directory).run("events", "--customer", "Practice")
    assert done.code == 1
    assert "requirements/otel.lock" in done.err
