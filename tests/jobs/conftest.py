"""An empty table of jobs, workers in threads and in processes, and a second connection."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from django.db import connection, transaction

from payerwatch.jobs.steps import SENDING, WORK
from payerwatch.jobs.worker import Times, Worker
from tests.jobs.a_worker import TIMES
from tests.jobs.declared import FAILURES, MAY_END, RUNS, TOLD
from tests.processes import environment

collect_ignore = [] if os.environ.get("PAYERWATCH_PROOF") == "full" else ["test_stopped_in_full.py"]


@pytest.fixture
def table(transactional_db: None) -> Iterator[None]:
    """The table of jobs, with nothing in it."""
    _empty()
    yield
    _empty()
    for each in (RUNS, TOLD, FAILURES):
        each.clear()


def _empty() -> None:
    with connection.cursor() as cursor:
        for name in ("procrastinate_periodic_defers", "procrastinate_jobs", "procrastinate_workers"):
            cursor.execute(f"DELETE FROM {name}")


def jobs(status: str = "") -> list[tuple[str, str, int]]:
    """The thing, status and attempts of each job that is there."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT args->>'id', status::text, attempts FROM procrastinate_jobs ORDER BY id")
        return [each for each in cursor.fetchall() if status in ("", each[1])]


def make_due() -> None:
    """Let the pauses of all that wait be over."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'")


def wait_for(what: Callable[[], Any], *, seconds: float = 60) -> Any:
    """What it gives once that is something, which may take long where the machine has much else to do."""
    until = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < until, (jobs(), RUNS)
        time.sleep(0.05)
    return found


@contextmanager
def working(threads: int = 2, periodic: Any = (), **times: float) -> Iterator[Worker]:
    """A worker in a thread of this process; at the end it is told to stop, and must."""
    worker = Worker({WORK: threads, SENDING: 1}, periodic, times=Times(**TIMES | times))
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield worker
    finally:
        worker.stop()
        thread.join(60)
    assert not thread.is_alive()


@contextmanager
def nothing_long_ends() -> Iterator[Callable[[], None]]:
    """What takes long in this process comes to its end only once this is called, or the block is over."""
    MAY_END.clear()
    try:
        yield MAY_END.set
    finally:
        MAY_END.set()


@contextmanager
def processes(count: int, *options: str, threads: int = 1, **variables: str) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Workers as processes, which are killed at the end."""
    command = [sys.executable, "-m", "tests.jobs.a_worker", str(threads), *options]
    with ExitStack() as stack:
        running = [stack.enter_context(subprocess.Popen(command, env=environment() | variables)) for _ in range(count)]
        try:
            yield running
        finally:
            for each in running:
                each.kill()


class Other:
    """Another connection: what it is given is done in a thread of its own, one after the other."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._open: list[Any] = []

    def begin(self, work: Callable[[], Any]) -> Future[Any]:
        return self._thread.submit(work)

    def do(self, work: Callable[[], Any]) -> Any:
        return self.begin(work).result(60)

    def open_transaction(self) -> None:
        self._open.append(transaction.atomic())
        self.do(self._open[-1].__enter__)

    def end_transaction(self, *, keep: bool = True) -> None:
        block = self._open.pop()
        if not keep:
            self.do(lambda: transaction.set_rollback(True))
        self.do(lambda: block.__exit__(None, None, None))

    def close(self) -> None:
        self.do(lambda: connection.close())  # the thread's own
        self._thread.shutdown()


@pytest.fixture
def other(table: None) -> Iterator[Other]:
    another = Other()
    yield another
    another.close()
