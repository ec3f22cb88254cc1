"""Constraints that come to hold, and cease to, while the table is read and written."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import IntegrityError, migrations, models
from django.db.migrations.operations.models import AddConstraint, RemoveConstraint
from django.db.models import Model

from payerwatch.schema_changes.changes import (
    CHECK,
    add_constraint_in_two_steps,
    attach_unique,
    drop_constraint,
    plainly,
    rows_fit,
)
from payerwatch.schema_changes.effects import BESIDE, INSTANT, INSTANT_AND_BESIDE
from payerwatch.schema_changes.in_the_way import refuse_duplicates
from payerwatch.schema_changes.indexes import build_index, drop_index
from payerwatch.schema_changes.locks import TableLock
from payerwatch.schema_changes.operation import (
    CannotBeDoneBeside,
    TableOperation,
    constraints_of,
    on_postgresql,
    refuse_inside_a_transaction,
)


class BuildUniqueIndex(TableOperation):
    """The first phase: the index that the constraint will be, built while the table is read and written.

    Before, it is looked whether rows are alike: DuplicatesFound says of which customers.
    """

    effect: ClassVar = BESIDE

    def __init__(self, model_name: str, constraint: models.UniqueConstraint) -> None:
        self.model_name = model_name
        self.constraint = constraint

    def change(self, editor: Any, model: type[Model]) -> None:
        table, columns = model._meta.db_table, _columns(model, self.constraint)
        if not editor.collect_sql:
            refuse_duplicates(editor.connection, table, columns)
        if not on_postgresql(editor):
            return
        refuse_inside_a_transaction(self, editor)
        try:
            build_index(editor, table, self.constraint.name, self._create(editor, model))
        except IntegrityError:
            refuse_duplicates(editor.connection, table, columns)  # written meanwhile
            raise

    def change_back(self, editor: Any, model: type[Model]) -> None:
        if on_postgresql(editor):
            refuse_inside_a_transaction(self, editor)
            drop_index(editor, self.constraint.name)

    def describe(self) -> str:
        return f"Build the index of {self.constraint.name} on {self.model_name}"

    def _create(self, editor: Any, model: type[Model]) -> str:
        columns = ", ".join(map(editor.quote_name, _columns(model, self.constraint)))
        names: Any = self.constraint.include or ()  # type: ignore[attr-defined]
        included = [editor.quote_name(_column(model, name)) for name in names]
        include = f" INCLUDE ({', '.join(included)})" if included else ""
        name, table = editor.quote_name(self.constraint.name), editor.quote_name(model._meta.db_table)
        return f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON {table} ({columns}){include}"


class AttachUnique(AddConstraint):
    """The second phase: the index becomes the constraint, in an instant."""

    effect: ClassVar = INSTANT

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        if on_postgresql(schema_editor):
            refuse_inside_a_transaction(self, schema_editor)
            attach_unique(schema_editor, model._meta.db_table, self.constraint.name)
        elif schema_editor.collect_sql or self.constraint.name not in constraints_of(schema_editor, model):
            with plainly(schema_editor):
                super().database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        if on_postgresql(schema_editor):
            refuse_inside_a_transaction(self, schema_editor)
            table = model._meta.db_table
            drop_constraint(schema_editor, table, self.constraint.name, [TableLock(table)])
        elif schema_editor.collect_sql or self.constraint.name in constraints_of(schema_editor, model):
            with plainly(schema_editor):
                super().database_backwards(app_label, schema_editor, from_state, to_state)


class UniqueInThreePhases(migrations.SeparateDatabaseAndState):
    """A unique constraint on a table in use: the index, the constraint made of it, and the state of the models.

    A partial one cannot be made so, as PostgreSQL makes no constraint of a partial index: add a column that is absent
    where the condition does not hold, since rows in which one is absent are not alike.
    """

    def __init__(self, model_name: str, constraint: models.UniqueConstraint) -> None:
        _refuse_what_is_no_constraint(constraint)
        self.model_name, self.constraint = model_name, constraint
        super().__init__(
            database_operations=[BuildUniqueIndex(model_name, constraint), AttachUnique(model_name, constraint)],
            state_operations=[AddConstraint(model_name, constraint)],
        )

    def describe(self) -> str:
        return f"Let {self.constraint.name} hold on {self.model_name}, in three phases"


class AddCheck(AddConstraint):
    """Let a check hold for what is written from now on, then look at all rows while they are read and written."""

    effect: ClassVar = INSTANT_AND_BESIDE

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        _make_constraint(self, schema_editor, to_state.apps.get_model(app_label, self.model_name), self.constraint)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        _unmake_constraint(self, schema_editor, to_state.apps.get_model(app_label, self.model_name), self.constraint)


class DropConstraint(RemoveConstraint):
    """Let a check or a unique constraint hold no more, in an instant; taken back, it is made as it was made before."""

    effect: ClassVar = INSTANT

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        constraint = from_state.models[app_label, self.model_name_lower].get_constraint_by_name(self.name)
        _unmake_constraint(self, schema_editor, to_state.apps.get_model(app_label, self.model_name), constraint)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        constraint = to_state.models[app_label, self.model_name_lower].get_constraint_by_name(self.name)
        _make_constraint(self, schema_editor, to_state.apps.get_model(app_label, self.model_name), constraint)


def _make_constraint(operation: Any, editor: Any, model: type[Model], constraint: models.BaseConstraint) -> None:
    if isinstance(constraint, models.UniqueConstraint):
        BuildUniqueIndex(operation.model_name, constraint).change(editor, model)
    elif not isinstance(constraint, models.CheckConstraint):
        raise CannotBeDoneBeside(f"{constraint.name} is neither a check nor unique.")
    if on_postgresql(editor):
        refuse_inside_a_transaction(operation, editor)
        _make_beside(editor, model, constraint)
    elif editor.collect_sql or constraint.name not in constraints_of(editor, model):
        _make_plainly(editor, model, constraint)


def _make_beside(editor: Any, model: type[Model], constraint: models.BaseConstraint) -> None:
    table = model._meta.db_table
    if isinstance(constraint, models.UniqueConstraint):
        attach_unique(editor, table, constraint.name)
    else:
        definition = _definition(editor, model, constraint)
        add_constraint_in_two_steps(editor, table, constraint.name, definition, [TableLock(table)])


def _make_plainly(editor: Any, model: type[Model], constraint: models.BaseConstraint) -> None:
    if isinstance(constraint, models.UniqueConstraint):
        with plainly(editor):
            editor.add_constraint(model, constraint)
        return
    table, definition = model._meta.db_table, _definition(editor, model, constraint)
    with rows_fit(editor, table, constraint.name, definition), plainly(editor):
        editor.add_constraint(model, constraint)


def _definition(editor: Any, model: type[Model], constraint: Any) -> str:
    return f"{CHECK}({constraint._get_check_sql(model, editor)})"


def _unmake_constraint(operation: Any, editor: Any, model: type[Model], constraint: models.BaseConstraint) -> None:
    table = model._meta.db_table
    if on_postgresql(editor):
        refuse_inside_a_transaction(operation, editor)
        drop_constraint(editor, table, constraint.name, [TableLock(table)])
    elif editor.collect_sql or constraint.name in constraints_of(editor, model):
        with plainly(editor):
            editor.remove_constraint(model, constraint)


def _columns(model: type[Model], constraint: models.UniqueConstraint) -> list[str]:
    return [_column(model, name) for name in constraint.fields]


def _column(model: type[Model], name: str) -> str:
    field: Any = model._meta.get_field(name)
    return str(field.column)


def _refuse_what_is_no_constraint(constraint: models.UniqueConstraint) -> None:
    if not constraint.fields or constraint.condition or constraint.deferrable or constraint.opclasses:  # type: ignore[attr-defined]
        raise CannotBeDoneBeside(
            f"{constraint.name} is of expressions, partial, deferrable or of other operators: of such an index "
            f"PostgreSQL makes no constraint."
        )
