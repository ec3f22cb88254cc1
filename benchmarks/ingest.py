"""How soon a batch of claims is acknowledged, whatever it holds: from 1 to 40,000 rows side by side.

    scripts/with_postgres.py -- python benchmarks/ingest.py [--rounds 40] [--sqlite]

The real `payerwatch serve` (one process) takes batches of JSON lines by key; each is new. Counted is the time from the
first byte of the request to the last of the answer, on a connection that is open. Sizes take turns. Beside them as
many bytes as 40,000 rows have which say nothing: what these take is reading and sealing, and no look inside. First
with nothing to do beside, each batch being loaded before the next is sent; then while batches of 40,000 rows are
being loaded by the same process. PAYERWATCH_FIELD_KEYS is set, so that everything is sealed.
"""

import argparse
import base64
import http.client
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from random import Random

import django
from django.core.management import call_command
from throwaway import refuse_unless_throwaway

from api import connected, free_port

BATCHES = "/api/v1/ingest/claims/"
ROWS = (1, 1_000, 10_000, 40_000)
NOTHING = "as many bytes"
WANTED = 100.0  # milliseconds
LEFT_WAITING = 8  # batches, of which two in four are large
PAYERS = ("Aetna", "Anthem", "Cigna", "Humana", "Medicare Part B", "Molina Healthcare", "UnitedHealthcare")
_numbers = count(1)
_chance = Random(5)


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory() as directory:
        sender = _Sender(set_up(Path(directory), sqlite=options.sqlite))
        with _serving(Path(directory)) as port:
            sender.connection = connected(port)
            for rows in ROWS:
                sender.timed(body_of(rows))
            _report("nothing to do beside", _times(sender, options.rounds, busy=False))
            _report("while 40,000 rows at a time are loaded", _times(sender, options.rounds, busy=True))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How soon a batch of claims is acknowledged.")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--sqlite", action="store_true", help="on a SQLite file of its own")
    return parser.parse_args()


def set_up(directory: Path, *, sqlite: bool) -> dict[str, str]:
    """A customer with a key; how the key presents itself."""
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    os.environ["DJANGO_SETTINGS_MODULE"] = "payerwatch.config.settings"
    os.environ.update(
        PAYERWATCH_DATA_DIR=str(directory),
        PAYERWATCH_SECRET_KEY=secrets.token_urlsafe(50),
        PAYERWATCH_FIELD_KEYS=f"bench:{key}",
        PAYERWATCH_RATE_API="100000/m",
        PAYERWATCH_RATE_ANONYMOUS="100000/m",
    )
    if sqlite:
        for name in ("DATABASE_URL", "MIGRATOR_DATABASE_URL"):
            os.environ.pop(name, None)
    django.setup()
    if not sqlite:
        refuse_unless_throwaway()
    call_command("migrate", verbosity=0)
    # What needs Django set up.
    from payerwatch.audit.actors import Actor
    from payerwatch.members.keys import issue_key
    from payerwatch.pipeline import add_customer

    actor = Actor("command", name="benchmark")
    customer = add_customer("Benchmark", actor=actor)
    text = issue_key(customer, name="Benchmark", scopes=["claims.load"], actor=actor).text
    return {"Authorization": f"Bearer {text}", "Content-Type": "application/x-ndjson"}


@contextmanager
def _serving(directory: Path) -> Iterator[int]:
    port = free_port()
    command = [sys.executable, "-m", "payerwatch", "serve", "--for-trying", "--workers", "1"]
    with (directory / "served.log").open("wb") as log:
        process = subprocess.Popen([*command, "--bind", f"127.0.0.1:{port}"], stdout=log, stderr=log)
    try:
        yield port
    finally:
        process.terminate()
        process.wait()


def body_of(rows: int) -> bytes:
    """Claims that nobody has sent yet, as unlike each other as claims are."""
    return "".join(json.dumps(_claim(), separators=(",", ":")) + "\n" for _ in range(rows)).encode()


def _claim() -> dict[str, str]:
    billed = _chance.randrange(2_000, 90_000) / 100
    submitted = date(2026, 1, 5) + timedelta(days=_chance.randrange(150))
    denied = _chance.random() < 0.12
    return {
        "claim_number": f"{_chance.randrange(10**5)}{next(_numbers):06}",
        "payer": _chance.choice(PAYERS),
        "cpt": str(99_000 + _chance.randrange(300)),
        "submitted_date": submitted.isoformat(),
        "decided_date": (submitted + timedelta(days=_chance.randrange(5, 60))).isoformat(),
        "outcome": "denied" if denied else "paid",
        "billed_amount": f"{billed:.2f}",
        "allowed_amount": "0" if denied else f"{billed * _chance.uniform(0.3, 0.9):.2f}",
        "paid_amount": "0" if denied else f"{billed * _chance.uniform(0.2, 0.3):.2f}",
        "denial_reason": _chance.choice(["CO-16", "CO-197", "CO-45"]) if denied else "",
    }


class _Sender:
    def __init__(self, headers: dict[str, str]) -> None:
        self._headers = headers
        self.connection: http.client.HTTPConnection

    def timed(self, body: bytes) -> tuple[float, str]:
        """Milliseconds until the acknowledgement was read, and where the batch is watched."""
        headers = {**self._headers, "Idempotency-Key": secrets.token_hex(8)}
        self.connection.close()  # the server may have ended it while the body was made
        self.connection.connect()
        begun = time.perf_counter()
        self.connection.request("POST", BATCHES, body, headers)
        answer = self.connection.getresponse()
        document = json.loads(answer.read())
        took = (time.perf_counter() - begun) * 1000
        assert answer.status == 202, document
        return took, f"{BATCHES}{document['id']}/"

    def state(self, where: str) -> str:
        self.connection.request("GET", where, headers=self._headers)
        answer = self.connection.getresponse()
        document = json.loads(answer.read())
        return "busy" if answer.status == 503 else str(document["state"])

    def wait(self, where: str) -> None:
        while self.state(where) in ("busy", "received", "loading"):
            time.sleep(0.05)


def _times(sender: _Sender, rounds: int, *, busy: bool) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {f"{rows:,} rows": [] for rows in ROWS} | {NOTHING: []}
    largest = len(body_of(ROWS[-1]))
    waiting = [sender.timed(body_of(ROWS[-1]))[1] for _ in range(LEFT_WAITING if busy else 0)]
    for _ in range(rounds):
        for name, body in [(f"{rows:,} rows", body_of(rows)) for rows in ROWS] + [(NOTHING, os.urandom(largest))]:
            took, where = sender.timed(body)
            times[name].append(took)
            waiting.append(where)
            while len(waiting) > (LEFT_WAITING if busy else 0):
                sender.wait(waiting.pop(0))
    return times


def _report(when: str, times: dict[str, list[float]]) -> None:
    print(f"Acknowledged, {when}\n")
    print(f"{'':<16}{'p50':>9}{'p95':>9}{'most':>9}")
    for name, found in times.items():
        p95 = sorted(found)[max(0, -(-len(found) * 95 // 100) - 1)]
        missed = "" if p95 <= WANTED else f"   wanted: at most {WANTED:.0f} ms"
        print(f"{name:<16}{statistics.median(found):>6.1f} ms{p95:>6.1f} ms{max(found):>6.1f} ms{missed}")
    print()


if __name__ == "__main__":
    main()
