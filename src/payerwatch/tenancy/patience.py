"""Small notes that are worth writing only if nobody else is writing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from django.db import OperationalError, connection, transaction


def write_if_free(write: Callable[[], object]) -> None:
    """Write in a transaction of its own; on SQLite not at all while another connection holds the lock.

    A reading request so never waits for a long load only to note that somebody was here. Inside a transaction
    it is an ordinary savepoint; on PostgreSQL `write` skips rows that are locked.
    """
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        with transaction.atomic():
            write()
        return
    with suppress(OperationalError), _impatient(), transaction.atomic():
        write()


@contextmanager
def _impatient() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout")
        usual = int(cursor.fetchone()[0])
        cursor.execute("PRAGMA busy_timeout = 0")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA busy_timeout = {usual}")
