"""What migration operations have in common that change the database and not the models' state."""

from __future__ import annotations

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation, OperationCategory
from django.db.migrations.state import ProjectState
from django.db.models import Model

from payerwatch.schema_changes.refusals import InsideATransaction


class CannotBeDoneBeside(TypeError):
    """The operation was written for something that cannot be made without keeping others out."""


class DatabaseOperation(Operation):
    """Says what it does in `forwards` and `backwards`, in which each database may have its own way."""

    reversible = True
    reduces_to_sql = True
    category = OperationCategory.SQL

    def forwards(self, app_label: str, editor: Any, before: ProjectState, after: ProjectState) -> None:
        raise NotImplementedError

    def backwards(self, app_label: str, editor: Any, before: ProjectState, after: ProjectState) -> None:
        """`before` is the state that is left, and `after` the one that is gone back to."""
        raise NotImplementedError

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Nothing: the models do not change."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        self.forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        self.backwards(app_label, schema_editor, from_state, to_state)


class TableOperation(DatabaseOperation):
    """One of the table of a model, which the operation names by `model_name`."""

    model_name: str

    def change(self, editor: Any, model: type[Model]) -> None:
        raise NotImplementedError

    def change_back(self, editor: Any, model: type[Model]) -> None:
        raise NotImplementedError

    def forwards(self, app_label: str, editor: Any, before: ProjectState, after: ProjectState) -> None:
        self.change(editor, after.apps.get_model(app_label, self.model_name))

    def backwards(self, app_label: str, editor: Any, before: ProjectState, after: ProjectState) -> None:
        self.change_back(editor, after.apps.get_model(app_label, self.model_name))


def refuse_inside_a_transaction(operation: Operation, editor: Any) -> None:
    """Raise InsideATransaction where the migration is one, in which a lock would be held until its end."""
    if not editor.collect_sql and editor.connection.in_atomic_block:
        raise InsideATransaction(type(operation).__name__)


def on_postgresql(editor: Any) -> bool:
    return bool(editor.connection.vendor == "postgresql")


def constraints_of(editor: Any, model: type[Model]) -> dict[str, Any]:
    """Of the table, by name, and indexes among them."""
    with editor.connection.cursor() as cursor:
        found: dict[str, Any] = editor.connection.introspection.get_constraints(cursor, model._meta.db_table)
    return found
