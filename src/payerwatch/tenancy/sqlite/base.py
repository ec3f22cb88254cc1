"""The connection: write-ahead log, patience, and the function row guards ask who is acting."""

import sqlite3
from typing import Any

from django.db.backends.sqlite3 import base

from payerwatch.tenancy.sqlite.guards import tenancy_allows
from payerwatch.tenancy.sqlite.operations import DatabaseOperations
from payerwatch.tenancy.sqlite.schema import DatabaseSchemaEditor

BUSY_SECONDS = 5


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = DatabaseOperations
    SchemaEditorClass = DatabaseSchemaEditor

    def get_connection_params(self) -> dict[str, Any]:
        """A transaction takes the write lock when it begins, so none fails halfway for want of it."""
        params: dict[str, Any] = super().get_connection_params()
        params.setdefault("timeout", BUSY_SECONDS)
        if "transaction_mode" not in self.settings_dict["OPTIONS"]:
            self.transaction_mode = "IMMEDIATE"
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> sqlite3.Connection:
        connection: sqlite3.Connection = super().get_new_connection(conn_params)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA trusted_schema = ON")  # triggers may call tenancy_allows
        connection.create_function("tenancy_allows", 1, tenancy_allows)
        return connection
