"""Emptying tables, which only their owner may."""

from collections.abc import Iterable

from django.db.backends.postgresql import operations

from payerwatch.tenancy.postgresql.roles import as_migrator


class DatabaseOperations(operations.DatabaseOperations):
    def execute_sql_flush(self, sql_list: Iterable[str]) -> None:
        with as_migrator(self.connection.alias):
            super().execute_sql_flush(sql_list)
