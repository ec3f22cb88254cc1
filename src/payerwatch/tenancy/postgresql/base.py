"""The connection: refuses to serve the application as a role that row policies do not hold."""

import time
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError
from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.postgresql import base
from django.db.backends.utils import debug_transaction
from psycopg import Cursor as BoundCursor
from psycopg import Error

from payerwatch.tenancy.beginnings import beginning
from payerwatch.tenancy.postgresql.ahead import LIMITS, Ahead, Cursor, Told, array_written
from payerwatch.tenancy.postgresql.creation import DatabaseCreation
from payerwatch.tenancy.postgresql.features import DatabaseFeatures
from payerwatch.tenancy.postgresql.operations import DatabaseOperations
from payerwatch.tenancy.postgresql.pooling import BEHIND_PGBOUNCER, POOL, TRUSTED_SECONDS, close_pool, note_use, pool_of
from payerwatch.tenancy.postgresql.roles import MIGRATING, refuse_connected_role_above_policies
from payerwatch.tenancy.postgresql.schema import DatabaseSchemaEditor
from payerwatch.tenancy.postgresql.watched import ANSWERS_WITHIN, DRIVER, IN_TIME


class DatabaseWrapper(base.DatabaseWrapper):
    Database = DRIVER
    creation_class = DatabaseCreation
    features_class = DatabaseFeatures
    ops_class = DatabaseOperations
    SchemaEditorClass = DatabaseSchemaEditor

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._used_at = 0.0

    def close_if_health_check_failed(self) -> None:
        """Called before each statement; asks the server at most once in a request, and only after a silence."""
        now = time.monotonic()
        if now - self._used_at < TRUSTED_SECONDS:
            self.health_check_done = True
        super().close_if_health_check_failed()
        self._used_at = now

    def is_usable(self) -> bool:
        if self.connection is None:
            return False
        with self.connection.asked_whether_it_is_there():
            return bool(super().is_usable())

    def get_connection_params(self) -> dict[str, Any]:
        asked: dict[str, Any] = super().get_connection_params()
        return {**IN_TIME, **asked}

    # Where the process has a pool, a thread's connection is taken from it and given back; see `pooling.py`.

    @property
    def pool(self) -> Any:
        most = self.settings_dict.get(POOL)
        if self.alias == NO_DB_ALIAS or not most:
            return None
        return pool_of(self.alias, most, self.get_connection_params, self._configure_connection)

    def close_pool(self) -> None:
        close_pool(self.alias)

    def _close(self) -> None:
        """What still waits to be sent goes with whoever put it there, and a transaction left open is undone."""
        if self.connection is not None:
            self.connection.ahead.clear()
            note_use(self.connection)
        super()._close()  # type: ignore[misc]

    def _configure_connection(self, connection: Any) -> bool:
        """Called once for each connection to the server, whoever it serves. Refuses a role above the policies."""
        if not self.settings_dict.get(BEHIND_PGBOUNCER):
            connection.let_server_notice_our_end()
        changed = bool(super()._configure_connection(connection))  # type: ignore[misc]
        if self.alias != NO_DB_ALIAS and not self.settings_dict.get(MIGRATING):
            refuse_connected_role_above_policies(connection)
        return changed

    # A transaction is begun, entered and ended in the messages that are sent anyway; see `ahead.py`.

    def get_new_connection(self, conn_params: Any) -> Any:
        connection = super().get_new_connection(conn_params)
        connection.answers_within = self.settings_dict.get(ANSWERS_WITHIN)
        if not self.settings_dict.get(BEHIND_PGBOUNCER):
            connection.know_way(conn_params)
        connection.ahead = Ahead(self.settings_dict.get(LIMITS, ()))
        connection.cursor_factory = Cursor
        if not connection.autocommit:
            connection.autocommit = True
        return connection

    def send_with_next(self, statement: str) -> None:
        """Run it before the statement that follows in this transaction; without one, not at all."""
        self.ensure_connection()
        self.connection.ahead.add(statement)

    def ask_with_next(self, function: str, words: Sequence[str], told: Told) -> None:
        """Call it with an array of words before the statement that follows, or before COMMIT, and tell its one row."""
        self.ensure_connection()
        written = f"SELECT * FROM {function}({array_written(self.connection, words)})"
        self.connection.ahead.add(written, told)
        if self.queries_logged:
            self.queries_log.append({"sql": written, "time": "0.000"})

    def execute_bound(self, statement: str, values: Sequence[Any]) -> None:
        """Run it now, its values beside it and not written into it: large bytes are sent as they are."""
        self.ensure_connection()
        with self.connection.cursor() as cursor:
            cursor.send_ahead()
        with self.wrap_database_errors, BoundCursor(self.connection) as cursor:
            cursor.execute(statement, values, prepare=False)

    def create_cursor(self, name: str | None = None) -> Any:
        if name:
            with self.connection.cursor() as cursor:
                cursor.send_ahead()
        cursor = super().create_cursor(name)
        if name and self.in_atomic_block:
            cursor._withhold = False  # the driver thinks that it is in no transaction: it would outlive this one
        return cursor

    def chunked_cursor(self) -> Any:
        """Rows that come as they are asked for; through PgBouncer only in a transaction, which stays on one server."""
        if self.settings_dict.get(BEHIND_PGBOUNCER) and not self.in_atomic_block:
            return self.cursor()
        return super().chunked_cursor()

    def _set_autocommit(self, autocommit: bool) -> None:
        """The driver is left in autocommit: else it would send BEGIN in a message of its own."""
        self.connection.ahead.clear()
        if not autocommit:
            self.connection.ahead.begin()
            if first := beginning():
                self.connection.ahead.add(first)

    def _commit(self) -> None:
        ahead = self.connection.ahead if self.connection is not None else Ahead()
        if not ahead.must_be_sent:
            ahead.clear()
            super()._commit()  # type: ignore[misc]
            return
        with debug_transaction(self, "COMMIT"), self.wrap_database_errors, self.connection.cursor() as cursor:
            cursor.execute("COMMIT")

    def _rollback(self) -> None:
        if self.connection is not None:
            self.connection.ahead.clear()
        super()._rollback()  # type: ignore[misc]

    def init_connection_state(self) -> None:
        try:
            super().init_connection_state()
        except (DatabaseError, Error, ImproperlyConfigured):
            self.close()
            raise
