"""The check after a deployment: what it says of a server that is well, and of servers that are not."""

import json
import os
import shlex
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from payerwatch.release.__main__ import parse as parse_release

SCRIPT = Path(__file__).parents[2] / "scripts" / "rollback_check.py"
QUICK = ("--timeout", "60", "--retries", "2", "--retry-delay", "0.05")
HASTY = ("--timeout", "0.3")
"""With those that let wait: nobody else is answered too late, however busy the machine is."""
LETS_WAIT = ("hangs", "drips")
Answering = Callable[["Told", int], None]


def check(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def document(status: str = "pass", build: str = "b2", **checks: str) -> bytes:
    told = {each: [{"status": found}] for each, found in checks.items()}
    return json.dumps({"status": status, "releaseId": build, "checks": told}).encode()


class Told(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.asked += 1
        with suppress(OSError):  # who asked has given up
            self.server.answering(self, self.server.asked)

    def say(self, body: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_said: object) -> None:
        """Nothing."""


class Live(ThreadingHTTPServer):
    answering: Answering
    asked = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def live(answering: Answering) -> Iterator[Live]:
    """A server that answers so, given how often it was asked."""
    with Live(("127.0.0.1", 0), Told) as server:
        server.answering = answering
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


def drips(told: Told, _times: int) -> None:
    told.send_response(200)
    told.end_headers()
    for _ in range(50):
        told.wfile.write(b" ")
        time.sleep(0.1)


@pytest.mark.pure
@pytest.mark.parametrize("status", ["pass", "warn"])
def test_what_is_healthy_passes_at_once(status: str):
    with live(lambda told, _times: told.say(document(status))) as server:
        done = check("--url", server.url, *QUICK, "--expect-build", "b2")
    assert (done.returncode, done.stderr, server.asked) == (0, "", 1), done
    assert done.stdout == f"{server.url}/api/v1/health/ is healthy and build b2.\n"


@pytest.mark.pure
def test_what_recovers_on_a_later_try_passes():
    with live(lambda told, times: told.say(document("fail"), 503) if times < 3 else told.say(document())) as server:
        done = check("--url", server.url, *QUICK)
    assert (done.returncode, server.asked) == (0, 3), done
    assert "Attempt 2 of 3" in done.stderr


NEVER_GOOD: dict[str, tuple[Answering, str]] = {
    "fails": (lambda told, _: told.say(document("fail", disk="fail", queue="pass"), 503), "'fail': disk."),
    "contradicts itself": (lambda told, _: told.say(document(), 503), "it answers 503 and says 'pass'"),
    "is another build": (lambda told, _: told.say(document(build="b1")), "it is build 'b1', not 'b2'"),
    "says no build": (lambda told, _: told.say(b'{"status": "pass"}'), "it is build None, not 'b2'"),
    "hangs": (lambda _told, _: time.sleep(2), "no answer that can be read"),
    "drips": (drips, "no answer that can be read (TimeoutError)"),
    "speaks no JSON": (lambda told, _: told.say(b"<html>\xff"), "no answer that can be read"),
    "speaks of something else": (lambda told, _: told.say(b"[1, 2]"), "no answer that can be read"),
    "nests without end": (lambda told, _: told.say(b"[" * 100_000), "no answer that can be read (RecursionError)"),
    "goes on without end": (lambda told, _: told.say(b" " * 1_100_000), "no answer that can be read"),
    "speaks no HTTP": (lambda told, _: told.wfile.write(b"SSH-2.0\r\n\r\n"), "no answer that can be read"),
    "says nothing": (lambda told, _: told.connection.close(), "no answer that can be read"),
}


RELEASE = "/opt/payerwatch/current/bin/payerwatch-release --systemd"
ADVICE = f"{RELEASE} switch BUILD-BEFORE --key-file /etc/payerwatch/release.key"
SEE = f"See which build is used: {RELEASE} status. Roll back: "
STANDS = {
    "is another build": "is healthy, but build 'b1' answers, and b2 was expected. " + SEE,
    "says no build": "is healthy, but build None answers, and b2 was expected. " + SEE,
}


@pytest.mark.pure
@pytest.mark.parametrize("kind", NEVER_GOOD)
def test_what_is_never_good_fails_after_all_attempts(kind: str):
    answering, says = NEVER_GOOD[kind]
    with live(answering) as server:
        done = check("--url", server.url, *QUICK, *(HASTY if kind in LETS_WAIT else ()), "--expect-build", "b2")
    assert (done.returncode, done.stdout, server.asked) == (1, "", 3), done
    *attempts, last = done.stderr.splitlines()
    assert len(attempts) == 3
    assert all(says in each for each in attempts)
    assert last.startswith(f"{server.url}/api/v1/health/ {STANDS.get(kind, 'is not healthy.')}")
    assert last.endswith(f" Roll back: {ADVICE}")


@pytest.mark.pure
def test_what_is_advised_would_be_understood():
    words = shlex.split(ADVICE)
    options = parse_release(words[1:])
    assert words[0] == "/opt/payerwatch/current/bin/payerwatch-release"
    assert (options.systemd, options.command, options.build) == (True, "switch", "BUILD-BEFORE")


@pytest.mark.pure
def test_where_nobody_listens_it_fails():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        done = check("--url", f"http://127.0.0.1:{closed.getsockname()[1]}", *QUICK)
    assert done.returncode == 1, done
    assert done.stderr.count("Connection refused") == 3


NOT_UNDERSTOOD = {
    "nothing": (),
    "an unknown word": ("--local", "--roll-back"),
    "no address": ("--url", "payerwatch.example.org"),
    "a broken address": ("--url", "http://[::1"),
    "another scheme": ("--url", "ftp://payerwatch.example.org"),
    "no number": ("--local", "--timeout", "soon"),
    "not a number": ("--local", "--timeout", "nan"),
    "too long": ("--local", "--retry-delay", "3601"),
    "half a retry": ("--local", "--retries", "1.5"),
    "less than none": ("--local", "--retries", "-1"),
}


@pytest.mark.pure
@pytest.mark.parametrize("kind", NOT_UNDERSTOOD)
def test_what_is_not_understood_ends_with_two(kind: str):
    done = check(*NOT_UNDERSTOOD[kind])
    assert (done.returncode, done.stdout) == (2, ""), done
    assert done.stderr.startswith("usage: rollback_check.py")


@pytest.mark.pure
def test_without_more_words_the_times_are_those_of_production():
    usage = check("--help").stdout
    found = {" ".join(part.split()).partition("default ")[2][:2].strip() for part in usage.split("--")}
    assert {"60", "5", "15"} <= found


@pytest.mark.database
@pytest.mark.sqlite
def test_here_nothing_has_to_be_deployed(tmp_path: Path):
    """And nothing of an installation that is, which the environment names, is touched."""
    others = {"DATABASE_URL": "postgresql://a:b@127.0.0.1:1/c", "PAYERWATCH_CHECKPOINT_DIR": str(tmp_path / "theirs")}
    done = check("--local", "--expect-build", "b3", "--timeout", "60", "--retries", "400", **others)
    assert done.returncode == 0, done
    assert done.stdout.endswith("is healthy and build b3.\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.database
@pytest.mark.sqlite
def test_here_what_cannot_be_made_fails():
    done = check("--local", "--expect-build", "no build")
    assert (done.returncode, done.stdout) == (1, ""), done
    assert "Its tables cannot be made here: " in done.stderr
    assert "PAYERWATCH_BUILD" in done.stderr


@pytest.mark.database
@pytest.mark.sqlite
def test_here_where_nothing_is_deployed_there_is_nothing_to_roll_back():
    done = check("--local", "--timeout", "0", "--retries", "0")
    assert (done.returncode, done.stdout) == (1, ""), done
    assert done.stderr.endswith("/api/v1/health/ is not healthy.\n")


@pytest.mark.pure
def test_here_with_a_python_that_knows_nothing_of_payerwatch_it_says_which_to_use():
    command = [sys.executable, "-I", "-S", SCRIPT, "--local"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, ""), done
    assert done.stderr.startswith(f"Payerwatch is not installed for {sys.executable}.")
    assert "make install, then .venv/bin/python scripts/rollback_check.py --local" in done.stderr
