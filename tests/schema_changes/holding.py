"""Somebody else's connection that uses a table."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import connection


def connected() -> psycopg.Connection:
    """As whoever this process is connected as, beside it."""
    known = connection.settings_dict
    return psycopg.connect(
        host=known["HOST"],
        port=known["PORT"] or 5432,
        user=known["USER"],
        password=known["PASSWORD"],
        dbname=known["NAME"],
        autocommit=True,
    )


@contextmanager
def using(table: str, mode: str = "ACCESS SHARE", *, seconds: float | None = None) -> Iterator[int]:
    """A transaction that holds the table, for the block or for so long; the pid of its connection."""
    other = connected()
    other.execute("BEGIN")
    other.execute(f"LOCK TABLE {table} IN {mode} MODE")
    let_go = threading.Timer(seconds, lambda: other.execute("COMMIT")) if seconds is not None else None
    if let_go is not None:
        let_go.start()
    try:
        yield other.info.backend_pid
    finally:
        if let_go is not None:
            let_go.join()
        other.close()
