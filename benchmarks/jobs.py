"""What putting a job costs, how soon it is done, and how many are done in a second.

    scripts/with_postgres.py -- python benchmarks/jobs.py [--jobs 3000]

The step does nothing, so that what is timed is the queue. Putting is timed as a whole transaction, beside one that
only asks for a number. Then a worker, and four, of four threads each and processes of their own, empty the table: the
rate is of all but the first, for which they start. How soon: from the commit until the job is gone, one at a time.
One worker comes twice: with the connections that its jobs share, and with one that each job opens for itself.
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import django
from django.core.management import call_command
from django.db import connection
from throwaway import refuse_unless_throwaway

THREADS = 4
ALONE = 100  # jobs put one at a time


class Product(NamedTuple):
    """What of the product is measured, which can be imported once the settings are there."""

    enqueue: ModuleType
    steps: ModuleType
    context: ModuleType
    worker: ModuleType
    actions: ModuleType
    connections: ModuleType


def main() -> None:
    options = _options()
    product = _set_up()
    product.steps.step(nothing)
    if options.work:
        _work(product, own=options.own)
    else:
        _measure(product, options.jobs)


def nothing(_customer_id: int, _public_id: str) -> None:
    """The step."""


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What putting a job costs, how soon and how many are done.")
    parser.add_argument("--jobs", type=int, default=3_000)
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--own", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def _set_up() -> Product:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "payerwatch.config.settings")
    os.environ.setdefault("PAYERWATCH_DATA_DIR", tempfile.mkdtemp(prefix="payerwatch-jobs-"))
    django.setup()
    refuse_unless_throwaway()
    from payerwatch.jobs import enqueue, steps, worker  # the settings come first
    from payerwatch.tenancy import actions, connections, context

    return Product(enqueue, steps, context, worker, actions, connections)


def _work(product: Product, *, own: bool) -> None:
    if not own:
        product.connections.share_connections(THREADS + 1)
    worker = product.worker.Worker({product.steps.WORK: THREADS})
    signal.signal(signal.SIGTERM, lambda _number, _frame: worker.stop())
    worker.run()


def _measure(product: Product, jobs: int) -> None:
    call_command("migrate", verbosity=0)
    customer = product.actions.add_customer("Practice")

    def put(name: str) -> None:
        with product.context.acting_in(customer):
            product.enqueue.enqueue(nothing, name)

    def ask(_name: str) -> None:
        with product.context.acting_in(customer):
            _asked("SELECT 1")

    print(f"a transaction that asks for a number   {_told(_timed(ask, jobs))}")
    print(f"one that puts a job                    {_told(_timed(put, jobs))}")
    print(f"one that puts a job that waits         {_told(_timed(put, jobs))}")
    with _workers(1, own=True):
        alone = _rate()
    _timed(put, jobs)
    with _workers(1):
        print(f"1 worker, {THREADS} threads                    {(shared := _rate()):6.0f} jobs a second")
        print(f"the same, each job with its own connection {alone:2.0f}, or {alone / shared:.2f} of that")
        soon = [_until_gone(put, f"alone {number}") for number in range(ALONE)]
        print(f"from the commit until it is done       {_told(soon)}")
    _timed(put, jobs)
    with _workers(4):
        print(f"4 workers, {THREADS} threads each              {_rate():6.0f} jobs a second")


def _timed(work: Callable[[str], None], times: int) -> list[float]:
    found = []
    for number in range(times):
        began = time.perf_counter()
        work(f"job {number}")
        found.append(time.perf_counter() - began)
    return found


def _told(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    return f"{statistics.median(ordered) * 1e3:6.2f} ms, 99 % within {ordered[int(len(ordered) * 0.99)] * 1e3:6.2f} ms"


@contextmanager
def _workers(count: int, *, own: bool = False) -> Iterator[None]:
    command = [sys.executable, str(Path(__file__)), "--work", *(["--own"] if own else [])]
    running = [subprocess.Popen(command) for _ in range(count)]
    yield
    for each in running:
        each.terminate()
    for each in running:
        each.wait()


def _rate() -> float:
    """Jobs done in a second, from the first that is gone to the last."""
    whole = _asked("SELECT count(*) FROM procrastinate_jobs")
    while (left := _asked("SELECT count(*) FROM procrastinate_jobs")) == whole:
        time.sleep(0.01)
    began = time.perf_counter()
    while _asked("SELECT count(*) FROM procrastinate_jobs"):
        time.sleep(0.05)
    return left / (time.perf_counter() - began)


def _until_gone(put: Callable[[str], None], name: str) -> float:
    put(name)
    began = time.perf_counter()
    while _asked("SELECT count(*) FROM procrastinate_jobs"):
        time.sleep(0.001)
    return time.perf_counter() - began


def _asked(question: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(question)
        return int(cursor.fetchone()[0])


if __name__ == "__main__":
    main()
