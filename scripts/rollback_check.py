"""Whether what was just deployed is healthy, else it is to be rolled back: rollback_check.py --url URL [...]

    exit 0  it says that it is healthy, and is the build that was expected
    exit 1  it does not, after all attempts
    exit 2  what was typed is not understood

Asked is the health endpoint. Without more words the times are those of production: an answer may take 60 seconds, and
after one that is not good it is asked again 5 times, 15 seconds apart. With --local nothing has to be deployed: an
installation is made in a temporary directory, served on this machine, asked, and removed again.

It needs Python alone, so that a machine that deploys needs nothing of Payerwatch's (but for --local).
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

HEALTHY, UNHEALTHY = 0, 1
HEALTH = "/api/v1/health/"
GOOD = ("pass", "warn")


class Times(NamedTuple):
    """Seconds an answer may take, how often it is asked again, and seconds between."""

    timeout: float
    retries: int
    delay: float


IN_PRODUCTION = Times(60, 5, 15)
ON_THIS_MACHINE = Times(5, 20, 0.5)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    usual = ON_THIS_MACHINE if options.local else IN_PRODUCTION
    times = Times(*(given if given is not None else known for given, known in zip(_given(options), usual, strict=True)))
    if not options.local:
        return check(options.url, times, options.expect_build)
    if options.url:
        return check(options.url, times, options.expect_build)
    with _installation(options.expect_build) as url:
        return check(url, times, options.expect_build)


def check(url: str, times: Times, expected: str | None) -> int:
    """Ask until the answer is good, or was not for the last time."""
    address = url.rstrip("/") + HEALTH
    for attempt in range(1, times.retries + 2):
        wrong = _what_is_wrong(address, times.timeout, expected)
        if wrong is None:
            print(f"{address} is healthy{f' and build {expected}' if expected else ''}.")
            return HEALTHY
        print(f"Attempt {attempt} of {times.retries + 1}: {wrong}", file=sys.stderr, flush=True)
        if attempt <= times.retries:
            time.sleep(times.delay)
    print(f"{address} is not healthy. Roll back: payerwatch-release switch BUILD-BEFORE", file=sys.stderr)
    return UNHEALTHY


def _what_is_wrong(address: str, timeout: float, expected: str | None) -> str | None:
    try:
        told = _asked(address, timeout)
    except (OSError, ValueError) as error:
        return f"no answer that can be read ({type(error).__name__})."
    if told.get("status") not in GOOD:
        failing = [name for name, found in told.get("checks", {}).items() if found and found[0].get("status") == "fail"]
        return f"it says {told.get('status')!r}: {', '.join(failing) or 'no check is named'}."
    if expected and told.get("releaseId") != expected:
        return f"it is build {told.get('releaseId')!r}, not {expected!r}."
    return None


def _asked(address: str, timeout: float) -> dict[str, Any]:
    """The document, whatever the status: one that fails is answered 503. Raises OSError, and ValueError."""
    request = urllib.request.Request(address, headers={"Accept": "application/health+json"})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            body = answer.read(1_000_000)
    except urllib.error.HTTPError as error:
        body = error.read(1_000_000)
    told = json.loads(body)
    if not isinstance(told, dict):
        raise ValueError("no document")
    return told


@contextmanager
def _installation(build: str | None) -> Iterator[str]:
    """Payerwatch of this environment, on the embedded database, for as long as the block lasts."""
    with tempfile.TemporaryDirectory(prefix="payerwatch-local-") as directory:
        kept = {name: value for name, value in os.environ.items() if "DATABASE_URL" not in name}
        environment = kept | {"PAYERWATCH_DATA_DIR": directory} | ({"PAYERWATCH_BUILD": build} if build else {})
        command = [sys.executable, "-m", "payerwatch"]
        subprocess.run([*command, "migrate", "-v", "0"], env=environment, check=True)
        port = _free_port()
        log = Path(directory) / "serve.log"
        with log.open("wb") as target:
            served = subprocess.Popen(
                [*command, "serve", "--for-trying", "--workers", "1", "--bind", f"127.0.0.1:{port}"],
                env=environment,
                stdout=target,
                stderr=target,
            )
            try:
                yield f"http://127.0.0.1:{port}"
            finally:
                served.terminate()
                served.wait(40)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _given(options: argparse.Namespace) -> tuple[float | None, int | None, float | None]:
    return options.timeout, options.retries, options.retry_delay


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="rollback_check.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--url", type=_url, help="where it was deployed, such as https://payerwatch.example.org")
    parser.add_argument("--local", action="store_true", help="on this machine, with times to match; makes what it asks")
    parser.add_argument("--timeout", type=_seconds, help="seconds an answer may take, default 60")
    parser.add_argument("--retries", type=_number, help="how often it is asked again, default 5")
    parser.add_argument("--retry-delay", type=_seconds, help="seconds between, default 15")
    parser.add_argument("--expect-build", metavar="BUILD", help="it must say that it is this one")
    options = parser.parse_args(arguments)
    if not (options.url or options.local):
        parser.error("say where to ask: --url, or --local")
    return options


def _url(text: str) -> str:
    if urlsplit(text).scheme not in ("http", "https") or not urlsplit(text).netloc:
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
