"""The receiver of `receiver.py`, started and asked for its account."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from tests.journeys.ports import free_port


@dataclass(frozen=True)
class Received:
    """A receiver that runs."""

    port: int
    account: Path
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def knows(self, *secrets: str) -> None:
        """From now on it verifies by these."""
        _put(self.account.with_name("secrets"), "\n".join(secrets))

    def behaves(self, **behaviour: Any) -> None:
        _put(self.account.with_name("behaviour"), json.dumps(behaviour))

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.account.read_text().splitlines()] if self.account.exists() else []

    def messages(self) -> list[dict[str, Any]]:
        """The bodies of what has arrived, as documents."""
        return [json.loads(line["body"]) for line in self.lines()]

    def wait(self, told: Callable[[list[dict[str, Any]]], bool], *, seconds: float = 120) -> list[dict[str, Any]]:
        """The lines once they are as wanted."""
        deadline = time.monotonic() + seconds
        while not told(lines := self.lines()):
            assert time.monotonic() < deadline, lines
            time.sleep(0.05)
        return lines


@contextmanager
def receiver(folder: Path) -> Iterator[Received]:
    """One on a free port until the block ends; its account is in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    port, account = free_port(), folder / "account"
    script = Path(__file__).with_name("receiver.py")
    process = subprocess.Popen([sys.executable, script, str(port), account], env=dict(os.environ), cwd=folder)
    try:
        _wait_until_it_listens(port)
        yield Received(port, account, process)
    finally:
        process.kill()
        process.wait()


def _put(path: Path, text: str) -> None:
    """Whole or not at all, for whoever reads it meanwhile."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


def _wait_until_it_listens(port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            urlopen(f"http://127.0.0.1:{port}/", timeout=60)
        except URLError as error:
            if not isinstance(error.reason, ConnectionRefusedError):
                return
        except OSError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.05)
