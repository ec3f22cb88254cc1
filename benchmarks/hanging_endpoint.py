"""What one endpoint that hangs costs the others: 50 endpoints, of which one takes a request and says nothing for 30 s.

    scripts/with_postgres.py -- python benchmarks/hanging_endpoint.py [--rounds 3] [--seconds 20] [--rate 8]

One `payerwatch work` as it is started by default. Messages are told at a steady rate to endpoints drawn at random, in
rounds that take turns: in one all 50 answer at once, in the other the 50th hangs. Counted is the time from the commit
that tells a message until the receiver has it, of the 49 others alone. The rate is one that worker, teller and receiver
keep up with together on two cores: beyond it, what is timed is how long messages queue.
"""

import argparse
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any

import django
from django.core.management import call_command
from throwaway import refuse_unless_throwaway

ENDPOINTS, HANGS_FOR = 50, 30.0
HANG = "/hang"
WANTED = 1.10


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory() as directory, _receiving() as receiver:
        teller = _set_up(Path(directory), receiver)
        with _working(Path(directory)):
            _round(teller, receiver, 5, options.rate, hanging=False)
            times: dict[bool, list[float]] = {False: [], True: []}
            for number in range(2 * options.rounds):
                hanging = bool(number % 2)
                times[hanging] += _round(teller, receiver, options.seconds, options.rate, hanging=hanging)
    _report(times)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What one endpoint that hangs costs the others.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rate", type=float, default=8, help="messages a second")
    return parser.parse_args()


class _Receiver(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taking)
        self.arrived: dict[str, float] = {}


class _Taking(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Receiver

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == HANG:
            time.sleep(HANGS_FOR)
        self.server.arrived.setdefault(self.headers["webhook-id"], time.perf_counter())
        self.send_response(204)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@contextmanager
def _receiving() -> Iterator[_Receiver]:
    with _Receiver() as receiver:
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        yield receiver
        receiver.shutdown()


class _Teller:
    """Tells messages as the product does, a transaction each."""

    def __init__(self, customer: Any, endpoints: Sequence[Any], actor: Any, port: int) -> None:
        self._customer, self.endpoints, self._actor, self._port = customer, endpoints, actor, port

    def tell(self, endpoint: Any) -> tuple[str, float]:
        """The message's id, and when it was kept."""
        from payerwatch.deliveries.endpoints import send_test_event
        from payerwatch.tenancy.context import acting_in

        with acting_in(self._customer):
            public_id = send_test_event(endpoint, actor=self._actor).public_id
        return public_id, time.perf_counter()

    def hanging(self) -> Any:
        """One more that hangs, which nobody has tried yet."""
        from payerwatch.deliveries.endpoints import add_endpoint
        from payerwatch.tenancy.context import acting_in

        with acting_in(self._customer):
            return add_endpoint(f"http://127.0.0.1:{self._port}{HANG}", actor=self._actor).endpoint


def _set_up(directory: Path, receiver: _Receiver) -> _Teller:
    os.environ["DJANGO_SETTINGS_MODULE"] = "payerwatch.config.settings"
    os.environ.update(
        PAYERWATCH_DATA_DIR=str(directory),
        PAYERWATCH_SECRET_KEY=secrets.token_urlsafe(50),
        PAYERWATCH_ALLOW_PRIVATE_ENDPOINTS="yes",
    )
    django.setup()
    refuse_unless_throwaway()
    call_command("migrate", verbosity=0)
    # What needs Django set up.
    from payerwatch.audit.actors import Actor
    from payerwatch.deliveries.endpoints import add_endpoint
    from payerwatch.pipeline import add_customer
    from payerwatch.tenancy.context import acting_in

    actor, port = Actor("command", name="benchmark"), receiver.server_address[1]
    customer = add_customer("Benchmark", actor=actor)
    with acting_in(customer):
        urls = [f"http://127.0.0.1:{port}/{number}" for number in range(ENDPOINTS)]
        endpoints = [add_endpoint(url, actor=actor).endpoint for url in urls]
    return _Teller(customer, endpoints, actor, port)


@contextmanager
def _working(directory: Path) -> Iterator[None]:
    with (directory / "work.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "payerwatch", "work"], stdout=log, stderr=log)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _round(teller: _Teller, receiver: _Receiver, seconds: float, rate: float, *, hanging: bool) -> list[float]:
    """Milliseconds from kept to arrived, of messages to the 49 others."""
    chance = Random(11)
    others = teller.endpoints[:-1]
    last = teller.hanging() if hanging else teller.endpoints[-1]
    kept: dict[str, float] = {}
    begun = time.perf_counter()
    for number in range(int(seconds * rate)):
        time.sleep(max(0.0, begun + number / rate - time.perf_counter()))
        drawn = chance.randrange(ENDPOINTS)
        public_id, at = teller.tell(last if drawn == ENDPOINTS - 1 else others[drawn])
        if drawn != ENDPOINTS - 1:
            kept[public_id] = at
    deadline = time.perf_counter() + 60
    while not kept.keys() <= receiver.arrived.keys():
        assert time.perf_counter() < deadline, f"{len(kept.keys() - receiver.arrived.keys())} have not arrived"
        time.sleep(0.05)
    return [max(0.0, receiver.arrived[public_id] - at) * 1000 for public_id, at in kept.items()]


def _report(times: dict[bool, list[float]]) -> None:
    print(f"{'':<18} {'messages':>9} {'p50 ms':>8} {'p95 ms':>8}")
    for hanging, each in times.items():
        name = "one hangs" if hanging else "all answer"
        print(f"{name:<18} {len(each):>9,} {_quantile(each, 0.5):>8.1f} {_quantile(each, 0.95):>8.1f}")
    ratio = _quantile(times[True], 0.95) / _quantile(times[False], 0.95)
    print(f"p95 of the 49 others with one that hangs: {ratio:.2f} times as without (wanted: below {WANTED:.2f})")


def _quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


if __name__ == "__main__":
    main()
