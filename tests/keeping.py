"""What stands in the test database, kept to be put back: dearer to make than to write once more."""

import sqlite3
from collections.abc import Callable

from django.db import connection, transaction

from payerwatch.tenancy.postgresql.roles import as_migrator

PutBack = Callable[[], None]
"""Called when the tables are empty: every row is there again as it was, under its id."""

_KEYS = (
    "SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint "
    "WHERE contype = 'f' AND conrelid <> confrelid"
)
_SEQUENCES = (
    "SELECT json_object_agg(seqrelid::regclass, pg_sequence_last_value(seqrelid))::text FROM pg_sequence "
    "WHERE pg_sequence_last_value(seqrelid) IS NOT NULL"
)
_GO_ON = (
    "SELECT setval(name::regclass, greatest(reached::bigint, pg_sequence_last_value(name::regclass))) "
    "FROM json_each_text(%s) AS kept (name, reached)"
)


def keep() -> PutBack:
    """Keep what is committed now. On PostgreSQL sequences that have gone on since go on from there."""
    return _keep_pages() if connection.vendor == "sqlite" else _keep_rows()


def _keep_pages() -> PutBack:
    connection.ensure_connection()
    kept = sqlite3.connect(":memory:", check_same_thread=False)
    connection.connection.backup(kept)

    def put_back() -> None:
        connection.ensure_connection()
        kept.backup(connection.connection)

    return put_back


def _keep_rows() -> PutBack:
    with as_migrator(), connection.cursor() as cursor:
        tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
        written = "SELECT %s, json_agg(each_row)::text FROM {} AS each_row HAVING count(*) > 0"
        cursor.execute(" UNION ALL ".join(written.format(table) for table in tables), tables)
        rows = dict(cursor.fetchall())
        cursor.execute(_KEYS)
        ordered = _parents_first(set(rows), cursor.fetchall())
        cursor.execute(_SEQUENCES)
        [reached] = cursor.fetchone()
    inserts = "; ".join(
        f"INSERT INTO {table} SELECT * FROM json_populate_recordset(NULL::{table}, %s)" for table in ordered
    )
    values = [rows[table] for table in ordered]

    def put_back() -> None:
        with as_migrator(), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(inserts, values)
            cursor.execute(_GO_ON, [reached])  # something may have begun them anew since

    return put_back


def _parents_first(tables: set[str], keys: list[tuple[str, str]]) -> list[str]:
    """The tables in an order in which no row is written before one that it names."""
    parents = {table: {parent for child, parent in keys if child == table} & tables for table in tables}
    ordered: list[str] = []
    while free := sorted(table for table in tables - set(ordered) if parents[table] <= set(ordered)):
        ordered += free
    assert set(ordered) == tables, f"keys in a circle: {tables - set(ordered)}"
    return ordered
