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

from payerwatch.schema_changes.refusals import ChangeRefused

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


class RowsStayLocked(ChangeRefused):
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
    done, begun_anew = 0, False
    for way in range(WAYS):
        taken_up = bool(_kept_place(connection, filling))  # the rows before were looked at by an earlier attempt
        found = _way_through(connection, filling)
        done += found.done
        passed_over = found.due - found.done
        if not passed_over and not taken_up and (begun_anew or not found.due):
            break
        begun_anew = True
        time.sleep(min(0.05 * way, 1) if passed_over else 0)
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
    parts = _parts(connection, filling)
    with transaction.atomic(using=connection.alias, durable=True), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = '{LONGEST_MS}ms'")
        span = _next_span(cursor, parts, after, size)
        if span is None:
            cursor.execute(_FORGET_PLACE, [filling.name])
            return _Done(0, 0, None)
        cursor.execute(_FILL.format(**parts), [*span.owner, span.after, span.last] * 2)
        due, done = cursor.fetchone()
        last = [*span.owner, span.last]
        cursor.execute(_KEEP_PLACE, [filling.name, last])
    return _Done(due, done, last)


class _Span(NamedTuple):
    """Rows of one owner: a range of one number is what an index is read along, whatever the planner knows."""

    owner: list[int]
    """Nobody, where the key is one column."""
    after: int
    last: int


def _next_span(cursor: Any, parts: dict[str, str], after: list[int], size: int) -> _Span | None:
    """The next rows, so many at most; None where there are no more."""
    owner, row = (after[:-1], after[-1]) if after else (_first_owner(cursor, parts), LOWEST)
    while owner is not None:
        given = [*owner, row]
        last = _one(cursor, _LAST, parts, *given, size - 1) or _one(cursor, _LAST_OF_ALL, parts, *given)
        if last is not None:
            return _Span(owner, row, last[0])
        owner, row = _one(cursor, _NEXT_OWNER, parts, *owner) if owner else None, LOWEST
    return None


def _first_owner(cursor: Any, parts: dict[str, str]) -> list[int] | None:
    """Nobody, where the key is one column; None where there are no rows."""
    return _one(cursor, _FIRST_OWNER, parts) if parts["owner"] else []


def _one(cursor: Any, statement: str, parts: dict[str, str], *given: int) -> list[int] | None:
    """The number that it finds, by itself in a list; None where it finds none."""
    cursor.execute(statement.format(**parts), given)
    found = cursor.fetchone()
    return None if found is None or found[0] is None else [int(found[0])]


LOWEST = -(2**63)
_FIRST_OWNER = "SELECT min({owner}) FROM {table}"
_NEXT_OWNER = "SELECT min({owner}) FROM {table} WHERE {owner} > %s"
_LAST = "SELECT {row} FROM {table} WHERE {own} {row} > %s ORDER BY {row} LIMIT 1 OFFSET %s"
_LAST_OF_ALL = "SELECT max({row}) FROM {table} WHERE {own} {row} > %s"
_FILL = """
WITH mine AS MATERIALIZED (
    SELECT {key} FROM {table} WHERE {own} {row} > %s AND {row} <= %s AND ({due}) FOR NO KEY UPDATE SKIP LOCKED),
  done AS (UPDATE {table} AS filled SET {values} FROM (SELECT {mine} FROM mine) AS mine WHERE {same} RETURNING 1)
SELECT (SELECT count(*) FROM {table} WHERE {own} {row} > %s AND {row} <= %s AND ({due})), (SELECT count(*) FROM done)
"""


def _parts(connection: BaseDatabaseWrapper, filling: Filling) -> dict[str, str]:
    """What the statements are made of."""
    quote: Any = connection.ops.quote_name
    *owners, row = columns = [quote(column) for column in filling.key]
    values = ", ".join(f"{quote(column)} = {value}" for column, value in filling.assignments.items())
    return {
        "table": quote(filling.table),
        "owner": "".join(owners),
        "own": "".join(f"{owner} = %s AND" for owner in owners),
        "row": row,
        "key": ", ".join(columns),
        "due": filling.due.replace("%", "%%"),
        "values": values.replace("%", "%%"),
        "mine": ", ".join(f"{column} AS mine_{number}" for number, column in enumerate(columns)),
        "same": " AND ".join(f"{column} = mine_{number}" for number, column in enumerate(columns)),
    }


def _run(connection: BaseDatabaseWrapper, statement: str, *given: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
