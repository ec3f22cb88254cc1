"""Emptying tables, which row guards would refuse."""

from collections.abc import Iterable

from django.db.backends.sqlite3 import operations

from payerwatch.tenancy.emptying import refuse_unless_throw_away
from payerwatch.tenancy.sqlite.guards import guards_lifted


class DatabaseOperations(operations.DatabaseOperations):
    def execute_sql_flush(self, sql_list: Iterable[str]) -> None:
        """Between tests. Raises DatabaseKept anywhere else."""
        refuse_unless_throw_away()
        with guards_lifted():
            super().execute_sql_flush(sql_list)
