"""A build in the place of another while people ask: unnoticed where it is good, and taken back by itself where not.

The account is kept by the client, outside: what was asked, how it was answered, and what was written.
"""

import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from payerwatch.release.layout import Layout
from payerwatch.release.processes import PARTS, Detached
from tests.journeys.conftest import Installation, copy_of
from tests.journeys.serving import UNHINDERED, add_member
from tests.make import claims_file, row
from tests.release.builds import BROKEN, install
from tests.wires import Wire, wire

pytestmark = [pytest.mark.database, pytest.mark.postgresql, pytest.mark.proof]

FULL = os.environ.get("PAYERWATCH_PROOF") == "full"
WATCHED = 20 if FULL else 6
REQUESTS = 20_000 if FULL else 600
CLIENTS = 6
WITHIN = 60.0
TOKEN = "a token for whoever collects metrics"
READ = ("/api/v1/payers/", "/api/v1/claims/", "/api/v1/uploads/")
COMMAND = (sys.executable, "-m", "payerwatch.release")


@dataclass
class Deployed:
    """An installation of which the build `old` is used, and the port at which it is reached."""

    installation: Installation
    root: Path
    between: Wire
    key: str
    environment: dict[str, str]

    @property
    def layout(self) -> Layout:
        return Layout(self.root)

    def switch(self, build: str, *options: str) -> subprocess.CompletedProcess[str]:
        told = ["--watch-seconds", str(WATCHED), "--ready-seconds", "20", "--key-file", str(self.root / "key")]
        command = [*COMMAND, "--root", str(self.root), "--serve-options", "--for-trying", "switch", build]
        return subprocess.run(
            [*command, *told, *options], env=self.environment, capture_output=True, text=True, check=False
        )


@dataclass
class Account:
    """What clients have asked and been answered."""

    answered: int = 0
    failed: list[Any] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, answer: Any, *, written: str = "") -> None:
        with self.lock:
            self.answered += 1
            if answer not in (200, 201):
                self.failed.append(answer)
            elif written:
                self.written.append(written)


@pytest.fixture
def deployed(migrated: tuple[str, Path], tmp_path: Path) -> Iterator[Deployed]:
    with copy_of(migrated, tmp_path / "data") as installation:
        add_member(installation, "ada@example.com")
        installation.ask("load", claims_file(tmp_path, [row()]))
        key = str(installation.ask("issue_key", "release", "--scope", "claims.read")["key"])
        root = tmp_path / "opt"
        install(root, "old")
        (root / "key").write_text(key)
        environment = installation.environment | UNHINDERED | {"PAYERWATCH_METRICS_TOKEN": TOKEN}
        layout = Layout(root)
        with wire(lambda: layout.front) as between:
            there = Deployed(installation, root, between, key, environment)
            done = there.switch("old")
            assert done.returncode == 0, done
            try:
                yield there
            finally:
                processes = Detached(layout, environment)
                for directory in (root / "releases").iterdir():
                    for part in PARTS:
                        processes.stop(directory.name, part, within=20)


@contextmanager
def asked_meanwhile(deployed: Deployed, account: Account, *, at_most: int = 10**9) -> Iterator[None]:
    """Clients that keep their connections, and ask and write one after the other until the block ends."""
    ending = threading.Event()

    def client(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", deployed.between.port, timeout=20)
        headers = {"Authorization": f"Bearer {deployed.key}"}
        asked = 0
        while not ending.is_set() and account.answered < at_most:
            asked += 1
            try:
                connection.request("GET", READ[asked % len(READ)], headers=headers)
                response = connection.getresponse()
                response.read()
                account.note(response.status)
            except (OSError, http.client.HTTPException) as error:
                account.note(repr(error))
                connection.close()
            time.sleep(0.01 * number / CLIENTS)
        connection.close()

    clients = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for each in clients:
        each.start()
    try:
        yield
    finally:
        ending.set()
        for each in clients:
            each.join()


def build_that_answers(deployed: Deployed) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", deployed.between.port, timeout=10)
    connection.request("GET", "/api/v1/health/")
    told = json.loads(connection.getresponse().read())
    connection.close()
    return str(told["releaseId"])


def test_a_good_build_takes_over_and_nobody_notices(deployed: Deployed):
    install(deployed.root, "new")
    account = Account()
    with asked_meanwhile(deployed, account):
        done = deployed.switch("new")
        while account.answered < REQUESTS:
            time.sleep(0.05)
    assert done.returncode == 0, done
    assert account.failed == []
    assert build_that_answers(deployed) == "new"
    assert deployed.layout.used() == "new"
    processes = Detached(deployed.layout, deployed.environment)
    assert [processes.runs("old", part) for part in PARTS] == [False, False]


@pytest.mark.parametrize("broken", BROKEN)
def test_a_build_that_is_no_good_is_taken_back(deployed: Deployed, broken: str):
    install(deployed.root, "new", broken=broken)
    account = Account()
    began = time.monotonic()
    with asked_meanwhile(deployed, account):
        done = deployed.switch("new")
        took = time.monotonic() - began
        assert build_that_answers(deployed) == "old"
    assert done.returncode == 1, done
    assert took < WITHIN
    assert len(account.failed) <= account.answered * 0.01, (len(account.failed), account.answered)
    processes = Detached(deployed.layout, deployed.environment)
    assert [processes.runs("old", part) for part in PARTS] == [True, True]
    assert [processes.runs("new", part) for part in PARTS] == [False, False]
