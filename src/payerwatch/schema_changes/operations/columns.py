"""Columns that come and go, over two releases where old code still knows them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from django.db import models
from django.db.migrations.operations.fields import AddField, AlterField, RemoveField
from django.db.models import Model
from django.db.models.expressions import RawSQL

from payerwatch.schema_changes.changes import (
    CHECK,
    alter_column,
    has_column,
    plainly,
    rows_fit,
    set_not_null,
    under_lock,
)
from payerwatch.schema_changes.effects import INSTANT, INSTANT_AND_BESIDE
from payerwatch.schema_changes.locks import TableLock
from payerwatch.schema_changes.operation import (
    CannotBeDoneBeside,
    TableOperation,
    on_postgresql,
    refuse_inside_a_transaction,
)


class AddColumn(AddField):
    """A column that old rows and the release before need not know: it may be absent, or has a `db_default`."""

    effect: ClassVar = INSTANT

    def __init__(self, model_name: str, name: str, field: models.Field, preserve_default: bool = True) -> None:
        if not (field.null or field.has_db_default()):
            raise CannotBeDoneBeside(f"{name} needs null=True or a db_default: old code inserts rows without it.")
        if any(getattr(field, each, False) for each in ("unique", "db_index", "db_constraint")):
            raise CannotBeDoneBeside(f"{name} comes with a key or an index: add those by operations of their own.")
        super().__init__(model_name, name, field, preserve_default)

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        add = partial(super().database_forwards, app_label, schema_editor, from_state, to_state)
        _change_columns(self, schema_editor, *_place(to_state, app_label, self), there=False, change=add)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        remove = partial(super().database_backwards, app_label, schema_editor, from_state, to_state)
        _change_columns(self, schema_editor, *_place(from_state, app_label, self), there=True, change=remove)


class SetNotNull(AlterField):
    """Let a column be absent in no row, once all rows are looked at while they are read and written.

    Fill it in before, and let the release before know it: what that inserts must have it, or the column a `db_default`.
    """

    effect: ClassVar = INSTANT_AND_BESIDE

    def __init__(self, model_name: str, name: str, field: models.Field, preserve_default: bool = True) -> None:
        if field.null:
            raise CannotBeDoneBeside(f"{name} is to be absent in no row: write its field without null=True.")
        super().__init__(model_name, name, field, preserve_default)

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if on_postgresql(schema_editor):
            refuse_inside_a_transaction(self, schema_editor)
            set_not_null(schema_editor, *_place(to_state, app_label, self))
            return
        table, column = _place(to_state, app_label, self)
        present = f"{CHECK}({schema_editor.quote_name(column)} IS NOT NULL)"
        with rows_fit(schema_editor, table, column, present), plainly(schema_editor):
            super().database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if on_postgresql(schema_editor):
            refuse_inside_a_transaction(self, schema_editor)
            alter_column(schema_editor, *_place(to_state, app_label, self), "DROP NOT NULL")
        else:
            with plainly(schema_editor):
                super().database_backwards(app_label, schema_editor, from_state, to_state)


class LeaveColumn(RemoveField):
    """The first release of two in which a column goes: the code knows it no more, and old code still writes it.

    Rows that are inserted without it get `fill`, in SQL; a column that may be absent or has a `db_default` needs none.
    On SQLite, where no old code runs beside, it goes at once.
    """

    effect: ClassVar = INSTANT

    def __init__(self, model_name: str, name: str, fill: str = "") -> None:
        super().__init__(model_name, name)
        self.fill = fill

    def deconstruct(self) -> Any:
        name, args, kwargs = super().deconstruct()
        return name, args, kwargs | {"fill": self.fill}

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        place = _place(from_state, app_label, self)
        if on_postgresql(schema_editor):
            self._alter(schema_editor, *place, f"SET DEFAULT {self.fill}")
        else:
            remove = partial(super().database_forwards, app_label, schema_editor, from_state, to_state)
            _change_columns(self, schema_editor, *place, there=True, change=remove)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        place = _place(to_state, app_label, self)
        if on_postgresql(schema_editor):
            self._alter(schema_editor, *place, "DROP DEFAULT")
            return
        field = to_state.apps.get_model(app_label, self.model_name)._meta.get_field(self.name)
        add = partial(
            _add_filled, schema_editor, from_state.apps.get_model(app_label, self.model_name), field, self.fill
        )
        _change_columns(self, schema_editor, *place, there=False, change=add)

    def _alter(self, editor: Any, table: str, column: str, change: str) -> None:
        if self.fill:
            refuse_inside_a_transaction(self, editor)
            alter_column(editor, table, column, change)


class DropColumn(TableOperation):
    """The second release of two: the column goes from the table. `field` is what it was, to put it back.

    Taken back, all rows have `fill`, or nothing: what was in it is gone.
    """

    effect: ClassVar = INSTANT

    def __init__(self, model_name: str, name: str, field: models.Field, fill: str = "") -> None:
        if not (field.null or fill):
            raise CannotBeDoneBeside(f"{name} can only be put back if it may be absent, or with something to fill it.")
        self.model_name, self.name, self.field, self.fill = model_name, name, field, fill
        self.field.set_attributes_from_name(name)
        self._column = str(self.field.column)

    def change(self, editor: Any, model: type[Model]) -> None:
        if on_postgresql(editor):
            drop = partial(self._alter_table, editor, model, f"DROP COLUMN {editor.quote_name(self._column)}")
            _change_columns(self, editor, model._meta.db_table, self._column, there=True, change=drop)

    def change_back(self, editor: Any, model: type[Model]) -> None:
        if on_postgresql(editor):
            kind = self.field.db_type(editor.connection)
            absent = f" DEFAULT {self.fill}" if self.fill else ""
            null = "" if self.field.null else " NOT NULL"
            add = f"ADD COLUMN {editor.quote_name(self._column)} {kind}{absent}{null}"
            change = partial(self._alter_table, editor, model, add)
            _change_columns(self, editor, model._meta.db_table, self._column, there=False, change=change)

    def describe(self) -> str:
        return f"Drop the column {self.name} of {self.model_name}"

    def _alter_table(self, editor: Any, model: type[Model], change: str) -> None:
        editor.execute(f"ALTER TABLE {editor.quote_name(model._meta.db_table)} {change}", params=None)


def _change_columns(
    operation: Any, editor: Any, table: str, column: str, *, there: bool, change: Callable[[], None]
) -> None:
    """Make the change in an instant, if the table has the column, or else if it has not."""
    if not editor.collect_sql and has_column(editor, table, column) != there:
        return
    if on_postgresql(editor):
        refuse_inside_a_transaction(operation, editor)
    with under_lock(editor, [TableLock(table)]) if on_postgresql(editor) else plainly(editor):
        change()


def _add_filled(editor: Any, model: type[Model], field: models.Field, fill: str) -> None:
    """As Django adds a field, with a value of ours in the rows that are there."""
    filled = field.clone()
    filled.set_attributes_from_name(field.name)
    filled.model = model
    if fill:
        filled.db_default = RawSQL(fill, ())
    editor.add_field(model, filled)


def _place(state: Any, app_label: str, operation: Any) -> tuple[str, str]:
    """The table, and the column there."""
    meta = state.apps.get_model(app_label, operation.model_name)._meta
    return meta.db_table, str(meta.get_field(operation.name).column)
