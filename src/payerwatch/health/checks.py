"""What is looked at, each by itself. What cannot be looked at, as the database does not answer, is not told of."""

import shutil
import time
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from payerwatch.config.logging import milliseconds_since
from payerwatch.deliveries.queries import oldest_due_anywhere
from payerwatch.health.backups import newest_backup
from payerwatch.health.findings import Finding, Status, graded
from payerwatch.jobs import queue
from payerwatch.jobs.steps import SENDING, WORK
from payerwatch.schema_changes.releases import is_for_after

MIB = 1024 * 1024
SLOW_ANSWER = 250.0
"""Milliseconds."""
SILENT_WORKER = 20.0
"""Seconds. A worker says every three that it lives, and is taken for dead after fifteen."""
NEEDED = ("database:responseTime", "migrations:pending", "disk:free", "queue:responseTime")
"""What must not fail in a process that answers: without the queue, a table, nothing could be taken in. That no worker
runs, or that much waits, keeps nobody from reading."""
OLD_JOB_WARN, OLD_JOB_FAIL = 300.0, 1800.0
OLD_BACKUP = timedelta(hours=26)
"""One each day, and two hours in which it may be late."""


def database() -> Finding:
    """Raises DatabaseError or InterfaceError where it does not answer."""
    began = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    took = milliseconds_since(began)
    slow = took > SLOW_ANSWER
    says = "The database takes long to answer." if slow else ""
    return _found("database:responseTime", Status.WARN if slow else Status.PASS, took, "ms", says)


def no_database() -> Finding:
    return _found("database:responseTime", Status.FAIL, says="The database does not answer.")


def not_known(check: str) -> Finding:
    """Of what the database could not be asked though it answers: somebody holds the table, or it is not there."""
    status = Status.FAIL if check in NEEDED else Status.WARN
    return _found(check, status, says=f"The database cannot be asked for this now: {check}.")


def migrations() -> Iterator[Finding]:
    """Which of this release's are not applied, and which one was applied last."""
    in_order = _applied()
    applied = set(in_order)
    missing = [name for name, replaced in _known() if name not in applied and not (replaced and replaced <= applied)]
    before = [each for each in missing if not is_for_after(each)]
    says = f"{len(missing)} migrations are left for when the release before runs no more." if missing else ""
    if before:
        says = f"{len(before)} migrations of this release are not applied. Run: payerwatch migrate"
    grade = Status.FAIL if before else Status.WARN if missing else Status.PASS
    yield _found("migrations:pending", grade, len(missing), "migrations", says)
    yield _found("migrations:version", Status.PASS, ".".join(in_order[-1]) if in_order else "")


def disk() -> Finding:
    """Where there is least space, of the places in which this process keeps something."""
    least = min(shutil.disk_usage(_existing(Path(each))).free for each in (settings.DATA_DIR, settings.CHECKPOINT_DIR))
    free, wanted = least // MIB, settings.LEAST_DISK
    status = Status.FAIL if free < wanted else Status.WARN if free < 4 * wanted else Status.PASS
    says = "" if status is Status.PASS else f"There is little space on the disk: {free} MiB; {wanted} are needed."
    return _found("disk:free", status, free, "MiB", says)


def jobs() -> Iterator[Finding]:
    """Of the table of jobs: what waits, and whether anybody is there to do it. On SQLite there is none.

    Raises DatabaseError where it cannot be asked.
    """
    if connection.vendor != "postgresql":
        return
    began = time.perf_counter()
    state = queue.state()
    yield _found("queue:responseTime", Status.PASS, milliseconds_since(began), "ms")
    yield _worker(state.worker_silent_for)
    yield _found("worker:count", Status.PASS, state.workers, "workers")
    for name, waiting_in in (("queue:oldestAge", WORK), ("outbox:lag", SENDING)):
        age = state.oldest_due.get(waiting_in, 0.0)
        status = graded(age, warn_above=OLD_JOB_WARN, fail_above=OLD_JOB_FAIL)
        says = "" if status is Status.PASS else f"Something has been waiting to be done for {age:.0f} seconds."
        yield _found(name, status, round(age, 1), "s", says)
    parked = state.parked
    says = "Jobs have failed for good. List them with: payerwatch jobs" if parked else ""
    yield _found("queue:parked", Status.WARN if parked else Status.PASS, parked, "jobs", says)


def outbox() -> Iterator[Finding]:
    """Where no job waits in a table: how long the message has been due that has been so the longest."""
    if connection.vendor == "postgresql":
        return
    due = oldest_due_anywhere()
    lag = max((timezone.now() - due).total_seconds(), 0.0) if due is not None else 0.0
    status = graded(lag, warn_above=OLD_JOB_WARN, fail_above=OLD_JOB_FAIL)
    says = "" if status is Status.PASS else f"A message has been due for {lag:.0f} seconds."
    yield _found("outbox:lag", status, round(lag, 1), "s", says)


def backup() -> Iterator[Finding]:
    """A warning at most: without one everything works, until it does not."""
    newest = newest_backup()
    if newest is None:
        yield _found("backup:age", Status.WARN, says="There is no backup yet. Make one with: payerwatch backup")
        return
    age = timezone.now() - newest
    old = age > OLD_BACKUP
    says = "The last backup is more than a day old." if old else ""
    yield _found("backup:age", Status.WARN if old else Status.PASS, round(age.total_seconds()), "s", says)


def _worker(silent_for: float | None) -> Finding:
    if silent_for is None:
        return _found("worker:heartbeatAge", Status.FAIL, says="No worker runs: files are not loaded, nobody is told.")
    dead = silent_for > SILENT_WORKER
    says = f"No worker has said for {silent_for:.0f} seconds that it lives." if dead else ""
    return _found("worker:heartbeatAge", Status.FAIL if dead else Status.PASS, round(silent_for, 1), "s", says)


def _found(check: str, status: Status, value: float | str | None = None, unit: str = "", says: str = "") -> Finding:
    return Finding(check, status, timezone.now(), value, unit, says)


def _existing(path: Path) -> Path:
    """The directory, or of its parents the first that is there."""
    return next(each for each in (path, *path.parents) if each.exists())


@cache
def _known() -> tuple[tuple[tuple[str, str], frozenset[tuple[str, str]]], ...]:
    """This release's migrations, and those that each stands for."""
    loader: Any = MigrationLoader(None, ignore_no_migrations=True)
    return tuple((name, frozenset(each.replaces)) for name, each in sorted(loader.disk_migrations.items()))


def _applied() -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT app, name FROM django_migrations ORDER BY id")
        return [(app, name) for app, name in cursor.fetchall()]
