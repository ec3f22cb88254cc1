"""Rows that are given what they lack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import Model

from payerwatch.schema_changes.backfilling import Filling, fill
from payerwatch.schema_changes.changes import (
    plainly,
)
from payerwatch.schema_changes.effects import BESIDE
from payerwatch.schema_changes.operation import (
    TableOperation,
    on_postgresql,
    refuse_inside_a_transaction,
)


class Backfill(TableOperation):
    """Fill in columns of the rows that are there, a few at a time; see `backfilling.py`.

    `assignments` and `due` are SQL of the table's own columns that all databases know. `due` is true of rows that are
    yet to be done and of no others, so that a row is done once however often it is begun. Taken back, nothing changes.
    """

    effect: ClassVar = BESIDE

    def __init__(self, model_name: str, name: str, assignments: Mapping[str, str], due: str) -> None:
        self.model_name, self.name, self.assignments, self.due = model_name, name, assignments, due

    def change(self, editor: Any, model: type[Model]) -> None:
        quote, table = editor.quote_name, model._meta.db_table
        if on_postgresql(editor) and not editor.collect_sql:
            refuse_inside_a_transaction(self, editor)
            fill(editor.connection, Filling(self.name, table, _key(model), self.assignments, self.due))
            return
        values = ", ".join(f"{quote(column)} = {value}" for column, value in self.assignments.items())
        with plainly(editor):
            editor.execute(f"UPDATE {quote(table)} SET {values} WHERE {self.due}", params=None)

    def change_back(self, editor: Any, model: type[Model]) -> None:
        """Nothing: what was filled in harms nobody who does not know it."""

    def describe(self) -> str:
        return f"Fill in {', '.join(self.assignments)} of {self.model_name}"


def _key(model: type[Model]) -> tuple[str, ...]:
    names = {field.column for field in model._meta.local_fields}
    return ("customer_id", "id") if "customer_id" in names else ("id",)
