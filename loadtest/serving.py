"""The real `payerwatch serve` on loopback, with its worker beside."""

import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random

from loadtest.tasks import API, TASKS, Caller, shows_something

STARTS_WITHIN, ENDS_WITHIN = 60, 60  # seconds


class Unmeasurable(Exception):
    """There is nothing to measure: the server does not start, or does not answer with what was seeded."""


@contextmanager
def serving(log: Path) -> Iterator[int]:
    """A server in the environment of this process, until the block ends; its port. What it logs goes to the file."""
    port = _free_port()
    command = [sys.executable, "-m", "payerwatch", "serve", "--for-trying", "--bind", f"127.0.0.1:{port}"]
    with log.open("wb") as target:
        process = subprocess.Popen(command, stdout=target, stderr=target)
    try:
        _wait_until_ready(process, port, log)
        yield port
        if process.poll() is not None:
            raise Unmeasurable(f"The server ended meanwhile; see {log}.")
    finally:
        process.terminate()
        try:
            process.wait(ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + STARTS_WITHIN
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if ask(port, "/readyz")[0] == 200:
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise Unmeasurable(f"The server was not ready within {STARTS_WITHIN} s; see {log}.")


def ask(port: int, path: str, key: str = "") -> tuple[int, bytes]:
    """Status and body of one GET on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {key}"} if key else {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def refuse_unless_answered(port: int, callers: Sequence[Caller]) -> None:
    """Ask every task once of each caller. Raises Unmeasurable where an answer holds nothing of what was seeded."""
    chance = Random(1)
    for caller in callers:
        for task in TASKS:
            status, body = ask(port, API + task.address(caller, chance), caller.keys[0])
            if status != 200 or not shows_something(json.loads(body)):
                raise Unmeasurable(f"{task.name}: answered {status} and nothing of what was seeded.")
