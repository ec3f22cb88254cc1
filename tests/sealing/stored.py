"""What stands in the database itself, past every field that opens it."""

from typing import Any

from django.db import connection

from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer

TABLES = ("claims_claim", "claims_replacedclaim")


def raw(customer: Customer, table: str, *columns: str) -> list[tuple[Any, ...]]:
    """The columns of the customer's rows as they are stored, oldest first."""
    with acting_in(customer, reading=True), connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(columns)} FROM {table} WHERE customer_id = %s ORDER BY id", [customer.pk])
        return cursor.fetchall()


def put(customer: Customer, table: str, column: str, value: str | None) -> None:
    """Write a value into every row of the customer, past every field."""
    with acting_in(customer), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {column} = %s WHERE customer_id = %s", [value, customer.pk])


def assert_all_under(customer: Customer, key_id: str | None) -> None:
    """Every number and file name of the customer is under this key, or plain."""
    head = f"pw1:{key_id}:"
    for table in TABLES:
        for key, sealed in raw(customer, table, "claim_key", "sealed_number"):
            if key_id is None:
                assert sealed is None
            else:
                assert sealed.startswith(head)
                assert len(key.removeprefix("~").partition(".")[0]) == 24
    for (filename,) in raw(customer, "claims_upload", "filename"):
        assert filename.startswith(head) is (key_id is not None)
