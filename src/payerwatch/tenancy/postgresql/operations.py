"""Emptying tables, which only their owner may, and which triggers of append-only tables refuse."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.backends.postgresql import operations

from payerwatch.tenancy.emptying import refuse_unless_throw_away
from payerwatch.tenancy.postgresql.roles import as_migrator

# Making a table's file anew, and those of its indexes, takes longer than some hundred rows do.
_FEW_ROWS, _FEW_BYTES = 500, 4_000_000
_REFUSING = (
    "SELECT tgrelid::regclass::text, quote_ident(tgname) FROM pg_trigger "
    "WHERE NOT tgisinternal AND tgtype & %s <> 0 AND tgrelid = ANY (%s::text[]::regclass[])"
)
_ON_DELETE, _ON_TRUNCATE = 8, 32  # bits of pg_trigger.tgtype
_PRIVILEGES_ON_PARAMETERS = 150_000  # the version of PostgreSQL that came with them


class DatabaseOperations(operations.DatabaseOperations):
    def last_executed_query(self, cursor: Any, sql: str, params: Any) -> str:  # noqa: ARG002
        """The statement by itself, without what travelled with it (`ahead.py`)."""
        return str(self.compose_sql(sql, params))

    def sql_flush(
        self, style: Any, tables: Sequence[str], *, reset_sequences: bool = False, allow_cascade: bool = False
    ) -> list[str]:
        """Row by row where they are few, as between tests."""
        with as_migrator(self.connection.alias), self.connection.cursor() as cursor:
            filled = self._filled(cursor, tables)
            if reset_sequences or allow_cascade or any(filled.values()):
                emptying = super().sql_flush(
                    style, tables, reset_sequences=reset_sequences, allow_cascade=allow_cascade
                )
                return self._unhindered(cursor, tables, _ON_TRUNCATE, emptying)
            return self._unhindered(cursor, list(filled), _ON_DELETE, self._deleting(filled)) if filled else []

    def execute_sql_flush(self, sql_list: Iterable[str]) -> None:
        """Between tests; the application's role could do none of this. Raises DatabaseKept anywhere else."""
        refuse_unless_throw_away()
        with as_migrator(self.connection.alias):
            super().execute_sql_flush(sql_list)

    def _filled(self, cursor: Any, tables: Sequence[str]) -> dict[str, bool]:
        """The tables that have rows, and whether they are many."""
        quoted = [self.quote_name(each) for each in tables]
        cursor.execute(
            " UNION ALL ".join(
                f"SELECT '{each}', EXISTS (SELECT FROM {each} OFFSET {_FEW_ROWS}) "
                f"OR pg_relation_size('{each}') > {_FEW_BYTES} WHERE EXISTS (SELECT FROM {each})"
                for each in quoted
            )
        )
        return dict(cursor.fetchall())

    def _deleting(self, quoted: Iterable[str]) -> list[str]:
        """One statement, at whose end no row refers to one that is gone."""
        each = ", ".join(f"of_{number} AS (DELETE FROM {table})" for number, table in enumerate(quoted))
        return [f"WITH {each} SELECT"]

    def _may_pass_triggers(self, cursor: Any) -> bool:
        """Whether they may be left out for a transaction: to switch them off and on changes tables, at which every
        session forgets what it knew of them."""
        if self.connection.pg_version < _PRIVILEGES_ON_PARAMETERS:
            return False
        cursor.execute("SELECT has_parameter_privilege('session_replication_role', 'SET')")
        return bool(cursor.fetchone()[0])

    def _unhindered(self, cursor: Any, tables: Sequence[str], event: int, emptying: list[str]) -> list[str]:
        """Without the triggers of append-only tables."""
        if event == _ON_DELETE and self._may_pass_triggers(cursor):
            return ["SET LOCAL session_replication_role = replica", *emptying]
        cursor.execute(_REFUSING, [event, list(tables)])
        triggers = cursor.fetchall()
        return [
            *(f"ALTER TABLE {table} DISABLE TRIGGER {name}" for table, name in triggers),
            *emptying,
            *(f"ALTER TABLE {table} ENABLE TRIGGER {name}" for table, name in triggers),
        ]
