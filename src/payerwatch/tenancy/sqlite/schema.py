"""Schema changes that keep a table's triggers when SQLite's way of altering it would drop them."""

import re
from contextlib import ExitStack
from types import TracebackType
from typing import NamedTuple, Self

from django.db.backends.sqlite3 import schema
from django.db.models import Field, Model

from payerwatch.tenancy.sqlite.guards import guards_lifted


class Trigger(NamedTuple):
    name: str
    table: str
    sql: str


class DatabaseSchemaEditor(schema.DatabaseSchemaEditor):
    def __enter__(self) -> Self:
        with ExitStack() as lifting:
            lifting.enter_context(guards_lifted())
            editor = super().__enter__()
            self._lifting = lifting.pop_all()
        return editor

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lifting:
            super().__exit__(kind, error, trace)

    def _remake_table(
        self,
        model: type[Model],
        create_field: Field | None = None,
        delete_field: Field | None = None,
        alter_fields: list[tuple[Field, Field]] | None = None,
    ) -> None:
        """Remake the table as Django does, then put back every trigger on it or naming it.

        Django drops the table, and with it its triggers; triggers of other tables that name it would stop
        the renaming of its successor.
        """
        triggers = self.triggers_naming(model._meta.db_table)
        for trigger in triggers:
            self.drop_trigger(trigger.name)
        super()._remake_table(model, create_field, delete_field, alter_fields)  # type: ignore[misc]
        renamed = {old.column: new.column for old, new in alter_fields or [] if old.column != new.column}
        for trigger in triggers:
            self.execute(_with_columns_renamed(trigger.sql, renamed))

    def remove_field(self, model: type[Model], field: Field) -> None:
        """Remove the field with the triggers that guard it, since they could not run without it."""
        for trigger in self.triggers_naming(model._meta.db_table):
            if field.column and _guards(trigger, model._meta.db_table, field.column):
                self.drop_trigger(trigger.name)
        super().remove_field(model, field)

    def delete_model(self, model: type[Model], handle_autom2m: bool = True) -> None:
        for trigger in self.triggers_naming(model._meta.db_table):
            self.drop_trigger(trigger.name)
        super().delete_model(model, handle_autom2m)

    def triggers_naming(self, table: str) -> list[Trigger]:
        """Every trigger on the table, or on another one and mentioning it."""
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name")
            triggers = [Trigger(*row) for row in cursor.fetchall()]
        named = re.compile(rf"\b{re.escape(table)}\b")
        return [trigger for trigger in triggers if trigger.table == table or named.search(trigger.sql)]

    def drop_trigger(self, name: str) -> None:
        self.execute(f"DROP TRIGGER IF EXISTS {self.quote_name(name)}")


def _guards(trigger: Trigger, table: str, column: str) -> bool:
    """Whether the trigger reads the column of the table, as the child or from the parent."""
    if trigger.table == table:
        return f'NEW."{column}"' in trigger.sql
    return f'FROM "{table}"' in trigger.sql and f'"{column}" = OLD.' in trigger.sql


def _with_columns_renamed(sql: str, renamed: dict[str | None, str | None]) -> str:
    for old, new in renamed.items():
        sql = sql.replace(f'"{old}"', f'"{new}"')
    return sql
