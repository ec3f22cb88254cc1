"""How long anybody waits while tables in use are changed, by the product's migrations and by every operation.

    scripts/with_postgres.py -- python benchmarks/migrations.py [--claims 5000000] [--clients 16]

Clients read and write claims all the time, as the application does: 70 % of their transactions read. While each of the
two chains goes forward and back, a transaction that has read the table stays open for 10 s, and beside it one that has
written it, then none for 5 s, over and over. A probe asks the server every few milliseconds who waits for whom
(`pg_blocking_pids`): a wait is the migration's if the client waits for its connection, which counts both what it holds
and what it waits for itself. It also asks how long the migration is at its statement, if that is none of those that
go beside everybody: building or dropping an index concurrently, validating, looking for rows that are alike.

Beside it stands what the traffic alone does to itself, before and after, and two controls in the same run, so that it
is known what the probe sees: a plain ADD CONSTRAINT UNIQUE, and one of an index with `lock_timeout = 2 s`.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.schema_changes.settings"

import django  # noqa: E402

django.setup()

import psycopg  # noqa: E402
from api_claims import fill, told  # noqa: E402
from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402
from throwaway import refuse_unless_throwaway  # noqa: E402

from payerwatch.tenancy.context import acting_in  # noqa: E402
from payerwatch.tenancy.models import Customer  # noqa: E402

READS = 0.7
OPEN_SECONDS = 10.0
PROBE_SECONDS = 0.004
CUSTOMERS = 20
NOISE_SECONDS = 20.0
BASELINE = {"claims": "0008_packed_slices", "drift": "0005_before_triage"}
"""What the chain of the product begins after: the release before."""
FIRST_OF_TRIAL = "0001_claims_as_they_are"


@dataclass
class Waits:
    """What happened to the clients' transactions in some time. Milliseconds."""

    name: str
    seconds: float = 0
    transactions: int = 0
    errors: int = 0
    longest: float = 0
    high: float = 0
    behind_migration: float = 0
    """The longest that anybody waited for a lock behind the migration's connection, as the probe saw."""
    seen_waiting: int = 0
    """How often the probe saw somebody wait so."""
    statement: float = 0
    """How long the probe saw the migration at one statement, of those that do not go beside everybody."""
    slowest: str = ""
    """That statement, without what was given to it."""


def main() -> None:
    options = _options()
    refuse_unless_throwaway()
    _migrate()
    _migrate("trial", "zero")
    print(f"Filling {options.claims:,} claims of {CUSTOMERS} customers", flush=True)
    _fill(options.claims)
    for app, name in BASELINE.items():
        _migrate(app, name)
    found = []
    with _traffic(options.clients, options.open) as traffic:
        found.append(traffic.during("traffic alone, before", lambda: time.sleep(options.noise)))
        found.append(traffic.during("the product's chain, forward", _migrate_product))
        found.append(traffic.during("the product's chain, back", _migrate_product_back))
        _migrate_product()
        _migrate("trial", FIRST_OF_TRIAL)
        found.append(traffic.during("every operation, forward", lambda: _migrate("trial")))
        found.append(traffic.during("every operation, back", lambda: _migrate("trial", FIRST_OF_TRIAL)))
        found.append(traffic.during("traffic alone, after", lambda: time.sleep(options.noise)))
        plain = partial(_plain_unique, options.rounds)
        found.append(traffic.during("control: plain ADD CONSTRAINT UNIQUE", plain, long_open=False))
        found.append(traffic.during("control: lock_timeout 2 s", _lock_timeout_of_two_seconds))
    sys.exit(_report(options, found))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Waits behind migrations.")
    parser.add_argument("--claims", type=int, default=5_000_000)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--noise", type=float, default=NOISE_SECONDS, help="seconds of traffic alone, twice")
    parser.add_argument("--open", type=float, default=OPEN_SECONDS, help="seconds that the long transactions are open")
    parser.add_argument("--limit", type=float, default=25.0, help="milliseconds to wait behind a migration, at most")
    parser.add_argument("--statement", type=float, default=100.0, help="milliseconds of one that is beside nobody")
    parser.add_argument("--slack", type=float, default=25.0, help="and be slower than the slowest of traffic alone")
    parser.add_argument("--control", type=float, default=1000, help="milliseconds that the plain constraint must stop")
    parser.add_argument("--rounds", type=int, default=1, help="of the plain constraint, which on few claims is quick")
    parser.add_argument("--json", type=Path, help="write what was found here as well")
    return parser.parse_args()


# What is changed


def _migrate(*words: str) -> None:
    """As an operator does, in a process of its own."""
    command = [sys.executable, "-m", "payerwatch", "migrate", *words, "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, check=True)


def _migrate_product() -> None:
    for app in BASELINE:
        _migrate(app)


def _migrate_product_back() -> None:
    for app, name in BASELINE.items():
        _migrate(app, name)


def _plain_unique(rounds: int) -> None:
    with _connected(settings.MIGRATOR_DATABASE, "payerwatch migration") as owner:
        for _ in range(rounds):
            owner.execute("ALTER TABLE claims_claim ADD CONSTRAINT control_unique UNIQUE (customer_id, cpt_group, id)")
            owner.execute("ALTER TABLE claims_claim DROP CONSTRAINT control_unique")


def _lock_timeout_of_two_seconds() -> None:
    """What tools do by default: once the index is there, an impatient ALTER TABLE behind a transaction that is open."""
    with _connected(settings.MIGRATOR_DATABASE, "payerwatch migration") as owner:
        owner.execute("SET lock_timeout = '2s'")
        for _ in range(12):
            try:
                owner.execute("ALTER TABLE claims_claim ALTER COLUMN billed_amount DROP DEFAULT")
            except psycopg.errors.LockNotAvailable:
                return
            time.sleep(0.2)


# Who uses the table meanwhile


class _Traffic:
    """Clients in processes of their own, what they tell of their transactions, and the probe."""

    def __init__(self, clients: Sequence[Connection], open_seconds: float) -> None:
        self._clients = clients
        self._open_seconds = open_seconds

    def during(self, name: str, change: Callable[[], object], *, long_open: bool = True) -> Waits:
        waits = Waits(name)
        self._told()
        began = time.monotonic()
        with _probe(waits), _long_transactions(self._open_seconds if long_open else 0):
            change()
        waits.seconds = time.monotonic() - began
        took: list[float] = []
        for times, errors in self._told():
            took += times
            waits.errors += errors
        waits.transactions = len(took)
        waits.longest = max(took) * 1000
        waits.high = statistics.quantiles(took, n=1000)[-1] * 1000
        print(_line(waits), flush=True)
        return waits

    def _told(self) -> list[tuple[list[float], int]]:
        """The seconds that each transaction has taken since this was asked last, and how many failed."""
        for client in self._clients:
            client.send("tell")
        return [client.recv() for client in self._clients]


@contextmanager
def _traffic(clients: int, open_seconds: float) -> Iterator[_Traffic]:
    pipes = [multiprocessing.Pipe() for _ in range(clients)]
    processes = [
        multiprocessing.Process(target=_client, args=(theirs, number), daemon=True)
        for number, (_, theirs) in enumerate(pipes)
    ]
    for process in processes:
        process.start()
    try:
        yield _Traffic([ours for ours, _ in pipes], open_seconds)
    finally:
        for ours, _ in pipes:
            ours.send("stop")
        for process in processes:
            process.join(20)


def _client(pipe: Connection, number: int) -> None:
    """Transactions one after the other, with pauses, until told to stop."""
    chance, parent = random.Random(number), os.getppid()
    took: list[float] = []
    errors = 0
    with _connected(settings.DATABASES["default"], "client") as connection:
        while not connection.closed and os.getppid() == parent:
            while pipe.poll():
                if pipe.recv() == "stop":
                    return
                pipe.send((took, errors))
                took, errors = [], 0
            began = time.monotonic()
            try:
                _transaction(connection, chance)
            except psycopg.Error as error:
                errors += 1
                print(f"A client's transaction failed: {type(error).__name__}", file=sys.stderr, flush=True)
            took.append(time.monotonic() - began)
            time.sleep(chance.uniform(0.005, 0.025))


def _transaction(connection: psycopg.Connection, chance: random.Random) -> None:
    customer = chance.randrange(1, CUSTOMERS + 1)
    with connection.transaction():
        connection.execute(f"SET LOCAL app.customer_id = '{customer}'")
        if chance.random() < READS:
            connection.execute(_READ, [customer]).fetchall()
        elif chance.random() < 0.5:
            connection.execute(_CHANGE, [customer, chance.randrange(10**7)])
        else:
            connection.execute(_INSERT, [f"n{chance.randrange(10**15)}", customer])


_READ = """
SELECT id, claim_key, submitted_date, billed_amount, outcome FROM claims_claim WHERE customer_id = %s
ORDER BY submitted_date DESC, id DESC LIMIT 50
"""
_CHANGE = """
UPDATE claims_claim SET paid_amount = coalesce(paid_amount, 0) + 1
WHERE (customer_id, id) IN (
    SELECT customer_id, id FROM claims_claim WHERE customer_id = %s AND id > %s ORDER BY customer_id, id LIMIT 1)
"""
_COLUMNS = (
    "submitted_date, service_date, cpt, cpt_group, billed_amount, allowed_amount, paid_amount, outcome, status, "
    "decided_date, denial_code, denial_reason, denial_category, first_outcome, first_decided_date, "
    "first_denial_category, customer_id, payer_id, payer_mapping_id, upload_id"
)
_INSERT = f"""
INSERT INTO claims_claim (claim_key, {_COLUMNS})
SELECT %s, {_COLUMNS} FROM claims_claim WHERE customer_id = %s ORDER BY customer_id, id LIMIT 1
"""


@contextmanager
def _long_transactions(seconds: float) -> Iterator[None]:
    """One that has read the table and one that has written it, open for so long, and again after half of it."""
    stopping = threading.Event()

    def hold() -> None:
        app = settings.DATABASES["default"]
        with _connected(app, "long reader") as reader, _connected(app, "long writer") as writer:
            while not stopping.is_set():
                with reader.transaction(), writer.transaction():
                    for each in (reader, writer):
                        each.execute("SET LOCAL app.customer_id = '1'")
                    reader.execute(_READ, [1])
                    writer.execute(_INSERT, [f"long {time.monotonic_ns()}", 1])
                    stopping.wait(seconds)
                stopping.wait(seconds / 2)

    thread = threading.Thread(target=hold)
    if seconds:
        thread.start()
    try:
        yield
    finally:
        stopping.set()
        if seconds:
            thread.join()


# What is seen


_WAITING = """
SELECT waiting.pid, extract(epoch FROM clock_timestamp() - waiting.waitstart)
FROM (SELECT pid, waitstart, pg_blocking_pids(pid) AS behind FROM pg_locks WHERE NOT granted) AS waiting
WHERE waiting.behind && ARRAY(SELECT pid FROM pg_stat_activity WHERE usename = %(owner)s AND pid <> pg_backend_pid())
  AND waiting.pid NOT IN (SELECT pid FROM pg_stat_activity WHERE usename = %(owner)s)
"""

_AT_WORK = """
SELECT extract(epoch FROM clock_timestamp() - query_start), query FROM pg_stat_activity
WHERE usename = %(owner)s AND application_name <> 'probe' AND state = 'active'
  AND query !~* 'INDEX CONCURRENTLY|VALIDATE CONSTRAINT|AS whose'
"""
"""Not the builds themselves, nor what reads all rows under no lock that anybody needs."""


@contextmanager
def _probe(waits: Waits) -> Iterator[None]:
    """Ask, over and over, who waits behind a connection of the role that migrates, and for how long by now."""
    stopping = threading.Event()

    def ask() -> None:
        with _connected(settings.MIGRATOR_DATABASE, "probe") as connection:
            owner = {"owner": settings.MIGRATOR_DATABASE["USER"]}
            while not stopping.wait(PROBE_SECONDS):
                for _pid, seconds in connection.execute(_WAITING, owner).fetchall():
                    waits.behind_migration = max(waits.behind_migration, float(seconds or 0) * 1000)
                    waits.seen_waiting += 1
                for seconds, statement in connection.execute(_AT_WORK, owner).fetchall():
                    if seconds * 1000 > waits.statement:
                        waits.statement, waits.slowest = float(seconds) * 1000, " ".join(statement.split())[:100]

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def _connected(database: dict[str, Any], name: str) -> psycopg.Connection:
    return psycopg.connect(
        host=database["HOST"],
        port=database["PORT"] or 5432,
        user=database["USER"],
        password=database["PASSWORD"],
        dbname=settings.DATABASES["default"]["NAME"],
        application_name=name,
        autocommit=True,
    )


def _fill(claims: int) -> None:
    for number in range(1, CUSTOMERS + 1):
        customer = Customer.objects.create(name=f"Practice {number}")
        with acting_in(customer):
            fill(customer.pk, claims // CUSTOMERS)
    connection.close()
    told()


def _line(waits: Waits) -> str:
    return (
        f"{waits.name:40} {waits.seconds:7.1f} s {waits.transactions:8,} transactions, {waits.errors} errors; "
        f"longest {waits.longest:7.1f} ms, 99.9 % {waits.high:6.1f} ms; "
        f"behind the migration {waits.behind_migration:7.1f} ms ({waits.seen_waiting}); "
        f"its longest statement {waits.statement:5.1f} ms"
    )


def _report(options: argparse.Namespace, found: list[Waits]) -> int:
    """Print what is wanted and whether it is so; the exit code."""
    alone = max(each.longest for each in found if each.name.startswith("traffic"))
    chains = [each for each in found if "chain" in each.name or "operation" in each.name]
    controls = [each for each in found if each.name.startswith("control")]
    wanted = {
        "no transaction failed": all(each.errors == 0 for each in found if each not in controls),
        f"nobody waited longer than {options.limit} ms behind a migration": all(
            each.behind_migration <= options.limit for each in chains
        ),
        f"no transaction took more than {options.slack} ms above the longest of the traffic alone": all(
            each.longest <= alone + options.slack for each in chains
        ),
        f"no statement of a migration took more than {options.statement} ms": all(
            each.statement <= options.statement for each in chains
        ),
        "the probe sees a plain unique constraint": controls[0].behind_migration >= options.control,
        "the probe sees a lock_timeout of 2 s": min(1.5, options.open / 2)
        <= controls[1].behind_migration / 1000
        <= 2.5,
    }
    print(f"\nThe longest transaction of the traffic alone: {alone:.1f} ms")
    print(f"The longest statement of a migration: {max(chains, key=lambda each: each.statement).slowest}")
    for what, so in wanted.items():
        print(f"{'yes' if so else 'NO '} {what}")
    if options.json:
        options.json.write_text(json.dumps([asdict(each) for each in found], indent=2))
    return 0 if all(wanted.values()) else 1


if __name__ == "__main__":
    main()
