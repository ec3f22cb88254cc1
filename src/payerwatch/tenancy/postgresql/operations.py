"""Emptying tables, which only their owner may, and which triggers of append-only tables refuse."""

from collections.abc import Iterable
from typing import Any

from django.db.backends.postgresql import operations

from payerwatch.tenancy.emptying import refuse_unless_throw_away
from payerwatch.tenancy.postgresql.roles import as_migrator

_TRUNCATE = 32  # a bit of pg_trigger.tgtype
_REFUSING = (
    "SELECT tgrelid::regclass::text, quote_ident(tgname) FROM pg_trigger WHERE NOT tgisinternal AND tgtype & %s <> 0"
)


class DatabaseOperations(operations.DatabaseOperations):
    def last_executed_query(self, cursor: Any, sql: str, params: Any) -> str:  # noqa: ARG002
        """The statement by itself, without what travelled with it (`ahead.py`)."""
        return str(self.compose_sql(sql, params))

    def execute_sql_flush(self, sql_list: Iterable[str]) -> None:
        """Between tests; the application's role could do none of this. Raises DatabaseKept anywhere else."""
        refuse_unless_throw_away()
        with as_migrator(self.connection.alias):
            triggers = self._triggers_on_truncate()
            disable = [f"ALTER TABLE {table} DISABLE TRIGGER {name}" for table, name in triggers]
            enable = [f"ALTER TABLE {table} ENABLE TRIGGER {name}" for table, name in triggers]
            super().execute_sql_flush([*disable, *sql_list, *enable])

    def _triggers_on_truncate(self) -> list[tuple[str, str]]:
        with self.connection.cursor() as cursor:
            cursor.execute(_REFUSING, [_TRUNCATE])
            found: list[tuple[str, str]] = cursor.fetchall()
        return found
