"""Builds that are pretended: a socket each at which somebody answers, and no process behind it."""

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import Any

from payerwatch.release.layout import Layout
from payerwatch.release.processes import WEB, WORK
from payerwatch.release.refusals import ReleaseRefused
from tests.release.builds import install

HEALTH, READY, SCHEMA, METRICS = "/api/v1/health/", "/readyz", "/api/v1/schema/", "/metrics"
ROUTE = "/api/v1/claims/"
KEY, TOKEN = "a key", "a token"


@dataclass
class Build:
    """How a build answers; what is changed while it runs holds from then on."""

    name: str
    says_it_is: str = ""
    ready: bool = True
    checks: dict[str, str] = field(default_factory=dict)
    left_to_migrate: int | None = 0
    """None: it does not say."""
    statuses: dict[str, int] = field(default_factory=dict)
    takes: float = 0.0
    answered: int = 0
    failed: int = 0
    seconds: float = 0.0
    migrates: bool = True
    works: bool = True
    on_metrics: Callable[["Build"], None] = lambda _build: None

    def answer(self, address: str, credential: str) -> tuple[int, Any]:
        if address == READY:
            return (200, {}) if self.ready else (503, {"detail": "The disk is full."})
        if address == METRICS:
            self.on_metrics(self)
            return 200 if credential == f"Bearer {TOKEN}" else 401, self._counts()
        time.sleep(self.takes)
        if address == HEALTH:
            return 200, {"releaseId": self.says_it_is or self.name, "checks": self._checks()}
        if address == SCHEMA:
            listed = {"get": {}}
            needing = {"get": {"parameters": [{"required": True}]}}
            return 200, {"paths": {"/claims/": listed, "/claims/{id}/": listed, "/needs/": needing, "/sent/": {}}}
        return self.statuses.get(address, 200 if credential == f"Bearer {KEY}" or address != ROUTE else 401), {}

    def _checks(self) -> dict[str, Any]:
        told: dict[str, Any] = {check: [{"status": status}] for check, status in self.checks.items()}
        pending: dict[str, Any] = {"status": "pass"}
        if self.left_to_migrate is not None:
            pending["observedValue"] = self.left_to_migrate
        return told | {"migrations:pending": [pending]}

    def _counts(self) -> str:
        labels = f'method="POST",route="{ROUTE}"'
        return (
            f'payerwatch_http_requests_total{{{labels},status="2xx"}} {float(self.answered - self.failed)}\n'
            f'payerwatch_http_requests_total{{{labels},status="5xx"}} {float(self.failed)}\n'
            f"payerwatch_http_request_seconds_sum{{{labels}}} {self.seconds}\n"
        )


class _Told(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, told = self.server.build.answer(self.path, self.headers.get("Authorization", ""))
        body = (told if isinstance(told, str) else json.dumps(told)).encode()
        with suppress(OSError):
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_said: object) -> None:
        """Nothing."""


class _Server(ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, socket: Path, build: Build) -> None:
        socket.unlink(missing_ok=True)
        super().__init__(str(socket), _Told)
        self.build = build
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()


@dataclass
class Pretended:
    """In the place of processes."""

    layout: Layout
    builds: dict[str, Build] = field(default_factory=dict)
    running: dict[tuple[str, str], _Server | None] = field(default_factory=dict)
    migrated: list[tuple[str, bool]] = field(default_factory=list)

    def install(self, name: str, **differs: Any) -> Build:
        install(self.layout.root, name)
        self.builds[name] = Build(name, **differs)
        return self.builds[name]

    def migrate(self, build: str, *, before: bool) -> None:
        if not self.builds[build].migrates:
            raise ReleaseRefused("Migrating failed.")
        self.migrated.append((build, before))

    def start(self, build: str, part: str) -> None:
        if self.runs(build, part):
            return
        if part == WORK:
            self.running[build, part] = None
            if self.builds[build].works:
                self.layout.alive_file(build).touch()
        else:
            self.running[build, part] = _Server(self.layout.socket(build), self.builds[build])

    def stop(self, build: str, part: str, *, within: float) -> None:  # noqa: ARG002
        server = self.running.pop((build, part), None)
        if server is not None:
            server.shutdown()
            server.server_close()

    def runs(self, build: str, part: str) -> bool:
        return (build, part) in self.running

    def stop_all(self) -> None:
        for build in self.builds:
            for part in (WORK, WEB):
                self.stop(build, part, within=0)
