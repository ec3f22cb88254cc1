"""The connection: write-ahead log, patience, and the function row guards ask who is acting."""

import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.db.backends.sqlite3 import base

from payerwatch.config.private_files import make_private_file
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
        self._make_file_private()
        connection: sqlite3.Connection = super().get_new_connection(conn_params)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA trusted_schema = ON")  # triggers may call tenancy_allows
        connection.create_function("tenancy_allows", 1, tenancy_allows)
        return connection

    def _make_file_private(self) -> None:
        """A new file is its owner's alone; the log and the index that SQLite puts beside it get the same rights."""
        name = str(self.settings_dict["NAME"])
        if not self.is_in_memory_db() and not name.startswith("file:"):
            with suppress(OSError):  # opening it tells what is wrong
                make_private_file(Path(name))
