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
from payerwatch.release.processes import PARTS, WEB, WORK
from payerwatch.release.refusals import ReleaseRefused
from payerwatch.release.switching import Release
from tests.release.builds import install

CUSTOMERS = "/api/v1/customers/"
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
    throttled: dict[str, list[int]] = field(default_factory=dict)
    """By address, how many seconds the next answers ask to wait; after the last it is answered."""
    lists: tuple[str, ...] = ("/claims/",)
    asked: list[str] = field(default_factory=list)
    takes: float = 0.0
    """Seconds that an answer takes."""
    hurries_after: int = 1_000_000
    """How many answers take so long; those that come later take no time."""
    answered: int = 0
    failed: int = 0
    seconds: float = 0.0
    migrates: bool = True
    works: bool = True
    on_metrics: Callable[["Build"], None] = lambda _build: None

    def asks_to_wait(self, address: str) -> int | None:
        waits = self.throttled.get(address)
        return waits.pop(0) if waits else None

    def answer(self, address: str, credential: str) -> tuple[int, Any]:
        if address == READY:
            return (200, {}) if self.ready else (503, {"detail": "The disk is full."})
        if address == METRICS:
            self.on_metrics(self)
            return 200 if credential == f"Bearer {TOKEN}" else 401, self._counts()
        time.sleep(self.takes if len(self.asked) <= self.hurries_after else 0)
        if address == HEALTH:
            return 200, {"releaseId": self.says_it_is or self.name, "checks": self._checks()}
        if address == SCHEMA and address not in self.statuses:
            listed = {"get": {}}
            needing = {"get": {"parameters": [{"required": True}]}}
            paths = dict.fromkeys(self.lists, listed)
            return 200, {"paths": paths | {"/claims/{id}/": listed, "/needs/": needing, "/sent/": {}}}
        is_known = credential == f"Bearer {KEY}" or address not in (ROUTE, CUSTOMERS)
        return self.statuses.get(address, 200 if is_known else 401), {}

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
        build, credential = self.server.build, self.headers.get("Authorization", "")
        build.asked.append(self.path)
        wait = build.asks_to_wait(self.path)
        status, told = build.answer(self.path, credential) if wait is None else (429, {})
        body = (told if isinstance(told, str) else json.dumps(told)).encode()
        with suppress(OSError):
            self.send_response(status)
            if wait is not None:
                self.send_header("Retry-After", str(wait))
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

    def where_told(self, build: str, part: str) -> str:
        return f"What {part} of {build} has said stands nowhere."

    def stop_all(self) -> None:
        for build in self.builds:
            for part in (WORK, WEB):
                self.stop(build, part, within=0)


def release(pretended: Pretended, said: list[str] | None = None, **differs: Any) -> Release:
    usual: dict[str, Any] = {"watch_seconds": 0.3, "ready_within": 0.3, "key": KEY, "metrics_token": TOKEN}
    say = (said if said is not None else []).append
    return Release(pretended.layout, pretended, say=say, **usual | differs)


def assert_used_alone(pretended: Pretended, build: str) -> None:
    assert pretended.layout.used() == build
    assert pretended.layout.current.readlink().name == build
    assert set(pretended.running) == {(build, part) for part in PARTS}
    assert pretended.layout.unfinished() is None
