"""Messages over real processes, with the account kept by the receiver outside: none is lost, none is sent for what was
not kept, and what comes twice comes under the same id.

Servers and workers are killed at random moments while messages are told; several workers at once; a secret is
exchanged under way.
"""

import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from random import Random
from typing import Any

import psutil
import pytest

from tests.journeys.conftest import COMMAND, Installation, copy_of
from tests.journeys.ports import free_port
from tests.journeys.receiving import Received, receiver
from tests.journeys.serving import ENDED_WITHIN, UNHINDERED, Answer, Served, add_member, bearer, serving, tokens_of

pytestmark = [pytest.mark.database, pytest.mark.postgresql, pytest.mark.proof]

FULL = os.environ.get("PAYERWATCH_PROOF") == "full"
KILLS, EVENTS = (200, 5_000) if FULL else (2, 50)
TO_WORKERS = 5_000 if FULL else 150
ROTATED = 5_000 if FULL else 150
ENDPOINTS, SENDERS = 8, 4
QUICKLY = ("--look-seconds", "0.5", "--beat-seconds", "0.5", "--dead-seconds", "3")
"""So that what a killed worker had is soon taken up. On a busy machine that of a worker that lives may be as well, and
what it sends comes twice: which it may, but not where nobody is killed.
"""
TRYING = {**UNHINDERED, "PAYERWATCH_ALLOW_PRIVATE_ENDPOINTS": "yes", "PAYERWATCH_RATE_API": "10000/s"}
API = "/api/v1"


@pytest.fixture
def installation(migrated: tuple[str, Path], tmp_path: Path) -> Iterator[Installation]:
    with copy_of(migrated, tmp_path / "installation") as copy:
        yield copy


@pytest.fixture
def system(tmp_path: Path) -> Iterator[Received]:
    with receiver(tmp_path / "system") as running:
        yield running


def owner_of(installation: Installation, served: Served) -> dict[str, str]:
    add_member(installation, "ada@example.com")
    return bearer(tokens_of(served, "ada@example.com")["access"])


def add_endpoints(served: Served, headers: dict[str, str], system: Received, number: int) -> list[Any]:
    made = [
        served.ask("POST", f"{API}/endpoints/", {"url": f"{system.url}/{each}"}, headers).document
        for each in range(number)
    ]
    system.knows(*(each["secret"] for each in made))
    return made


def told(served: Served, headers: dict[str, str], endpoint: Any) -> Answer:
    return served.ask("POST", f"{API}/endpoints/{endpoint['id']}/test/", {}, headers)


@contextmanager
def working(installation: Installation) -> Iterator[subprocess.Popen[bytes]]:
    """A worker in a process of its own until the block ends."""
    process = _start_worker(installation)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(ENDED_WITHIN)


def _start_worker(installation: Installation, *options: str) -> subprocess.Popen[bytes]:
    return _start(installation, "work", "--senders", str(SENDERS), *options)


def _start(installation: Installation, command: str, *options: str) -> subprocess.Popen[bytes]:
    with (installation.directory / f"{command}.log").open("ab") as log:
        return subprocess.Popen(
            [COMMAND, command, *options],
            env=installation.environment | TRYING,
            cwd=installation.directory,
            stdout=log,
            stderr=log,
        )


def messages_kept(installation: Installation) -> dict[str, str]:
    """The state of each message in the database, by id."""
    return {row["public_id"]: row["state"] for row in installation.everything()["deliveries_message"]}


def settled(installation: Installation, *, seconds: float) -> dict[str, str]:
    """The same once none waits any more."""
    deadline = time.monotonic() + seconds
    while "waiting" in (kept := messages_kept(installation)).values():
        assert time.monotonic() < deadline, Counter(kept.values())
        time.sleep(0.5)
    return kept


def test_kills_lose_nothing_and_send_nothing_that_was_not_kept(installation: Installation, system: Received):
    chance = Random(7)
    port = free_port()
    with serving(installation, port=port, options=["--no-work"], **TRYING) as served:
        headers = owner_of(installation, served)
        endpoints = add_endpoints(served, headers, system, ENDPOINTS)
    crowd = _Crowd(installation, port)
    acknowledged: list[str] = []
    ending = threading.Event()

    def tell() -> None:
        credential = headers
        while not ending.is_set() and len(acknowledged) < EVENTS:
            try:
                answer = told(served, credential, chance.choice(endpoints))
                if answer.status == 401:  # it is as old as it may be
                    credential = bearer(tokens_of(served, "ada@example.com")["access"])
                elif answer.status == 200:
                    acknowledged.append(answer.document["id"])
            except (OSError, HTTPException, ValueError, AssertionError):
                time.sleep(0.05)

    clients = [threading.Thread(target=tell, daemon=True) for _ in range(3)]
    with crowd:
        for each in clients:
            each.start()
        for point in sorted(chance.sample(range(EVENTS), KILLS)):
            _wait_for(acknowledged, point)
            time.sleep(chance.uniform(0, 0.3))
            crowd.kill(chance)
        for each in clients:
            each.join(300)
        ending.set()
        kept = settled(installation, seconds=300)
    arrived = Counter(line["id"] for line in system.lines())
    assert len(acknowledged) >= EVENTS
    assert set(acknowledged) <= set(kept)  # what was answered is kept
    assert set(kept) == set(arrived)  # what is kept has arrived, and nothing else has
    assert set(kept.values()) == {"delivered"}
    assert all(line["verified"] for line in system.lines())
    assert sum(arrived.values()) - len(arrived) <= KILLS * SENDERS
    print(f"{len(kept)} messages, {KILLS} kills, {sum(arrived.values()) - len(arrived)} came twice")  # noqa: T201


def _wait_for(acknowledged: list[str], number: int) -> None:
    deadline = time.monotonic() + 300
    while len(acknowledged) < number:
        assert time.monotonic() < deadline, f"{len(acknowledged)} were acknowledged, {number} expected"
        time.sleep(0.01)


class _Crowd:
    """A server and a worker, of which any is killed by signal 9 and started again."""

    def __init__(self, installation: Installation, port: int) -> None:
        self._installation, self._port = installation, port
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "_Crowd":
        self.start_missing()
        return self

    def __exit__(self, *_: Any) -> None:
        for name in list(self._running):
            self._kill(name)

    def kill(self, chance: Random) -> None:
        self._kill(chance.choice(["serve", "work"]))
        self.start_missing()

    def start_missing(self) -> None:
        if "work" not in self._running:
            self._running["work"] = _start_worker(self._installation, *QUICKLY)
        if "serve" not in self._running:
            self._running["serve"] = self._serve()

    def _serve(self) -> subprocess.Popen[bytes]:
        bind = f"127.0.0.1:{self._port}"
        return _start(self._installation, "serve", "--for-trying", "--no-work", "--bind", bind, "--workers", "1")

    def _kill(self, name: str) -> None:
        """With all that it has started, at once."""
        process = self._running.pop(name)
        for each in [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                each.send_signal(signal.SIGKILL)
        process.wait()


def test_four_workers_send_each_message_once(installation: Installation, system: Received):
    with serving(installation, options=["--no-work"], **TRYING) as served:
        headers = owner_of(installation, served)
        endpoints = add_endpoints(served, headers, system, ENDPOINTS)
        with working(installation), working(installation), working(installation), working(installation):
            for number in range(TO_WORKERS):
                assert told(served, headers, endpoints[number % ENDPOINTS]).status == 200
            kept = settled(installation, seconds=300)
    arrived = Counter(line["id"] for line in system.lines())
    assert set(arrived) == set(kept)
    assert set(arrived.values()) == {1}
    assert set(kept.values()) == {"delivered"}


def test_while_a_secret_is_exchanged_nothing_is_lost(installation: Installation, system: Received):
    """A receiver knows the old secret alone, and from some moment on the new one alone."""
    with serving(installation, options=["--no-work"], **TRYING) as served, working(installation):
        headers = owner_of(installation, served)
        (endpoint,) = add_endpoints(served, headers, system, 1)
        for number in range(ROTATED):
            if number == ROTATED // 3:
                answer = served.ask("POST", f"{API}/endpoints/{endpoint['id']}/rotate/", {"overlap_hours": 1}, headers)
                new = answer.document["secret"]
            if number == 2 * ROTATED // 3:
                system.knows(new)
            assert told(served, headers, endpoint).status == 200
        kept = settled(installation, seconds=300)
    lines = system.lines()
    assert len(lines) == len(kept) == ROTATED
    assert all(line["verified"] for line in lines)
