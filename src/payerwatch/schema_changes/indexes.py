"""Building and dropping an index beside those who read and write the table."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import IntegrityError, OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

from payerwatch.schema_changes.catalogue import definition_of_index, index_named, same_index
from payerwatch.schema_changes.refusals import AnotherOfThatName

ATTEMPTS = 3

logger = logging.getLogger(__name__)


def build_index(editor: Any, table: str, name: str, create: str) -> None:
    """Run `create`, a CREATE INDEX CONCURRENTLY, unless the same index is there and whole.

    What an attempt that was stopped has left is dropped first, and so is what this one leaves where it fails. Raises
    AnotherOfThatName, or IntegrityError where the index is unique and the rows are not.
    """
    if editor.collect_sql:
        editor.execute(create, params=None)
        return
    connection = editor.connection
    there = index_named(connection, name)
    if there is not None and there.whole:
        _refuse_another(connection, table, name, create, there.definition)
        return
    for attempt in range(1, ATTEMPTS + 1):
        drop_index(editor, name)
        try:
            with without_limits(connection):
                editor.execute(create, params=None)
        except (IntegrityError, OperationalError) as error:
            drop_index(editor, name)
            if isinstance(error, IntegrityError) or attempt == ATTEMPTS:
                raise
            logger.warning("Building %s is begun again.", name, exc_info=error)
        else:
            return


def drop_index(editor: Any, name: str) -> None:
    """Without keeping anybody out, if it is there, whole or not."""
    if editor.collect_sql or index_named(editor.connection, name) is not None:
        with without_limits(editor.connection):
            editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {editor.quote_name(name)}", params=None)


@contextmanager
def without_limits(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """For what takes long and holds nothing that others need: a limit would only leave an index that is not whole."""
    limits = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
    with connection.cursor() as cursor:
        for name in limits:
            cursor.execute(f"SET {name} = 0")
    try:
        yield
    finally:
        if connection.is_usable():
            with connection.cursor() as cursor:
                for name in limits:
                    cursor.execute(f"RESET {name}")


def _refuse_another(connection: BaseDatabaseWrapper, table: str, name: str, create: str, there: str) -> None:
    wanted = definition_of_index(connection, table, create)
    if not same_index(there, wanted):
        raise AnotherOfThatName(name, there, wanted)
