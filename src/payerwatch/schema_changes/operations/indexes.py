"""Indexes that come and go while the table is read and written."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.migrations.operations.models import AddIndex, RemoveIndex
from django.db.models import Model

from payerwatch.schema_changes.changes import (
    plainly,
)
from payerwatch.schema_changes.effects import BESIDE, NOTHING
from payerwatch.schema_changes.indexes import build_index, drop_index
from payerwatch.schema_changes.operation import (
    DatabaseOperation,
    constraints_of,
    on_postgresql,
    refuse_inside_a_transaction,
)


class AddIndexConcurrently(AddIndex):
    """Build an index while the table is read and written."""

    effect: ClassVar = BESIDE

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        _make_index(self, schema_editor, to_state.apps.get_model(app_label, self.model_name), self.index)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        _unmake_index(self, schema_editor, from_state.apps.get_model(app_label, self.model_name), self.index)


class RemoveIndexConcurrently(RemoveIndex):
    """Drop an index while the table is read and written."""

    effect: ClassVar = NOTHING

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        index = from_state.models[app_label, self.model_name_lower].get_index_by_name(self.name)
        _unmake_index(self, schema_editor, from_state.apps.get_model(app_label, self.model_name), index)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        index = to_state.models[app_label, self.model_name_lower].get_index_by_name(self.name)
        _make_index(self, schema_editor, to_state.apps.get_model(app_label, self.model_name), index)


def _make_index(operation: Any, editor: Any, model: type[Model], index: models.Index) -> None:
    if on_postgresql(editor):
        refuse_inside_a_transaction(operation, editor)
        create = str(index.create_sql(model, editor, concurrently=True))
        build_index(editor, model._meta.db_table, index.name, create)
    elif editor.collect_sql or index.name not in constraints_of(editor, model):
        with plainly(editor):
            editor.add_index(model, index)


def _unmake_index(operation: Any, editor: Any, model: type[Model], index: models.Index) -> None:
    if on_postgresql(editor):
        refuse_inside_a_transaction(operation, editor)
        drop_index(editor, index.name)
    elif editor.collect_sql or index.name in constraints_of(editor, model):
        with plainly(editor):
            editor.remove_index(model, index)


class IndexConcurrently(DatabaseOperation):
    """Build an index, on PostgreSQL, of a table that is no model of ours, while it is read and written."""

    effect: ClassVar = BESIDE

    def __init__(self, table: str, name: str, definition: str) -> None:
        self.table, self.name, self.definition = table, name, definition

    def forwards(self, app_label: str, editor: Any, before: Any, after: Any) -> None:
        if on_postgresql(editor):
            refuse_inside_a_transaction(self, editor)
            name, table = editor.quote_name(self.name), editor.quote_name(self.table)
            create = f"CREATE INDEX CONCURRENTLY {name} ON {table} {self.definition}"
            build_index(editor, self.table, self.name, create)

    def backwards(self, app_label: str, editor: Any, before: Any, after: Any) -> None:
        if on_postgresql(editor):
            refuse_inside_a_transaction(self, editor)
            drop_index(editor, self.name)

    def describe(self) -> str:
        return f"Build the index {self.name} of {self.table}"
