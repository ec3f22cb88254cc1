"""Rewriting the stored columns of a whole table, batch by batch, in the transaction of the caller."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.apps import apps
from django.db import connection
from django.db.models import Model

from payerwatch.sealing.fields import SealedTextField
from payerwatch.tenancy.context import current_customer_id
from payerwatch.tenancy.models import TenantModel

BATCH_ROWS = 5_000
# The stored values of one row, in the order of the columns asked for; None is NULL.
Stored = tuple[str | None, ...]


def sealed_fields(model: type[Model]) -> list[SealedTextField]:
    """The sealed columns of a table."""
    return [field for field in model._meta.local_fields if isinstance(field, SealedTextField)]


def customer_tables() -> list[type[TenantModel]]:
    """Every table that holds sealed values of customers."""
    return [model for model in apps.get_models() if issubclass(model, TenantModel) and sealed_fields(model)]


def row_count(model: type[TenantModel]) -> int:
    """The customer's rows of a table."""
    return model.objects.count()


def rewrite_rows(model: type[TenantModel], columns: Sequence[str], fresh: Callable[[Stored], Stored]) -> Iterator[int]:
    """Put `fresh(stored values)` in place of the stored values of each row of the customer entered.

    Yields how many rows each batch had. A batch at a time is in memory.
    """
    table = model._meta.db_table
    last = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                f"""SELECT id, {", ".join(columns)} FROM {table} WHERE customer_id = %s AND id > %s
                    ORDER BY id LIMIT {BATCH_ROWS}""",
                [current_customer_id(), last],
            )
            rows = cursor.fetchall()
        if not rows:
            return
        last = rows[-1][0]
        _update(table, columns, [(row[0], *fresh(row[1:])) for row in rows])
        yield len(rows)


def _update(table: str, columns: Sequence[str], rows: list[tuple[Any, ...]]) -> None:
    if connection.vendor == "postgresql":
        arrays = ", ".join(["%s::bigint[]", *["%s::text[]"] * len(columns)])
        assignments = ", ".join(f"{name} = fresh.{name}" for name in columns)
        with connection.cursor() as cursor:
            cursor.execute(
                f"""UPDATE {table} SET {assignments} FROM unnest({arrays}) AS fresh (id, {", ".join(columns)})
                    WHERE {table}.customer_id = %s AND {table}.id = fresh.id""",
                [*(list(values) for values in zip(*rows, strict=True)), current_customer_id()],
            )
        return
    assignments = ", ".join(f"{name} = %s" for name in columns)
    with connection.cursor() as cursor:
        cursor.executemany(
            f"UPDATE {table} SET {assignments} WHERE id = %s AND customer_id = %s",
            [(*values, row_id, current_customer_id()) for row_id, *values in rows],
        )


def wipe_freed_space() -> bool:
    """On SQLite, overwrite what deleted and rewritten values left in the file and its log; True where it is done.

    False on PostgreSQL, where the owner's VACUUM does it, and where another process still reads SQLite's log.
    """
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        return False
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        busy, *_ = cursor.fetchone()
    return not busy
