"""The connection: write-ahead log, patience, and the function row guards ask who is acting."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.backends.sqlite3 import base

from payerwatch.tenancy.context import acting_customer_id
from payerwatch.tenancy.sqlite.operations import DatabaseOperations
from payerwatch.tenancy.sqlite.schema import DatabaseSchemaEditor

BUSY_SECONDS = 5


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = DatabaseOperations
    SchemaEditorClass = DatabaseSchemaEditor

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._guards_lifted = 0

    def get_connection_params(self) -> dict[str, Any]:
        """A transaction takes the write lock when it begins, so none fails halfway for want of it."""
        params = super().get_connection_params()
        params.setdefault("timeout", BUSY_SECONDS)
        self.transaction_mode = self.transaction_mode or "IMMEDIATE"
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> sqlite3.Connection:
        connection: sqlite3.Connection = super().get_new_connection(conn_params)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA trusted_schema = ON")  # triggers may call tenancy_allows
        connection.create_function("tenancy_allows", 1, self._tenancy_allows)
        return connection

    @contextmanager
    def guards_lifted(self) -> Iterator[None]:
        """Let migrations and flush touch every customer's rows, as the owner's policy does on PostgreSQL."""
        self._guards_lifted += 1
        try:
            yield
        finally:
            self._guards_lifted -= 1

    def _tenancy_allows(self, customer_id: int | None) -> bool:
        """Whether a row of this customer may be written now. NULL asks whether guards are lifted."""
        if self._guards_lifted:
            return True
        return customer_id is not None and customer_id == acting_customer_id()
