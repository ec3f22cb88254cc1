"""Taking the lock that a change of a table needs, with nobody waiting behind it.

Whoever waits for a lock in PostgreSQL's queue keeps everybody out who comes after: one long reading transaction and an
impatient ALTER TABLE stop a table. So the lock is tried for with NOWAIT, which never joins the queue, every few
milliseconds, until an instant comes in which nobody uses the table; the change is made in that same transaction.

Where many short transactions overlap at all times there is no such instant. So it is looked now and then who is in the
way: if all have only just begun, the queue is joined for 20 ms, in which they end. At last it is joined for 20, 50 and
100 ms at a time whoever is there, with pauses, and if that does not help the change is not made. There is no last
try without a limit.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import NamedTuple

from django.db import OperationalError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import errors

from payerwatch.schema_changes.blockers import blockers_of
from payerwatch.schema_changes.refusals import ChangeTakesTooLong, LockNotToBeHad

ACCESS_EXCLUSIVE = "ACCESS EXCLUSIVE"
SHARE_ROW_EXCLUSIVE = "SHARE ROW EXCLUSIVE"
SHARE_UPDATE_EXCLUSIVE = "SHARE UPDATE EXCLUSIVE"


class TableLock(NamedTuple):
    table: str
    mode: str = ACCESS_EXCLUSIVE


@dataclass(frozen=True)
class Patience:
    """How long a lock is tried for, and how a change that holds one is kept short. In seconds, where not said."""

    aside: float = 60.0
    """Without joining the queue behind anybody who may stay."""
    pause: float = 0.005
    """Between two such tries, about."""
    look: float = 0.5
    """Between two looks at who is in the way."""
    just_begun: float = 0.1
    """A transaction that is no older is expected to end at once."""
    in_line_ms: tuple[int, ...] = (20, 50, 100)
    """For so long the queue is joined at a time: the shortest where all have just begun, and each of them at last."""
    tries: int = 10
    """With each of these."""
    pause_in_line: float = 0.5
    """Between two such tries, about: for everybody who waited behind."""
    longest_ms: int = 1000
    """In which a statement that holds a lock must end."""
    beside_others: float = 15.0
    """To wait for other changes of the table and for vacuum, which stops nobody. PostgreSQL lets vacuum give way."""


patience_now: ContextVar[Patience] = ContextVar("patience_now", default=Patience())  # noqa: B039


@contextmanager
def patience_as(patience: Patience) -> Iterator[None]:
    """Let operations within the block be so patient."""
    before = patience_now.set(patience)
    try:
        yield
    finally:
        patience_now.reset(before)


@contextmanager
def locked(connection: BaseDatabaseWrapper, locks: Sequence[TableLock]) -> Iterator[None]:
    """Run the block in a transaction of its own that holds the locks.

    Raises LockNotToBeHad, or ChangeTakesTooLong where a statement of the block reads or writes the whole table.
    """
    patience = patience_now.get()
    with transaction.atomic(using=connection.alias, durable=True):
        _keep_other_changes_out(connection, locks, patience)
        _take(connection, locks, patience)
        _execute(connection, f"SET LOCAL lock_timeout = '{patience.in_line_ms[-1]}ms'")
        _execute(connection, f"SET LOCAL statement_timeout = '{patience.longest_ms}ms'")
        try:
            yield
        except OperationalError as error:
            if isinstance(error.__cause__, errors.QueryCanceled):
                raise ChangeTakesTooLong(_tables(locks), patience.longest_ms) from error
            raise


def _keep_other_changes_out(connection: BaseDatabaseWrapper, locks: Sequence[TableLock], patience: Patience) -> None:
    """Wait for what else changes the tables, in a mode that lets reading and writing go on.

    Vacuum holds this mode too. It gives way to who waits for longer than `deadlock_timeout`, and to nobody else.
    """
    _execute(connection, f"SET LOCAL lock_timeout = '{patience.beside_others:.3f}s'")
    beside = [TableLock(each.table, SHARE_UPDATE_EXCLUSIVE) for each in locks]
    if not _tried(connection, beside):
        raise LockNotToBeHad(_tables(locks), blockers_of(connection, beside), patience.beside_others)


def _take(connection: BaseDatabaseWrapper, locks: Sequence[TableLock], patience: Patience) -> None:
    began = looked = time.monotonic()
    while time.monotonic() - began < patience.aside:
        if _tried(connection, locks, "NOWAIT"):
            return
        if time.monotonic() - looked > patience.look:
            looked = time.monotonic()
            if _all_have_just_begun(connection, locks, patience) and _tried_in_line(connection, locks, patience):
                return
        time.sleep(patience.pause * random.uniform(0.5, 1.5))
    for milliseconds in patience.in_line_ms:
        for _ in range(patience.tries):
            if _tried_in_line(connection, locks, patience, milliseconds):
                return
            time.sleep(patience.pause_in_line * random.uniform(0.5, 1.5))
    raise LockNotToBeHad(_tables(locks), blockers_of(connection, locks), time.monotonic() - began)


def _all_have_just_begun(connection: BaseDatabaseWrapper, locks: Sequence[TableLock], patience: Patience) -> bool:
    ages = [blocker.seconds for blocker in blockers_of(connection, locks)]
    return all(age is not None and age <= patience.just_begun for age in ages)


def _tried_in_line(
    connection: BaseDatabaseWrapper, locks: Sequence[TableLock], patience: Patience, milliseconds: int | None = None
) -> bool:
    _execute(connection, f"SET LOCAL lock_timeout = '{milliseconds or patience.in_line_ms[0]}ms'")
    return _tried(connection, locks)


def _tried(connection: BaseDatabaseWrapper, locks: Sequence[TableLock], nowait: str = "") -> bool:
    """Whether all are held now; else none is."""
    try:
        with transaction.atomic(using=connection.alias):
            for mode in dict.fromkeys(lock.mode for lock in locks):
                of_mode = [lock for lock in locks if lock.mode == mode]
                _execute(connection, f"LOCK TABLE {_named(connection, of_mode)} IN {mode} MODE {nowait}".strip())
    except OperationalError as error:
        _raise_unless_locked_out(error)
        return False
    return True


def _raise_unless_locked_out(error: OperationalError) -> None:
    if not isinstance(error.__cause__, errors.LockNotAvailable):
        raise error


def _named(connection: BaseDatabaseWrapper, locks: Sequence[TableLock]) -> str:
    return ", ".join(connection.ops.quote_name(table) for table in _tables(locks))


def _tables(locks: Sequence[TableLock]) -> list[str]:
    """In one order everywhere."""
    return sorted({lock.table for lock in locks})


def _execute(connection: BaseDatabaseWrapper, statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
