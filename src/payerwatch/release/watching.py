"""Whether a build is as good as the one before it: asked before anybody else asks it, and watched while they do."""

import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from payerwatch.release.asking import Answer, ask
from payerwatch.release.layout import Layout
from payerwatch.release.metrics import Answered, Answers, read_answers, since
from payerwatch.release.processes import PARTS, WEB, Processes

HEALTH, READY, SCHEMA, METRICS = "/api/v1/health/", "/readyz", "/api/v1/schema/", "/metrics"
OPEN_TO_ALL = (HEALTH, SCHEMA, "/api/v1/docs/", "/api/v1/auth/sign-in/")
ROUNDS = 3
LOOKS_IN_ROW = 3
"""A check that fails once may do so again by chance; as often as that in a row, at one look a second, it does not."""
SLOWER, SLOWER_BY = 3.0, 0.2
"""How many times as long, and by how many seconds, answers must take to be called slower."""
FEWEST_FAILED, SHARE_FAILED = 3, 0.02
FEWEST_TIMED = 10
SILENT_WORKER = 10.0


class Trouble(Exception):
    """The build is no good, and the words say why."""


@dataclass
class Watcher:
    layout: Layout
    processes: Processes
    build: str
    before: str | None
    """The build that is to be gone back to."""
    key: str = ""
    """An API key of some customer, with which it is rehearsed what is not open to all."""
    metrics_token: str = ""
    ready_within: float = 30.0
    _failing: dict[str, int] = field(default_factory=dict)

    # Before anybody asks it

    def wait_until_ready(self) -> None:
        """Raises Trouble if it ends, or is not ready in time, or is another build than it should be."""
        deadline = time.monotonic() + self.ready_within
        while (answer := self._ask(READY)) is None or answer.status != 200:
            self.refuse_if_ended()
            if time.monotonic() > deadline:
                raise Trouble(f"It is not ready after {self.ready_within:.0f} seconds: {_reason(answer)}")
            time.sleep(0.1)
        found = self._health(self.build).get("releaseId")
        if found != self.build:
            raise Trouble(f"What answers says that it is build {found!r}.")
        while self._worker_silent_for() > SILENT_WORKER:
            self.refuse_if_ended()
            if time.monotonic() > deadline:
                raise Trouble(f"Its worker has not begun after {self.ready_within:.0f} seconds.")
            time.sleep(0.1)

    def rehearse(self) -> None:
        """Ask it whatever may be read, and the build before as well. Raises Trouble."""
        addresses = [*OPEN_TO_ALL, *(self._readable() if self.key else ())]
        took = took_before = 0.0
        for address in addresses:
            answers = self._asked(self.build, address)
            earlier = self._asked(self.before, address) if self.before else []
            _refuse_failing(address, answers, earlier)
            if earlier:
                took += _usual(answers)
                took_before += _usual(earlier)
        if took > SLOWER * took_before + SLOWER_BY * bool(self.before) and self.before:
            raise Trouble(
                f"Answers to {len(addresses)} addresses took {took:.2f} s together; by {self.before} {took_before:.2f}."
            )

    def _readable(self) -> Iterator[str]:
        """Every address of the API that is read without naming a thing."""
        answer = self._ask(SCHEMA)
        document = answer.document if answer is not None else {}
        for path, operations in document.get("paths", {}).items():
            required = [each for each in operations.get("get", {}).get("parameters", ()) if each.get("required")]
            if "get" in operations and "{" not in path and not required:
                yield f"/api/v1{path}" if not path.startswith("/api/") else path

    def _asked(self, build: str | None, address: str) -> list[Answer | None]:
        assert build is not None
        socket = self.layout.socket(build)
        return [ask(socket, address, token=self.key) for _ in range(1 + ROUNDS)][1:]  # the first one loads

    # While others ask it

    def watch(self, seconds: float) -> None:
        """One look a second. Raises Trouble."""
        start = self._answers(self.build)
        usual = self._answers(self.before) if self.before else {}
        failing_before = self._failing_checks(self.before) if self.before else set()
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            self.refuse_if_ended()
            if self._worker_silent_for() > SILENT_WORKER:
                raise Trouble(f"Its worker has not said for {SILENT_WORKER:.0f} seconds that it lives.")
            self._note(self._failing_checks(self.build) - failing_before)
            refuse_worse(since(self._answers(self.build), start), usual)
            time.sleep(min(1.0, max(ends - time.monotonic(), 0)))

    def _note(self, failing: set[str]) -> None:
        self._failing = {each: self._failing.get(each, 0) + 1 for each in failing}
        for check, times in self._failing.items():
            if times >= LOOKS_IN_ROW:
                raise Trouble(f"It says that it fails: {check}.")

    def refuse_if_ended(self) -> None:
        """Raises Trouble."""
        for part in PARTS:
            if not self.processes.runs(self.build, part):
                raise Trouble(f"Its {'server' if part == WEB else 'worker'} has ended. See its log.")

    # Asking

    def _ask(self, address: str) -> Answer | None:
        return ask(self.layout.socket(self.build), address)

    def _health(self, build: str) -> dict[str, Any]:
        answer = ask(self.layout.socket(build), HEALTH)
        return dict(answer.document) if answer is not None else {}

    def _failing_checks(self, build: str) -> set[str]:
        told = self._health(build)
        if not told:
            return {"it does not answer"}
        return {check for check, [found, *_] in told.get("checks", {}).items() if found["status"] == "fail"}

    def _answers(self, build: str) -> Answers:
        answer = ask(self.layout.socket(build), METRICS, token=self.metrics_token) if self.metrics_token else None
        return read_answers(answer.body.decode()) if answer is not None and answer.status == 200 else {}

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


def _refuse_failing(address: str, now: Sequence[Answer | None], before: Sequence[Answer | None]) -> None:
    failed = [_reason(each) for each in now if each is None or each.status >= 500]
    failed_before = [each for each in before if each is None or each.status >= 500]
    if failed and not failed_before:
        raise Trouble(f"Asked for {address} it failed: {failed[0]}")


def _usual(answers: Sequence[Answer | None]) -> float:
    return statistics.median(each.seconds if each is not None else 5.0 for each in answers)


def _reason(answer: Answer | None) -> str:
    if answer is None:
        return "there was no answer."
    detail = answer.document.get("detail", "") if isinstance(answer.document, dict) else ""
    return f"{answer.status}. {detail}".strip()
