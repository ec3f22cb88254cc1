"""What is true of a whole run of migrations: nobody else migrates meanwhile, and a lock that is not had is no end."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import errors

from payerwatch.schema_changes.locks import patience_now
from payerwatch.schema_changes.refusals import ChangeRefused

Outcome = TypeVar("Outcome")

_LOCK = 7_262_062  # any number, the same everywhere
_HOLDER = """
SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = 0 AND objid = %s AND granted
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
LOOK_SECONDS = 0.2


class AnotherMigrates(ChangeRefused):
    """Another `payerwatch migrate` is at work, or the server finishes a statement of one that was killed."""

    def __init__(self, pid: int | None) -> None:
        super().__init__(f"Another migration is at work (pid {pid} of the server). Run it again when that has ended.")


@contextmanager
def alone(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Run the block while nobody else migrates this database. Raises AnotherMigrates after waiting for a while."""
    until = time.monotonic() + patience_now.get().aside
    with connection.cursor() as cursor:
        while not _taken(cursor):
            if time.monotonic() > until:
                cursor.execute(_HOLDER, [_LOCK])
                holder = cursor.fetchone()
                raise AnotherMigrates(holder[0] if holder else None)
            time.sleep(LOOK_SECONDS)
    try:
        yield
    finally:
        if connection.connection is not None and connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def _taken(cursor: object) -> bool:
    cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])  # type: ignore[attr-defined]
    return bool(cursor.fetchone()[0])  # type: ignore[attr-defined]


def with_patience(migrate: Callable[[], Outcome], told: Callable[[int], None]) -> Outcome:
    """Migrate, and go on after a migration that is one transaction and did not get a lock: it was taken back whole.

    `told` is told how often by now. Operations that are no part of one have had patience of their own.
    """
    until = time.monotonic() + patience_now.get().aside
    attempt = 0
    while True:
        try:
            return migrate()
        except OperationalError as error:
            if not isinstance(error.__cause__, errors.LockNotAvailable) or time.monotonic() > until:
                raise
        attempt += 1
        told(attempt)
        time.sleep(patience_now.get().pause_in_line * random.uniform(0.5, 1.5))
