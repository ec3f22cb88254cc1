"""Payerwatch as served: the real command with its worker processes on loopback, and clients that speak to it."""

import http.client
import json
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.journeys.conftest import COMMAND, Installation
from tests.journeys.ports import free_port

PASSWORD = "apples under nine bridges"
STARTED_WITHIN, ENDED_WITHIN, ANSWERED_WITHIN = 120, 90, 60
"""Seconds after which something is wrong, however much else the machine does. A server ends within 55 at most."""
Headers = Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    """What came back: the header fields as they were sent, more than one of a name included."""

    status: int
    fields: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        found = self.headers(name)
        return found[-1] if found else None

    def headers(self, name: str) -> list[str]:
        return [value for each, value in self.fields if each.lower() == name.lower()]

    @property
    def code(self) -> str:
        """The code of a refusal, after checking that it is in the one shape of errors."""
        assert self.header("Content-Type") == "application/problem+json", self
        document = self.document
        assert document["status"] == self.status
        assert document["detail"]
        assert document["type"].endswith(f"/api/v1/docs/errors/{document['code']}/")
        assert document["request_id"] == self.header("X-Request-ID")
        return str(document["code"])


@dataclass(frozen=True)
class Served:
    """A server that runs."""

    installation: Installation
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def ask(self, method: str, path: str, body: Any = None, headers: Headers | None = None) -> Answer:
        """One request on a connection of its own. A body that is no bytes is sent as JSON."""
        sent = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        usual = {} if body is None else {"Content-Type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWERED_WITHIN)
        try:
            connection.request(method, path, sent, usual | dict(headers or {}))
            return _read(connection.getresponse())
        finally:
            connection.close()

    def send(self, raw: bytes) -> Answer:
        """Bytes that no client would send, and what came back."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=ANSWERED_WITHIN) as peer:
            peer.sendall(raw)
            answer = http.client.HTTPResponse(peer)
            answer.begin()
            return _read(answer)

    def lines(self) -> list[dict[str, Any]]:
        """What was logged: but for the one line to whoever started the command, each is a document.

        The last may be written just now, and is told once it is whole.
        """
        text = self.log.read_text()
        first, *rest = text[: text.rfind("\n")].splitlines()
        assert first.startswith("Serving on http://127.0.0.1:")
        return [json.loads(line) for line in rest]


def _read(response: http.client.HTTPResponse) -> Answer:
    body = response.read()
    return Answer(response.status, tuple(response.getheaders()), body)


@dataclass
class Browser:
    """Keeps cookies and sends the token that pages send."""

    served: Served
    cookies: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: Any = None, headers: Headers | None = None) -> Answer:
        sent = dict(self.headers)
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if method not in {"GET", "HEAD"} and "csrftoken" in self.cookies:
            sent |= {"X-CSRFToken": self.cookies["csrftoken"], "Origin": f"http://127.0.0.1:{self.served.port}"}
        answer = self.served.ask(method, path, body, sent | dict(headers or {}))
        for line in answer.headers("Set-Cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    def sign_in(self, email: str, password: str = PASSWORD, **more: str) -> Answer:
        if "csrftoken" not in self.cookies:
            self.ask("GET", "/api/v1/auth/sign-in/")
        return self.ask("POST", "/api/v1/auth/sign-in/", {"email": email, "password": password, **more})


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def tokens_of(served: Served, email: str, *, forwarded: str = "", **more: str) -> dict[str, Any]:
    """The answer to a program that signs in."""
    body = {"email": email, "password": PASSWORD, **more}
    given = served.ask("POST", "/api/v1/auth/token/", body, {"X-Forwarded-For": forwarded} if forwarded else {})
    assert given.status == 200, given
    return dict(given.document)


def add_member(
    installation: Installation, email: str, role: str = "owner", *, customer: str = "Practice"
) -> dict[str, Any]:
    """A person with the usual password, as the command line adds them."""
    who = ("--customer", customer, "--email", email, "--name", "Ada Example", "--role", role)
    return given_password(installation, "add_member", *who)


def given_password(installation: Installation, *arguments: str) -> dict[str, Any]:
    """The document of a command that reads the usual password."""
    done = subprocess.run(
        [COMMAND, *arguments, "--password-stdin", "--json"],
        env=installation.environment,
        cwd=installation.directory,
        input=PASSWORD,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done
    return dict(json.loads(done.stdout))


def links_mailed(installation: Installation, page: str) -> list[str]:
    """The secrets to be sent to this address under auth/, oldest message first."""
    folder = installation.directory / "mail"
    messages = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns) if folder.is_dir() else []
    text = "\n".join(path.read_text().replace("=\n", "") for path in messages)
    return re.findall(rf"/{page}/ with the token (\S+)", text)


def wait_for_link(installation: Installation, page: str, *, known: int = 0) -> str:
    """The newest secret, once there are more than were known."""
    deadline = time.monotonic() + 60
    while len(found := links_mailed(installation, page)) <= known:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found[-1]


@contextmanager
def serving(
    installation: Installation,
    *,
    port: int = 0,
    workers: int = 2,
    options: Sequence[str] = (),
    ends_with: int = 0,
    **environment: str,
) -> Iterator[Served]:
    """The command `serve`, on a free port unless one is named, until the block ends; then it must end by itself.

    It sends nobody away because much is asked, unless it is told to: here it would mean that the machine is busy.
    `ends_with` is the exit code of one that the block kills.
    """
    told = {"PAYERWATCH_WEB_WAIT_MILLISECONDS": "0"} | environment
    served = begun(installation, port or free_port(), workers=workers, options=options, **told)
    try:
        wait_until_it_answers(served)
        yield served
    finally:
        served.process.send_signal(signal.SIGTERM)
        served.process.wait(ENDED_WITHIN)
    assert served.process.returncode == ends_with, served.log.read_text()


def begun(
    installation: Installation, port: int, *, workers: int = 2, options: Sequence[str] = (), **environment: str
) -> Served:
    """The command `serve`, which does not answer yet."""
    bound = ["--for-trying", "--bind", f"127.0.0.1:{port}", "--workers", str(workers), "--threads", "4"]
    log = installation.directory / "serve.log"
    with log.open("wb") as target:
        process = subprocess.Popen(
            [COMMAND, "serve", *bound, *options],
            env=installation.environment | environment,
            cwd=installation.directory,
            stdout=target,
            stderr=target,
        )
    return Served(installation, port, process, log)


def wait_until_it_answers(served: Served) -> None:
    deadline = time.monotonic() + STARTED_WITHIN
    while True:
        assert served.process.poll() is None, served.log.read_text()
        assert time.monotonic() < deadline, served.log.read_text()
        with suppress(OSError):
            if served.ask("GET", "/livez").status == 200:  # others would wait for what a test has taken away
                return
        time.sleep(0.05)


UNHINDERED = {
    f"PAYERWATCH_RATE_{name}": "1000/s"
    for name in (
        *("API", "ANONYMOUS", "REFUSED_CREDENTIALS", "CONFIRM_PERSON", "PASSWORD_RESET_ACCOUNT"),
        *("PASSWORD_RESET_ADDRESS", "SIGN_IN_ACCOUNT", "SIGN_IN_ADDRESS", "SIGN_IN_DEVICE", "SIGN_IN_EVERYWHERE"),
    )
}
"""Rates that nobody reaches."""
