"""Statements that change what a table is made of: short where they hold a lock, and without one where they are long."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

from django.db import IntegrityError, transaction

from payerwatch.schema_changes.catalogue import column_named, constraint_named
from payerwatch.schema_changes.in_the_way import rows_against
from payerwatch.schema_changes.indexes import without_limits
from payerwatch.schema_changes.locks import TableLock, locked
from payerwatch.schema_changes.refusals import AnotherOfThatName, RowsDoNotFit

CHECK = "CHECK "


@contextmanager
def under_lock(editor: Any, locks: Sequence[TableLock]) -> Iterator[None]:
    """What the block changes is one transaction that holds the locks. Written as SQL, it says so."""
    if not editor.collect_sql:
        with locked(editor.connection, locks):
            yield
        return
    editor.collected_sql.append("BEGIN;")
    editor.collected_sql.append("SET LOCAL lock_timeout = '100ms';")
    editor.collected_sql.append("SET LOCAL statement_timeout = '1000ms';")
    for lock in locks:
        editor.collected_sql.append(f"LOCK TABLE {editor.quote_name(lock.table)} IN {lock.mode} MODE NOWAIT;")
    yield
    editor.collected_sql.append("COMMIT;")


def plainly(editor: Any) -> Any:
    """The transaction of an operation on SQLite, whose migration may have none."""
    if editor.collect_sql or editor.connection.in_atomic_block:
        return nullcontext()
    return transaction.atomic(using=editor.connection.alias)


def add_constraint_in_two_steps(
    editor: Any, table: str, name: str, definition: str, locks: Sequence[TableLock]
) -> None:
    """Let it hold for what is written from now on, then look at what is there, beside everybody else.

    Raises RowsDoNotFit where that does not fit: the constraint is taken away again then.
    """
    quoted, constraint = editor.quote_name(table), editor.quote_name(name)
    there = None if editor.collect_sql else constraint_named(editor.connection, table, name)
    if there is None:
        with under_lock(editor, locks):
            editor.execute(f"ALTER TABLE {quoted} ADD CONSTRAINT {constraint} {definition} NOT VALID", params=None)
    if there is None or not there.validated:
        _validate(editor, table, name, definition)


def _validate(editor: Any, table: str, name: str, definition: str) -> None:
    statement = f"ALTER TABLE {editor.quote_name(table)} VALIDATE CONSTRAINT {editor.quote_name(name)}"
    if editor.collect_sql:
        editor.execute(statement, params=None)
        return
    valid = False
    try:
        with without_limits(editor.connection), rows_fit(editor, table, name, definition):
            editor.execute(statement, params=None)
        valid = True
    finally:
        if not valid and editor.connection.is_usable():
            drop_constraint(editor, table, name, [TableLock(table)])


@contextmanager
def rows_fit(editor: Any, table: str, name: str, definition: str) -> Iterator[None]:
    """Raise RowsDoNotFit where the block is refused because rows do not."""
    try:
        yield
    except IntegrityError as error:
        is_check = definition.startswith(CHECK)
        against = rows_against(editor.connection, table, definition.removeprefix(CHECK)) if is_check else {}
        raise RowsDoNotFit(table, name, definition, against) from error


def drop_constraint(editor: Any, table: str, name: str, locks: Sequence[TableLock]) -> None:
    """If it is there; with it goes the index that it is made of."""
    if editor.collect_sql or constraint_named(editor.connection, table, name) is not None:
        with under_lock(editor, locks):
            editor.execute(
                f"ALTER TABLE {editor.quote_name(table)} DROP CONSTRAINT {editor.quote_name(name)}", params=None
            )


def attach_unique(editor: Any, table: str, name: str) -> None:
    """Make the unique index of that name the constraint of that name. Raises AnotherOfThatName."""
    there = None if editor.collect_sql else constraint_named(editor.connection, table, name)
    if there is None:
        with under_lock(editor, [TableLock(table)]):
            quoted = editor.quote_name(name)
            editor.execute(
                f"ALTER TABLE {editor.quote_name(table)} ADD CONSTRAINT {quoted} UNIQUE USING INDEX {quoted}",
                params=None,
            )
    elif not there.definition.startswith("UNIQUE "):
        raise AnotherOfThatName(name, there.definition, "UNIQUE")


def set_not_null(editor: Any, table: str, column: str) -> None:
    """Beside everybody else, by a check that PostgreSQL believes once it is validated."""
    if not editor.collect_sql:
        there = column_named(editor.connection, table, column)
        if there is not None and there.not_null:
            return
    check, quoted = f"{table[:40]}_{column[:14]}_present", editor.quote_name(column)
    lock = [TableLock(table)]
    add_constraint_in_two_steps(editor, table, check, f"{CHECK}({quoted} IS NOT NULL)", lock)
    alter = f"ALTER TABLE {editor.quote_name(table)}"
    with under_lock(editor, lock):
        # In one statement the check would go first, and all rows be read under the lock.
        editor.execute(f"{alter} ALTER COLUMN {quoted} SET NOT NULL", params=None)
        editor.execute(f"{alter} DROP CONSTRAINT {editor.quote_name(check)}", params=None)


def alter_column(editor: Any, table: str, column: str, change: str) -> None:
    """An ALTER COLUMN that only the catalogue notices."""
    with under_lock(editor, [TableLock(table)]):
        editor.execute(
            f"ALTER TABLE {editor.quote_name(table)} ALTER COLUMN {editor.quote_name(column)} {change}", params=None
        )


def has_column(editor: Any, table: str, column: str) -> bool:
    with editor.connection.cursor() as cursor:
        columns = editor.connection.introspection.get_table_description(cursor, table)
    return any(each.name == column for each in columns)
