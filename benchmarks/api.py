"""What an answer of the API costs: CPU of a listing of 50 claims, and of its last page against its first.

    scripts/with_postgres.py -- python benchmarks/api.py [--claims 1000000] [--rounds 15] [--requests 200]

CPU: the real `payerwatch serve` (one process, PostgreSQL) answers the listing to a key and to a person's access
token: recognised, throttled, in its customer's transaction, recorded with a checkpoint, logged. Beside it a plain
Django view in the same server (benchmarks/api_plain.py) answers with the same rows. Rounds take turns; counted is the
CPU time of the server's processes, and apart that of PostgreSQL's. Pages: the time until the answer is read, first and
last page in turn, of every order.
"""

import argparse
import http.client
import json
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import django
import psutil
from api_parts import report_parts
from django.core.management import call_command
from throwaway import refuse_unless_throwaway

WARM_UP = 50
TICK = 0.01  # seconds, which the system counts CPU by
SCOPES = ("claims.read", "events.read", "mappings.read", "customer.read")
MOST_RATIO, MOST_PAGE_RATIO = 3.0, 1.2
CLAIMS = "/api/v1/claims/"
Headers = Mapping[str, str]


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory() as directory:
        credentials = set_up(Path(directory), options.claims)
        with _serving(Path(directory)) as (ours, plain):
            _report_cpu(options, ours, plain, credentials)
            report_parts(options.rounds, options.requests, credentials["key"], CLAIMS)
            _report_pages(options, ours, credentials["key"])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What an answer of the API costs.")
    parser.add_argument("--claims", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--requests", type=int, default=200, help="of each round")
    return parser.parse_args()


def set_up(directory: Path, claims: int) -> dict[str, Headers]:
    """A customer with claims; how its key and its person present themselves."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "payerwatch.config.settings"
    os.environ.update(
        PAYERWATCH_DATA_DIR=str(directory),
        PAYERWATCH_SECRET_KEY=secrets.token_urlsafe(50),
        PAYERWATCH_RATE_API="100000/m",
        PAYERWATCH_RATE_ANONYMOUS="100000/m",
    )
    django.setup()
    refuse_unless_throwaway()
    call_command("migrate", verbosity=0)
    # What needs Django set up.
    from api_claims import fill, told

    from payerwatch.audit.actors import Actor
    from payerwatch.members.keys import issue_key
    from payerwatch.members.models import Member, Person, PersonCustomer, Session
    from payerwatch.members.secrets import Origin
    from payerwatch.members.sessions import start_session
    from payerwatch.members.tokens import issue_tokens
    from payerwatch.pipeline import add_customer
    from payerwatch.tenancy.context import acting_in

    actor = Actor("command", name="benchmark")
    customer = add_customer("Benchmark", actor=actor)
    os.environ["BENCHMARK_CUSTOMER"] = str(customer.pk)
    person = Person.objects.create(email="ana@example.org", name="Ana")
    PersonCustomer.objects.create(person=person, customer=customer)
    with acting_in(customer):
        Member.objects.create(person=person, role="analyst")
        fill(customer.pk, claims)
    told()
    key = issue_key(customer, name="Benchmark", scopes=SCOPES, actor=actor).text
    session, secret = start_session(
        person, customer, kind=Session.Kind.PROGRAM, origin=Origin("127.0.0.1"), with_second_factor=False
    )
    texts = {"key": key, "token": issue_tokens(session, secret).access}
    return {name: {"Authorization": f"Bearer {text}"} for name, text in texts.items()}


class Served(NamedTuple):
    process: subprocess.Popen[bytes]
    connection: http.client.HTTPConnection

    def ask(self, address: str, headers: Headers) -> bytes:
        try:
            response = self._answer(address, headers)
        except http.client.RemoteDisconnected:  # which it does to who was silent while the other was asked
            response = self._answer(address, headers)
        body = response.read()
        assert response.status == 200, (response.status, body)
        return body

    def _answer(self, address: str, headers: Headers) -> http.client.HTTPResponse:
        self.connection.request("GET", address, headers=dict(headers))
        return self.connection.getresponse()


@contextmanager
def _serving(directory: Path) -> Iterator[tuple[Served, Served]]:
    """The product and the plain view, each on a port of its own."""
    here, ports = Path(__file__).parent, [free_port(), free_port()]
    ours = ["-m", "payerwatch", "serve", "--for-trying", "--workers", "1", "--bind", f"127.0.0.1:{ports[0]}"]
    commands = [[sys.executable, *ours], [sys.executable, str(here / "api_plain.py"), f"127.0.0.1:{ports[1]}"]]
    with (directory / "served.log").open("wb") as log:
        processes = [subprocess.Popen(command, stdout=log, stderr=log, cwd=here) for command in commands]
    try:
        served = [Served(process, connected(port)) for process, port in zip(processes, ports, strict=True)]
        yield served[0], served[1]
    finally:
        for process in processes:
            process.terminate()
            process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def connected(port: int) -> http.client.HTTPConnection:
    deadline = time.monotonic() + 60
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.connect()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return connection


# CPU


class Spent(NamedTuple):
    """Milliseconds of CPU for each request."""

    python: float
    postgresql: float


def _report_cpu(options: argparse.Namespace, ours: Served, plain: Served, credentials: Mapping[str, Headers]) -> None:
    asked: dict[str, Callable[[], bytes]] = {
        "plain view": lambda: plain.ask("/claims/", {}),
        **{f"by {name}": lambda name=name: ours.ask(CLAIMS, credentials[name]) for name in credentials},
    }
    of = {name: plain.process if name == "plain view" else ours.process for name in asked}
    spent: dict[str, list[Spent]] = {name: [] for name in asked}
    for name, ask in asked.items():
        assert len(json.loads(ask())["results"]) == 50, name
        for _ in range(WARM_UP):
            ask()
    for _ in range(options.rounds):
        for name, ask in asked.items():
            spent[name].append(_spent(ask, of[name], options.requests))
    print(f"CPU of a listing of 50 claims of {options.claims:,}, {options.rounds} rounds of {options.requests}\n")
    print(f"{'':<12}{'Python':>10}{'ratio':>8}{'PostgreSQL':>13}{'ratio':>8}")
    for name in asked:
        figures = []
        for side in ("python", "postgresql"):
            figure = statistics.median(getattr(each, side) for each in spent[name])
            pairs = zip(spent[name], spent["plain view"], strict=True)
            figures += [figure, statistics.median(getattr(each, side) / getattr(base, side) for each, base in pairs)]
        print(f"{name:<12}{figures[0]:>7.3f} ms{figures[1]:>8.2f}{figures[2]:>10.3f} ms{figures[3]:>8.2f}")
    print(f"\nwanted: a ratio of Python's CPU of at most {MOST_RATIO}\n")


def _spent(ask: Callable[[], bytes], process: subprocess.Popen[bytes], requests: int) -> Spent:
    database = _postmaster()
    before = _cpu(psutil.Process(process.pid)), _cpu(database)
    for _ in range(requests):
        ask()
    after = _cpu(psutil.Process(process.pid)), _cpu(database)
    return Spent(*(max(now - then, TICK) * 1000 / requests for then, now in zip(before, after, strict=True)))


def _cpu(process: psutil.Process) -> float:
    """Seconds of a process and all below it, those that have ended included."""
    seconds = 0.0
    for each in (process, *process.children(recursive=True)):
        times = each.cpu_times()
        seconds += times.user + times.system + times.children_user + times.children_system
    return seconds


def _postmaster() -> psutil.Process:
    # What needs Django set up.
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (backend,) = cursor.fetchone()
    parent = psutil.Process(backend).parent()
    assert parent is not None
    return parent


# Pages


def _report_pages(options: argparse.Namespace, ours: Served, headers: Headers) -> None:
    # What needs Django set up.
    from payerwatch.web.api.claims import Claims

    print(f"Last page against first of {options.claims:,} claims, median of {options.rounds * 10}\n")
    print(f"{'order':<18}{'first':>12}{'last':>12}{'ratio':>8}")
    for order in Claims.orders:
        first = f"{CLAIMS}?order={order}"
        last = _last_page(ours, first, headers)
        times: dict[str, list[float]] = {first: [], last: []}
        for _ in range(options.rounds * 10):
            for address, taken in times.items():
                start = time.perf_counter()
                ours.ask(address, headers)
                taken.append(time.perf_counter() - start)
        medians = [statistics.median(taken) * 1000 for taken in times.values()]
        print(f"{order:<18}{medians[0]:>9.2f} ms{medians[1]:>9.2f} ms{medians[1] / medians[0]:>8.2f}")
    print(f"\nwanted: a ratio of at most {MOST_PAGE_RATIO}")


def _last_page(ours: Served, first: str, headers: Headers) -> str:
    """By a cursor as the listing gives them, of the place one page before the end: to walk there takes long."""
    # What needs Django set up.
    from django.core.signing import Signer

    from payerwatch.claims.models import Claim
    from payerwatch.tenancy.absent_values import AbsentLowest
    from payerwatch.tenancy.context import acting_in
    from payerwatch.web.api.claims import Claims

    customer, order = int(os.environ["BENCHMARK_CUSTOMER"]), first.rpartition("=")[2]
    columns = Claims.orders[order]
    with acting_in(customer):
        rows = Claim.objects.annotate(amount=AbsentLowest("billed_amount"))
        names = ["amount" if each == "-billed_amount" else each.lstrip("-") for each in columns]
        turned = [name if each.startswith("-") else f"-{name}" for name, each in zip(names, columns, strict=True)]
        place = list(rows.order_by(*turned).values_list(*names)[50])
    plain = [each.isoformat() if hasattr(each, "isoformat") else each for each in place]
    salt = f"payerwatch.cursor:{customer}:Claims.list:{','.join(columns)}"
    address = f"{first}&cursor={Signer(salt=salt).sign_object([False, plain])}"
    answered = json.loads(ours.ask(address, headers))
    assert len(answered["results"]) == 50
    assert answered["next"] is None
    return address


if __name__ == "__main__":
    main()
