"""What stands in the way of a constraint, counted by customer."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.backends.base.base import BaseDatabaseWrapper

from payerwatch.schema_changes.refusals import DuplicatesFound

CUSTOMER = "customer_id"


def refuse_duplicates(connection: BaseDatabaseWrapper, table: str, columns: Sequence[str]) -> None:
    """Raise DuplicatesFound if two rows are alike in all columns. Rows where one of them is absent are not alike."""
    by_customer = duplicates(connection, table, columns)
    if by_customer:
        raise DuplicatesFound(table, columns, by_customer)


def duplicates(connection: BaseDatabaseWrapper, table: str, columns: Sequence[str]) -> dict[str, int]:
    """By customer (of a table without one, for all), how many values stand more than once."""
    quote = connection.ops.quote_name
    named = ", ".join(quote(each) for each in columns)
    present = " AND ".join(f"{quote(each)} IS NOT NULL" for each in columns)
    customer = quote(CUSTOMER) if CUSTOMER in columns else "'all'"
    return _counted(
        connection,
        f"SELECT {customer} AS whose FROM {quote(table)} WHERE {present} GROUP BY {named} HAVING count(*) > 1",
    )


def rows_against(connection: BaseDatabaseWrapper, table: str, check: str) -> dict[str, int]:
    """By customer (of a table without one, for all), how many rows a check does not hold for. `check` is SQL."""
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        columns = {each.name for each in connection.introspection.get_table_description(cursor, table)}
    customer = quote(CUSTOMER) if CUSTOMER in columns else "'all'"
    return _counted(connection, f"SELECT {customer} AS whose FROM {quote(table)} WHERE NOT ({check})")


def _counted(connection: BaseDatabaseWrapper, found: str) -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT whose, count(*) FROM ({found}) AS found GROUP BY whose")
        return {str(customer): int(count) for customer, count in cursor.fetchall()}
