"""An installation as it is deployed, and clients whose account of it is kept outside."""

import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from payerwatch.release.layout import Layout
from payerwatch.release.processes import PARTS, Detached
from tests.journeys.conftest import Installation
from tests.release.builds import Fault, install
from tests.wires import Wire

COMMAND = (sys.executable, "-m", "payerwatch.release")
TOKEN = "a token for whoever collects metrics"
READ = ("/api/v1/payers/", "/api/v1/claims/", "/api/v1/uploads/", "/api/v1/settings/")
WRITTEN = "/api/v1/payer-mappings/"
FULL = os.environ.get("PAYERWATCH_PROOF") == "full"
CLIENTS, PAUSE = (6, 0.01) if FULL else (2, 0.03)
WRITES_EVERY = 8
READY_WITHIN = 30 if FULL else 120
"""Seconds. Beside other tests the machine is asked for more than it has."""
ANSWERED_WITHIN = 60


@dataclass(frozen=True)
class Deployed:
    """An installation of which one build is used, and the wire at which it is reached as by a proxy."""

    installation: Installation
    root: Path
    between: Wire
    key: str
    environment: dict[str, str]

    @property
    def layout(self) -> Layout:
        return Layout(self.root)

    @property
    def processes(self) -> Detached:
        return Detached(self.layout, self.environment)

    def release(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*COMMAND, "--root", str(self.root), "--serve-options=--for-trying", *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def switching(self, build: str, *options: str, watched: float = 2) -> subprocess.Popen[str]:
        times = ("--watch-seconds", str(watched), "--ready-seconds", str(READY_WITHIN), "--drain-seconds", "20")
        return self.release("switch", build, *times, *options)

    def switch(self, build: str, *options: str, watched: float = 2) -> tuple[int, str]:
        """The exit code, and what it says."""
        return ended(self.switching(build, "--key-file", str(self.root / "key"), *options, watched=watched))

    def installed(self, fault: Fault | None = None) -> str:
        """A build of a new name that is not used yet."""
        build = f"build-{len(self.layout.builds())}"
        install(self.root, build, fault)
        return build

    def used(self) -> str:
        build = self.layout.used()
        assert build is not None
        return build

    def answering(self) -> str:
        """The build that answers where clients ask."""
        connection = http.client.HTTPConnection("127.0.0.1", self.between.port, timeout=ANSWERED_WITHIN)
        try:
            connection.request("GET", "/api/v1/health/")
            return str(json.loads(connection.getresponse().read())["releaseId"])
        finally:
            connection.close()

    def running(self) -> dict[str, list[str]]:
        """By build, which of its parts run; those of which none does are left out."""
        found = {build: [part for part in PARTS if self.processes.runs(build, part)] for build in self.layout.builds()}
        return {build: parts for build, parts in found.items() if parts}

    def assert_used_alone(self, build: str) -> None:
        assert self.answering() == build
        assert self.layout.used() == build
        assert self.layout.current.readlink().name == build
        assert self.running() == {build: list(PARTS)}

    def spellings(self) -> Counter[str]:
        return Counter(str(row["raw_name"]) for row in self.installation.stored()["claims_payermapping"])


def ended(process: subprocess.Popen[str], *, within: float = 400) -> tuple[int, str]:
    said, _ = process.communicate(timeout=within)
    return process.returncode, said


def until_it_says(process: subprocess.Popen[str], words: str) -> None:
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if line.startswith(words):
            return
    raise AssertionError(said)


@dataclass
class Account:
    """What clients have asked, how they were answered, and what they were told is written."""

    answered: int = 0
    failed: list[str] = field(default_factory=list)
    asked_to_write: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, answer: int | str, spelling: str) -> None:
        with self.lock:
            self.answered += 1
            if spelling:
                self.asked_to_write.add(spelling)
            if answer not in (200, 201):
                self.failed.append(f"{answer} {'written' if spelling else 'read'}")
            elif spelling:
                self.written.add(spelling)

    def assert_kept(self, stored: Counter[str]) -> None:
        """What was acknowledged is there once, and what was not is there once at most."""
        assert self.written
        assert {each for each in self.written if stored[each] != 1} == set()
        assert {each for each in self.asked_to_write if stored[each] > 1} == set()

    @property
    def share_failed(self) -> float:
        return len(self.failed) / self.answered


@contextmanager
def asked_meanwhile(deployed: Deployed, name: str) -> Iterator[Account]:
    """Clients that read and write one after the other until the block ends.

    Half of them keep their connections, which lead to the build before until it ends; the others connect anew for each
    request, as a proxy does.
    """
    account, ending = Account(), threading.Event()

    def client(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", deployed.between.port, timeout=ANSWERED_WITHIN)
        asked = 0
        while not ending.is_set():
            asked += 1
            spelling = f"{name} {'abcdef'[number]}{asked}" if asked % WRITES_EVERY == 0 else ""
            account.note(_asked(connection, deployed.key, asked, spelling), spelling)
            if number % 2:
                connection.close()
            time.sleep(PAUSE)
        connection.close()

    clients = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for each in clients:
        each.start()
    try:
        yield account
    finally:
        ending.set()
        for each in clients:
            each.join()


def _asked(connection: http.client.HTTPConnection, key: str, asked: int, spelling: str) -> int | str:
    """The status of the answer, or what there was instead. Nothing is sent twice."""
    headers: dict[str, Any] = {"Authorization": f"Bearer {key}"}
    try:
        if spelling:
            body = json.dumps({"raw_name": spelling, "payer": "Aetna"})
            connection.request("POST", WRITTEN, body, headers | {"Content-Type": "application/json"})
        else:
            connection.request("GET", READ[asked % len(READ)], headers=headers)
        response = connection.getresponse()
        response.read()
        return response.status
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        return repr(error)
