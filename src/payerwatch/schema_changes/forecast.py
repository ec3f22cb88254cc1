"""What the migrations that are not applied yet will do to whoever uses the tables: said before they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration, operations
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from payerwatch.schema_changes.catalogue import Size, size_of
from payerwatch.schema_changes.effects import NOTHING, Effect
from payerwatch.schema_changes.releases import is_for_after

ROWS_PER_SECOND = 140_000
"""That an index is built of beside traffic, waiting for open transactions included: `benchmarks/migrations.py` took
71 s for two of 5,000,000 rows, on two processors. Looking at rows, or filling them in, takes less."""
MANY_ROWS = 10_000
"""In more than so many a plain operation is refused that goes through all of them while it keeps others out."""

_KEEPS_OTHERS_OUT = (
    operations.AddIndex,
    operations.RemoveIndex,
    operations.AddConstraint,
    operations.AlterField,
    operations.RenameField,
)
_PLAIN = Effect("ACCESS EXCLUSIVE", reads_all_rows=False)


class Step(NamedTuple):
    """What one operation does. `table` is blank where it is none that is there already."""

    migration: str
    after: bool
    """Whether it is applied when the release before runs no more."""
    what: str
    table: str
    rows: int
    lock: str
    """The strongest that it holds, for an instant, and blank where none stops anybody."""
    refused: bool
    """Whether it would keep others out for long, so that `migrate` refuses it."""
    seconds: float
    """About how long it goes through rows, beside those who use them."""


def forecast(connection: BaseDatabaseWrapper) -> list[Step]:
    """In the order in which they are applied."""
    executor = MigrationExecutor(connection)
    plan = [migration for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]
    state = executor.loader.project_state(list(executor.loader.applied_migrations), at_end=True)
    return [step for migration in plan for step in _of_migration(connection, migration, state)]


def _of_migration(connection: BaseDatabaseWrapper, migration: Migration, state: ProjectState) -> Iterator[Step]:
    """Brings the state forward."""
    name = f"{migration.app_label}.{migration.name}"
    for operation in migration.operations:
        for part in _parts(operation):
            table = _table_of(part, migration.app_label, state)
            size = size_of(connection, table) if table else None
            effect = _effect_of(part) if size is not None else NOTHING
            rows = size.rows if size is not None else 0
            yield Step(
                migration=name,
                after=is_for_after((migration.app_label, migration.name)),
                what=part.describe(),
                table=table if size is not None else "",
                rows=rows,
                lock=effect.lock,
                refused=_is_refused(part, size),
                seconds=rows / ROWS_PER_SECOND if effect.reads_all_rows else 0.0,
            )
        operation.state_forwards(migration.app_label, state)


def _parts(operation: Operation) -> list[Operation]:
    """What it does to the database."""
    if isinstance(operation, operations.SeparateDatabaseAndState):
        return [part for each in operation.database_operations for part in _parts(each)]
    return [operation]


def _table_of(operation: Operation, app_label: str, state: ProjectState) -> str:
    """Blank where the operation is of no model, or of one that it makes."""
    named = getattr(operation, "table", "")
    if named:
        return str(named)
    model = state.models.get((app_label, str(getattr(operation, "model_name", "")).lower()))
    return str(model.options.get("db_table") or f"{app_label}_{model.name_lower}") if model else ""


def _effect_of(operation: Operation) -> Effect:
    effect: Effect = getattr(operation, "effect", _PLAIN)
    return effect


def _is_refused(operation: Operation, size: Size | None) -> bool:
    plain = isinstance(operation, _KEEPS_OTHERS_OUT) and not hasattr(operation, "effect")
    return plain and size is not None and size.rows > MANY_ROWS
