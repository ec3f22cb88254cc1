"""The operations to write a migration with, where the table may have rows and users.

    class Migration(migrations.Migration):
        atomic = False

        operations = [
            AddColumn("DriftRun", "waiting_for", models.CharField(max_length=10, null=True)),
            UniqueInThreePhases("DriftRun", models.UniqueConstraint(fields=[...], name="...")),
        ]

`before_…` migrations are applied while the release before still runs, and must let it; `after_…` ones when it is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar

from django.db import IntegrityError, migrations, models
from django.db.migrations.operations.fields import AddField, AlterField, RemoveField
from django.db.migrations.operations.models import AddConstraint, AddIndex, RemoveConstraint, RemoveIndex
from django.db.models import Model
from django.db.models.expressions import RawSQL

from payerwatch.schema_changes.backfilling import Filling, fill
from payerwatch.schema_changes.changes import (
    add_constraint_in_two_steps,
    alter_column,
    attach_unique,
    drop_constraint,
    has_column,
    plainly,
    set_not_null,
    under_lock,
)
from payerwatch.schema_changes.duplicates import refuse_duplicates
from payerwatch.schema_changes.effects import BESIDE, INSTANT, INSTANT_AND_BESIDE, NOTHING
from payerwatch.schema_changes.indexes import build_index, drop_index
from payerwatch.schema_changes.locks import TableLock
from payerwatch.schema_changes.operation import (
    DatabaseOperation,
    TableOperation,
    on_postgresql,
    refuse_inside_a_transaction,
)


class CannotBeDoneBeside(TypeError):
    """The operation was written for something that cannot be made without keeping others out."""


# Indexes


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
    elif editor.collect_sql or index.name not in _constraints(editor, model):
        with plainly(editor):
            editor.add_index(model, index)


def _unmake_index(operation: Any, editor: Any, model: type[Model], index: models.Index) -> None:
    if on_postgresql(editor):
        refuse_inside_a_transaction(operation, editor)
        drop_index(editor, index.name)
    elif editor.collect_sql or index.name in _constraints(editor, model):
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


# Unique constraints


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
        elif schema_editor.collect_sql or self.constraint.name not in _constraints(schema_editor, model):
            with plainly(schema_editor):
                super().database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        if on_postgresql(schema_editor):
            refuse_inside_a_transaction(self, schema_editor)
            table = model._meta.db_table
            drop_constraint(schema_editor, table, self.constraint.name, [TableLock(table)])
        elif schema_editor.collect_sql or self.constraint.name in _constraints(schema_editor, model):
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
    table = model._meta.db_table
    if isinstance(constraint, models.UniqueConstraint):
        BuildUniqueIndex(operation.model_name, constraint).change(editor, model)
    if not on_postgresql(editor):
        if editor.collect_sql or constraint.name not in _constraints(editor, model):
            with plainly(editor):
                editor.add_constraint(model, constraint)
        return
    refuse_inside_a_transaction(operation, editor)
    if isinstance(constraint, models.UniqueConstraint):
        attach_unique(editor, table, constraint.name)
        return
    if not isinstance(constraint, models.CheckConstraint):
        raise CannotBeDoneBeside(f"{constraint.name} is neither a check nor unique.")
    definition = f"CHECK ({constraint._get_check_sql(model, editor)})"  # type: ignore[attr-defined]
    add_constraint_in_two_steps(editor, table, constraint.name, definition, [TableLock(table)])


def _unmake_constraint(operation: Any, editor: Any, model: type[Model], constraint: models.BaseConstraint) -> None:
    table = model._meta.db_table
    if on_postgresql(editor):
        refuse_inside_a_transaction(operation, editor)
        drop_constraint(editor, table, constraint.name, [TableLock(table)])
    elif editor.collect_sql or constraint.name in _constraints(editor, model):
        with plainly(editor):
            editor.remove_constraint(model, constraint)


# Columns


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
        else:
            with plainly(schema_editor):
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


# Rows


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


def _key(model: type[Model]) -> tuple[str, ...]:
    names = {field.column for field in model._meta.local_fields}
    return ("customer_id", "id") if "customer_id" in names else ("id",)


def _place(state: Any, app_label: str, operation: Any) -> tuple[str, str]:
    """The table, and the column there."""
    meta = state.apps.get_model(app_label, operation.model_name)._meta
    return meta.db_table, str(meta.get_field(operation.name).column)


def _columns(model: type[Model], constraint: models.UniqueConstraint) -> list[str]:
    return [_column(model, name) for name in constraint.fields]


def _column(model: type[Model], name: str) -> str:
    field: Any = model._meta.get_field(name)
    return str(field.column)


def _constraints(editor: Any, model: type[Model]) -> dict[str, Any]:
    """Of the table, by name, and indexes among them."""
    with editor.connection.cursor() as cursor:
        found: dict[str, Any] = editor.connection.introspection.get_constraints(cursor, model._meta.db_table)
    return found


def _refuse_what_is_no_constraint(constraint: models.UniqueConstraint) -> None:
    if not constraint.fields or constraint.condition or constraint.deferrable or constraint.opclasses:  # type: ignore[attr-defined]
        raise CannotBeDoneBeside(
            f"{constraint.name} is of expressions, partial, deferrable or of other operators: of such an index "
            f"PostgreSQL makes no constraint."
        )
