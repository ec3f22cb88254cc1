"""What PostgreSQL's catalogue says is there, and whether it is whole: what a change relies on, and not names alone."""

from __future__ import annotations

from typing import NamedTuple

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

_INDEX = """
SELECT indisvalid AND indisready, indrelid::regclass::text, pg_get_indexdef(indexrelid)
FROM pg_index WHERE indexrelid = to_regclass(%s)
"""
_CONSTRAINT = """
SELECT convalidated, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = to_regclass(%s) AND conname = %s
"""
_COLUMN = """
SELECT attnotnull, (SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = attrelid AND adnum = attnum)
FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attname = %s AND NOT attisdropped
"""
_SIZE = "SELECT greatest(reltuples, 0)::bigint, pg_table_size(oid) FROM pg_class WHERE oid = to_regclass(%s)"


class Index(NamedTuple):
    whole: bool
    """Whether it was built to its end. What is left of one that was not hinders whoever writes, and finds nothing."""
    table: str
    definition: str


class Constraint(NamedTuple):
    validated: bool
    """Whether it is known to hold for the rows that were there before it."""
    definition: str


class Column(NamedTuple):
    not_null: bool
    default: str | None


class Size(NamedTuple):
    rows: int
    """As of the last ANALYZE or vacuum."""
    size_bytes: int


def index_named(connection: BaseDatabaseWrapper, name: str) -> Index | None:
    found = _row(connection, _INDEX, connection.ops.quote_name(name))
    return Index(*found) if found else None


def constraint_named(connection: BaseDatabaseWrapper, table: str, name: str) -> Constraint | None:
    found = _row(connection, _CONSTRAINT, connection.ops.quote_name(table), name)
    return Constraint(*found) if found else None


def column_named(connection: BaseDatabaseWrapper, table: str, name: str) -> Column | None:
    found = _row(connection, _COLUMN, connection.ops.quote_name(table), name)
    return Column(*found) if found else None


def size_of(connection: BaseDatabaseWrapper, table: str) -> Size | None:
    """None where there is no such table."""
    found = _row(connection, _SIZE, connection.ops.quote_name(table))
    return Size(*found) if found else None


def definition_of_index(connection: BaseDatabaseWrapper, table: str, create: str) -> str:
    """What the catalogue would say of an index that `create` makes on the table: it is made on an empty copy."""
    quoted, copy = connection.ops.quote_name(table), connection.ops.quote_name(f"{table[:50]}_empty_copy")
    with transaction.atomic(using=connection.alias, durable=True), connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE {copy} (LIKE {quoted}) ON COMMIT DROP")
        cursor.execute(create.replace(f"ON {quoted}", f"ON pg_temp.{copy}", 1).replace(" CONCURRENTLY", "", 1))
        cursor.execute(
            "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = ('pg_temp.' || %s)::regclass", [copy]
        )
        (definition,) = cursor.fetchone()
    return str(definition)


def same_index(definition: str, wanted: str) -> bool:
    """Whether two definitions are of the same columns in the same way, whatever table they are on."""
    return _without_table(definition) == _without_table(wanted)


def _without_table(definition: str) -> str:
    """`CREATE INDEX name ON schema.table USING …` with neither schema nor table."""
    before, _, after = definition.partition(" ON ")
    return f"{before} {after[after.index('USING ') :]}"


def _row(connection: BaseDatabaseWrapper, statement: str, *given: str) -> tuple | None:
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        found: tuple | None = cursor.fetchone()
    return found
