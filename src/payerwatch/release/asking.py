"""Asking a build over its own socket, past the proxy."""

import http.client
import json
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HEALTH = "/api/v1/health/"
MOST_READ = 2_000_000
"""Bytes of an answer; an export goes on for as long as there is something to export."""


class _OverSocket(http.client.HTTPConnection):
    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    seconds: float
    retry_after: int | None = None
    """Seconds after which it asks to be asked again; None where it does not say."""

    @property
    def document(self) -> dict[str, Any]:
        """Empty where it is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True)
class Asker:
    """Asks as the proxy does, and as a host that is answered."""

    host: str = "localhost"

    def ask(self, path: Path, address: str, *, token: str = "", seconds: float = 5) -> Answer | None:
        """None where there is no answer in time."""
        began = time.perf_counter()
        connection = _OverSocket(path, seconds)
        headers = {"Host": self.host, "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            connection.request("GET", address, headers=headers)
            response = connection.getresponse()
            body = response.read(MOST_READ)
            took = time.perf_counter() - began
            return Answer(response.status, body, took, _seconds(response.getheader("Retry-After")))
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def health(self, path: Path) -> dict[str, Any]:
        """The document; empty where there is no answer."""
        answer = self.ask(path, HEALTH)
        return answer.document if answer is not None else {}

    def build_at(self, path: Path) -> str:
        """Which build answers there; empty where none does."""
        return str(self.health(path).get("releaseId", ""))


def _seconds(text: str | None) -> int | None:
    """None for what is no number: a date, or nothing."""
    return int(text) if text is not None and text.isdecimal() else None
