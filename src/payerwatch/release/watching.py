"""Whether a build is as good as the one before it: waited for until it is ready, and watched while people ask it."""

import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from payerwatch.release.asking import Asker
from payerwatch.release.layout import Layout
from payerwatch.release.metrics import Answered, Answers, read_answers, since
from payerwatch.release.processes import PARTS, WEB, Processes
from payerwatch.release.refusals import Trouble
from payerwatch.release.rehearsing import reason_of

READY, METRICS = "/readyz", "/metrics"
LOOKS_CLOSELY_FOR, CLOSELY, AFTERWARDS = 5.0, 0.2, 1.0
"""Seconds after the switch in which it is looked at more often, and between two looks then and later."""
FAILS_FOR = 3.0
"""Seconds: a check that fails for a moment may do so by chance."""
SLOWER, SLOWER_BY = 3.0, 0.2
"""How many times as long, and by how many seconds, the answers of one route must take to be called slower."""
FEWEST_FAILED, SHARE_FAILED = 3, 0.02
FEWEST_TIMED = 10
SILENT_WORKER = 10.0


@dataclass
class Watcher:
    layout: Layout
    processes: Processes
    asker: Asker
    build: str
    before: str | None
    """The build that is to be gone back to."""
    metrics_token: str = ""
    _failing_since: dict[str, float] = field(default_factory=dict)

    # Before anybody asks it

    def wait_until_ready(self, within: float) -> None:
        """Raises Trouble if it ends, or is not ready in so many seconds, or is another build than it should be."""
        deadline = time.monotonic() + within
        while reason := self._why_not_ready():
            self._refuse_if_ended()
            if time.monotonic() > deadline:
                raise Trouble(f"It is not ready after {within:.0f} seconds: {reason}")
            time.sleep(0.1)
        self.refuse_another_build_at_its_socket()

    def _why_not_ready(self) -> str:
        answer = self.asker.ask(self.layout.socket(self.build), READY)
        if answer is None or answer.status != HTTPStatus.OK:
            return reason_of(answer)
        return "its worker has not begun." if self._worker_silent_for() > SILENT_WORKER else ""

    def refuse_another_build_at_its_socket(self) -> None:
        found = self.asker.build_at(self.layout.socket(self.build))
        if found != self.build:
            raise Trouble(f"What answers says that it is build {found!r}.")

    # While others ask it

    def watch(self, seconds: float) -> None:
        """Raises Trouble."""
        began = time.monotonic()
        start = self._answers(self.build)
        usual = self._answers(self.before)
        failing_before = _failing_checks(self._health(self.before))
        while (passed := time.monotonic() - began) < seconds:
            self._refuse_if_ended()
            self._refuse_silent_worker()
            health = self.asker.health(self.layout.front)
            self._refuse_another_build(health)
            self._note(_failing_checks(health) - failing_before)
            refuse_worse(since(self._answers(self.build), start), usual)
            time.sleep(min(CLOSELY if passed < LOOKS_CLOSELY_FOR else AFTERWARDS, seconds))

    def _refuse_another_build(self, health: dict[str, Any]) -> None:
        if health and health.get("releaseId") != self.build:
            raise Trouble(f"Where the proxy asks, build {health.get('releaseId')!r} answers.")

    def _note(self, failing: set[str]) -> None:
        now = time.monotonic()
        self._failing_since = {each: self._failing_since.get(each, now) for each in failing}
        for check, began in self._failing_since.items():
            if now - began >= FAILS_FOR:
                raise Trouble(f"It says that it fails: {check}.")

    def _refuse_if_ended(self) -> None:
        for part in PARTS:
            if not self.processes.runs(self.build, part):
                told = self.processes.where_told(self.build, part)
                raise Trouble(f"Its {'server' if part == WEB else 'worker'} has ended. {told}")

    def _refuse_silent_worker(self) -> None:
        if self._worker_silent_for() > SILENT_WORKER:
            raise Trouble(f"Its worker has not said for {SILENT_WORKER:.0f} seconds that it lives.")

    # Asking

    def _health(self, build: str | None) -> dict[str, Any]:
        return self.asker.health(self.layout.socket(build)) if build is not None else {}

    def _answers(self, build: str | None) -> Answers:
        if build is None or not self.metrics_token:
            return {}
        answer = self.asker.ask(self.layout.socket(build), METRICS, token=self.metrics_token)
        return read_answers(answer.body.decode()) if answer is not None and answer.status == HTTPStatus.OK else {}

    def _worker_silent_for(self) -> float:
        try:
            return time.time() - self.layout.alive_file(self.build).stat().st_mtime
        except FileNotFoundError:
            return float("inf")


def refuse_worse(now: Answers, usual: Answers) -> None:
    """Raises Trouble for a route that fails, or takes far longer, where it did not before."""
    for route, told in now.items():
        before = usual.get(route, Answered())
        if told.failed >= FEWEST_FAILED and told.share_failed > max(SHARE_FAILED, 2 * before.share_failed):
            raise Trouble(f"{route} failed {told.failed:.0f} of {told.number:.0f} times.")
        if told.number >= FEWEST_TIMED and before.number and _is_slower(told.mean, before.mean):
            raise Trouble(f"{route} takes {told.mean:.2f} s; it took {before.mean:.2f}.")


def _is_slower(now: float, before: float) -> bool:
    return now > SLOWER * before and now > before + SLOWER_BY


def _failing_checks(health: dict[str, Any]) -> set[str]:
    if not health:
        return {"it does not answer"}
    return {check for check, [found, *_] in health.get("checks", {}).items() if found["status"] == "fail"}
