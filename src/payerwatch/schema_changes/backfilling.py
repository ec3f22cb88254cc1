"""Filling in a column of rows that are there, a few at a time, beside those who write them.

1. The rows are gone through in the order of their key, so many at a time that they are done in a few milliseconds: for
   so long nobody else can write them. 2. Which were done is kept in the same transaction: what was stopped goes on from
   there, and no row is done twice. 3. Rows that somebody else is writing are passed over. 4. When a way through has
   found nothing to do, all are done; else they are gone through once more.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import OperationalError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import errors

PLACES = "schema_changes_backfill"
"""The table of how far each has come, which is there only while one is under way."""
LONGEST_MS = 1000
AIM_SECONDS = 0.015
FEWEST, AT_FIRST, MOST = 100, 500, 5000
WAYS = 100

_MAKE_PLACES = f"CREATE TABLE IF NOT EXISTS {PLACES} (name text PRIMARY KEY, key bigint[] NOT NULL)"
_PLACE = f"SELECT key FROM {PLACES} WHERE name = %s"
_KEEP_PLACE = f"INSERT INTO {PLACES} VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET key = excluded.key"
_FORGET_PLACE = f"DELETE FROM {PLACES} WHERE name = %s"
_DROP_PLACES = f"""
DO $$ BEGIN
  IF to_regclass('{PLACES}') IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {PLACES}) THEN DROP TABLE {PLACES}; END IF;
END $$
"""


class RowsStayLocked(Exception):
    """Rows that are to be filled in were being written by others each time they were come to."""

    def __init__(self, table: str) -> None:
        super().__init__(f"Some rows of {table} were held by others {WAYS} times. Run it again when they are free.")


@dataclass(frozen=True)
class Filling:
    """`assignments` are columns and what they get, in SQL; `due` is true of a row that has not got it yet, and of no
    other."""

    name: str
    table: str
    key: tuple[str, ...]
    assignments: Mapping[str, str]
    due: str


class _Done(NamedTuple):
    due: int
    """How many rows were to be done."""
    done: int
    """How many were: the others were held by somebody."""
    last: list[int] | None
    """The key of the last row that was looked at; None at the end of the table."""


def fill(connection: BaseDatabaseWrapper, filling: Filling) -> int:
    """Fill in all rows that are due; how many were. Raises RowsStayLocked."""
    _run(connection, _MAKE_PLACES)
    done = 0
    for way in range(WAYS):
        taken_up = bool(_kept_place(connection, filling))  # the rows before were looked at by an earlier attempt
        found = _way_through(connection, filling)
        done += found.done
        if not found.due and not taken_up:
            break
        time.sleep(min(0.05 * way, 1) if found.done < found.due else 0)
    else:
        raise RowsStayLocked(filling.table)
    _run(connection, _FORGET_PLACE, filling.name)
    _run(connection, _DROP_PLACES)
    return done


def _way_through(connection: BaseDatabaseWrapper, filling: Filling) -> _Done:
    """Through all rows once, from where an earlier attempt was stopped."""
    size, due, done, place = AT_FIRST, 0, 0, _kept_place(connection, filling)
    while True:
        began = time.monotonic()
        try:
            batch = _batch(connection, filling, place, size)
        except OperationalError as error:
            if not isinstance(error.__cause__, errors.QueryCanceled) or size == FEWEST:
                raise
            size = max(size // 4, FEWEST)
            continue
        took = time.monotonic() - began
        due, done = due + batch.due, done + batch.done
        if batch.last is None:
            return _Done(due, done, None)
        place = batch.last
        size = min(max(int(size * min(AIM_SECONDS / took, 2)), FEWEST), MOST)
        time.sleep(took)  # half of the time is the others'


def _kept_place(connection: BaseDatabaseWrapper, filling: Filling) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(_PLACE, [filling.name])
        found = cursor.fetchone()
    return list(found[0]) if found else []


def _batch(connection: BaseDatabaseWrapper, filling: Filling, after: list[int], size: int) -> _Done:
    with transaction.atomic(using=connection.alias, durable=True), connection.cursor() as cursor:
        cursor.execute(_ALONG_THE_KEY)
        cursor.execute(_LAST.format(**_named(connection, filling, after, [])), [*after, size - 1])
        last = cursor.fetchone()
        until = list(last) if last else []
        cursor.execute(_FILL.format(**_named(connection, filling, after, until)), [*after, *until] * 2)
        due, done = cursor.fetchone()
        if until:
            cursor.execute(_KEEP_PLACE, [filling.name, until])
        else:
            cursor.execute(_FORGET_PLACE, [filling.name])
    return _Done(due, done, until or None)


_ALONG_THE_KEY = f"""
SET LOCAL statement_timeout = '{LONGEST_MS}ms';
SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off;
SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off
"""
"""What the planner thinks of a range of two columns would let it read all rows for a few."""
_LAST = "SELECT {key} FROM {table} WHERE {within} ORDER BY {key} LIMIT 1 OFFSET %s"
_FILL = """
WITH mine AS MATERIALIZED (
    SELECT {mine} FROM {table} WHERE {within} AND ({due}) ORDER BY {key} FOR NO KEY UPDATE SKIP LOCKED),
  done AS (UPDATE {table} SET {values} FROM mine WHERE {same} RETURNING 1)
SELECT (SELECT count(*) FROM {table} WHERE {within} AND ({due})), (SELECT count(*) FROM done)
"""


def _named(connection: BaseDatabaseWrapper, filling: Filling, after: list[int], until: list[int]) -> dict[str, str]:
    """The parts of a statement; without `after` from the first row on, without `until` to the last."""
    quote: Any = connection.ops.quote_name
    columns = [quote(column) for column in filling.key]
    key, given = ", ".join(columns), ", ".join(["%s"] * len(columns))
    bounds = [f"({key}) > ({given})"] * bool(after) + [f"({key}) <= ({given})"] * bool(until)
    values = ", ".join(f"{quote(column)} = {value}" for column, value in filling.assignments.items())
    return {
        "table": quote(filling.table),
        "key": key,
        "within": " AND ".join(bounds) or "true",
        "due": filling.due.replace("%", "%%"),
        "values": values.replace("%", "%%"),
        "mine": ", ".join(f"{column} AS mine_{number}" for number, column in enumerate(columns)),
        "same": " AND ".join(f"{column} = mine_{number}" for number, column in enumerate(columns)),
    }


def _run(connection: BaseDatabaseWrapper, statement: str, *given: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
