"""What a store has kept, seen and changed past it."""

import sqlite3
from contextlib import closing

from django.conf import settings
from django.db import connection

from payerwatch.throttling.postgresql import PostgresqlStore
from payerwatch.throttling.sqlite import microseconds
from payerwatch.throttling.stores import store

COLUMNS = "bucket, at, receipt, leaves"
Hit = tuple[bytes, int, int, int]


def hits() -> list[Hit]:
    """All hits kept, oldest first."""
    return execute(f"SELECT {COLUMNS} FROM {_table()} ORDER BY at, bucket, receipt")


def hits_grow_older(seconds: float) -> None:
    """As if all had come so much earlier."""
    shift = round(seconds * 1_000_000)
    execute(f"UPDATE {_table()} SET at = at - {shift}, leaves = leaves - {shift} RETURNING 1")


def hits_are(seconds: float) -> None:
    """As if all had come so long ago."""
    at = microseconds() - round(seconds * 1_000_000)
    execute(f"UPDATE {_table()} SET at = {at}, leaves = {at} + leaves - at RETURNING 1")


def put(rows: list[Hit]) -> None:
    """Keep these hits as well."""
    for bucket, *numbers in rows:
        literal = f"'\\x{bucket.hex()}'" if connection.vendor == "postgresql" else f"x'{bucket.hex()}'"
        execute(f"INSERT INTO {_table()} ({COLUMNS}) VALUES ({literal}, {', '.join(map(str, numbers))}) RETURNING 1")


def execute(statement: str) -> list:
    used = store()
    if isinstance(used, PostgresqlStore):
        return used._ask(statement, [])
    if not settings.THROTTLE_FILE.exists():
        return []
    with closing(sqlite3.connect(settings.THROTTLE_FILE, isolation_level=None)) as file:
        return file.execute(statement).fetchall()


def _table() -> str:
    return "throttling_hit" if connection.vendor == "postgresql" else "hit"
