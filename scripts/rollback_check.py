"""Whether what was just deployed is healthy, else it is to be rolled back: rollback_check.py --url URL [...]

    exit 0  it says that it is healthy, and is the build that was expected
    exit 1  it does not, after all attempts
    exit 2  what was typed is not understood

Asked is the health endpoint. Without more words the times are those of production: an answer may take 60 seconds, and
after one that is not good it is asked again 5 times, 15 seconds apart. With --local nothing has to be deployed: an
installation is made in a temporary directory, served on this machine, asked, and removed again.

It needs Python alone, so that a machine that deploys needs nothing of Payerwatch's. But for --local, which is asked of
the Python that Payerwatch is installed for: make install, then .venv/bin/python scripts/rollback_check.py --local
"""

from __future__ import annotations

import argparse
import http.client
import importlib.util
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

HEALTHY, UNHEALTHY = 0, 1
HEALTH = "/api/v1/health/"
GOOD = ("pass", "warn")
RELEASE = "/opt/payerwatch/current/bin/payerwatch-release --systemd"
KEY_FILE = "/etc/payerwatch/release.key"
MOST_READ = 1_000_000


class Times(NamedTuple):
    """Seconds an answer may take, how often it is asked again, and seconds between."""

    timeout: float
    retries: int
    delay: float


IN_PRODUCTION = Times(60, 5, 15)
ON_THIS_MACHINE = Times(5, 40, 0.5)


class Found(NamedTuple):
    """What an answer was, or that there was none."""

    wrong: str = ""
    """Nothing where all is well."""
    another_build: str | None = None
    """That is healthy, and not the one that was expected; as it names itself."""


class NotMade(Exception):
    """There is no installation on this machine to be asked, and the words say why."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    times = _times(options)
    if options.url:
        return check(options.url, times, options.expect_build, advice=_advice)
    try:
        with _installation(options.expect_build) as url:
            return check(url, times, options.expect_build)
    except NotMade as error:
        print(error, file=sys.stderr)
        return UNHEALTHY


def check(url: str, times: Times, expected: str | None, *, advice: Callable[[Found], str] = lambda _found: "") -> int:
    """Ask until the answer is good, or was not for the last time; then say what to do, if there is something."""
    address = url.rstrip("/") + HEALTH
    for attempt in range(1, times.retries + 2):
        found = _found(address, times.timeout, expected)
        if not found.wrong:
            print(f"{address} is healthy{f' and build {expected}' if expected else ''}.")
            return HEALTHY
        print(f"Attempt {attempt} of {times.retries + 1}: {found.wrong}", file=sys.stderr, flush=True)
        if attempt <= times.retries:
            time.sleep(times.delay)
    another = found.another_build
    stands = f"is healthy, but build {another} answers, and {expected} was expected" if another else "is not healthy"
    print(f"{address} {stands}.{advice(found)}", file=sys.stderr)
    return UNHEALTHY


def _advice(found: Found) -> str:
    look = f" See which build is used: {RELEASE} status." if found.another_build else ""
    return f"{look} Roll back: {RELEASE} switch BUILD-BEFORE --key-file {KEY_FILE}"


def _found(address: str, timeout: float, expected: str | None) -> Found:
    try:
        status, told = _asked(address, timeout)
    except (OSError, ValueError, RecursionError, http.client.HTTPException) as error:
        return Found(f"no answer that can be read ({getattr(error, 'reason', None) or type(error).__name__}).")
    if told.get("status") not in GOOD or status >= http.client.BAD_REQUEST:
        failing = _failing(told) or "no check is named"
        return Found(f"it answers {status} and says {told.get('status')!r}: {failing}.")
    build = told.get("releaseId")
    if expected and build != expected:
        return Found(f"it is build {build!r}, not {expected!r}.", another_build=repr(build))
    return Found()


def _asked(address: str, timeout: float) -> tuple[int, dict[str, Any]]:
    """The status and the document: one that fails is answered 503.

    Raises OSError, HTTPException, ValueError, and RecursionError for what is nested without end.
    """
    deadline = time.monotonic() + timeout
    request = urllib.request.Request(address, headers={"Accept": "application/health+json"})
    try:
        answer = urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        told = json.loads(_read(answer, deadline))
    if not isinstance(told, dict):
        raise ValueError("no document")
    return answer.status, told


def _read(answer: Any, deadline: float) -> bytes:
    """All of it, which comes in time as a whole. Raises TimeoutError, and ValueError for more than any health takes."""
    body = b""
    while piece := answer.read1(MOST_READ):
        body += piece
        if time.monotonic() > deadline:
            raise TimeoutError
        if len(body) > MOST_READ:
            raise ValueError("no end")
    return body


def _failing(told: dict[str, Any]) -> str:
    checks = told.get("checks")
    each = checks.items() if isinstance(checks, dict) else ()
    return ", ".join(name for name, found in each if "fail" in [one.get("status") for one in found])


def _times(options: argparse.Namespace) -> Times:
    usual = ON_THIS_MACHINE if options.local else IN_PRODUCTION
    given = (options.timeout, options.retries, options.retry_delay)
    return Times(*(known if said is None else said for said, known in zip(given, usual, strict=True)))


@contextmanager
def _installation(build: str | None) -> Iterator[str]:
    """Payerwatch of this environment, on the embedded database, for as long as the block lasts. Raises NotMade."""
    with tempfile.TemporaryDirectory(prefix="payerwatch-local-") as directory:
        if importlib.util.find_spec("payerwatch") is None:
            raise NotMade(
                f"Payerwatch is not installed for {sys.executable}. From a checkout: make install, then "
                ".venv/bin/python scripts/rollback_check.py --local"
            )
        environment = _apart(Path(directory)) | ({"PAYERWATCH_BUILD": build} if build else {})
        command = [sys.executable, "-m", "payerwatch"]
        made = subprocess.run(
            [*command, "migrate", "-v", "0"], env=environment, capture_output=True, text=True, check=False
        )
        if made.returncode:
            raise NotMade(f"Its tables cannot be made here: {made.stderr.strip()}")
        port = _free_port()
        served = subprocess.Popen(
            [*command, "serve", "--for-trying", "--workers", "1", "--bind", f"127.0.0.1:{port}"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            served.terminate()
            served.wait(40)


def _apart(directory: Path) -> dict[str, str]:
    """This environment without a word of any other installation."""
    ours = ("PAYERWATCH_", "DATABASE_URL", "MIGRATOR_DATABASE_URL", "DJANGO_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {"PAYERWATCH_DATA_DIR": str(directory)}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="rollback_check.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--url", type=_url, help="where it was deployed, such as https://payerwatch.example.org")
    parser.add_argument("--local", action="store_true", help="on this machine, with times to match; makes what it asks")
    parser.add_argument("--timeout", type=_seconds, help=f"seconds an answer may take, default {IN_PRODUCTION.timeout}")
    parser.add_argument("--retries", type=_number, help=f"how often it is asked again, default {IN_PRODUCTION.retries}")
    parser.add_argument("--retry-delay", type=_seconds, help=f"seconds between, default {IN_PRODUCTION.delay}")
    parser.add_argument("--expect-build", metavar="BUILD", help="it must say that it is this one")
    options = parser.parse_args(arguments)
    if not (options.url or options.local):
        parser.error("say where to ask: --url, or --local")
    return options


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise argparse.ArgumentTypeError("write it as https://host or http://host:port")
    return text


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= 3600:
        raise argparse.ArgumentTypeError("choose from 0 to 3600 seconds")
    return seconds


def _number(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 1000:
        raise argparse.ArgumentTypeError("choose from 0 to 1000")
    return number


if __name__ == "__main__":
    sys.exit(main())
