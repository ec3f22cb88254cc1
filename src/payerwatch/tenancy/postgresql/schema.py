"""Schema changes by plain operations: with little patience for locks, and not at all where a table has many rows."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from django.db import DatabaseError
from django.db.backends.postgresql import schema
from django.db.models import BaseConstraint, Field, Index, Model, UniqueConstraint

from payerwatch.schema_changes.catalogue import size_of
from payerwatch.schema_changes.forecast import MANY_ROWS
from payerwatch.schema_changes.refusals import UnsafeChange

LOCK_MS = 20
"""For so long a statement of a migration that is one transaction stands in the queue, with others behind it."""

_Editor: Any = schema.DatabaseSchemaEditor  # of which the type stubs know little


class DatabaseSchemaEditor(_Editor):
    def __enter__(self) -> Self:
        editor: Self = super().__enter__()
        if self.atomic_migration and not self.collect_sql:
            self.execute(f"SET LOCAL lock_timeout = '{LOCK_MS}ms'")
        return editor

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """As Django's, which would leave the transaction open where a statement fails that was put off to the end."""
        try:
            if kind is None:
                self._execute_what_was_put_off()
        except DatabaseError as refused:
            super().__exit__(type(refused), refused, refused.__traceback__)
            raise
        super().__exit__(kind, error, trace)

    def _execute_what_was_put_off(self) -> None:
        for statement in list(self.deferred_sql):
            self.execute(statement)
        self.deferred_sql: list[Any] = []

    def add_index(self, model: type[Model], index: Index, concurrently: bool = False) -> None:
        if not concurrently:
            self._refuse_if_large("Building an index", model, "AddIndexConcurrently")
        super().add_index(model, index, concurrently)

    def remove_index(self, model: type[Model], index: Index, concurrently: bool = False) -> None:
        if not concurrently:
            self._refuse_if_large("Dropping an index", model, "RemoveIndexConcurrently")
        super().remove_index(model, index, concurrently)

    def add_constraint(self, model: type[Model], constraint: BaseConstraint) -> None:
        instead = "UniqueInThreePhases" if isinstance(constraint, UniqueConstraint) else "AddCheck"
        self._refuse_if_large("Adding a constraint", model, instead)
        super().add_constraint(model, constraint)

    def add_field(self, model: type[Model], field: Field) -> None:
        if not (field.null or field.has_db_default()):
            self._refuse_if_large(f"Adding {field.name} without null=True or a db_default", model, "AddColumn with one")
        super().add_field(model, field)

    def _alter_field(self, model: type[Model], old_field: Field, new_field: Field, *args: Any, **how: Any) -> None:
        name = new_field.name
        if old_field.column != new_field.column:
            self._refuse_if_large(f"Renaming {name}", model, "a column beside it, a Backfill and LeaveColumn")
        if old_field.null and not new_field.null:
            self._refuse_if_large(f"Making {name} NOT NULL", model, "SetNotNull")
        if new_field.unique and not old_field.unique:
            self._refuse_if_large(f"Making {name} unique", model, "UniqueInThreePhases")
        if self._is_rewritten(old_field, new_field):
            self._refuse_if_large(
                f"Changing the type of {name}", model, "a column beside it, a Backfill and LeaveColumn"
            )
        super()._alter_field(model, old_field, new_field, *args, **how)

    def _is_rewritten(self, old_field: Field, new_field: Field) -> bool:
        """Whether all rows are written anew, or looked at; a text that may be longer is not."""
        old, new = (field.db_type(self.connection) or "" for field in (old_field, new_field))
        if old == new:
            return False
        grows = (new_field.max_length or 0) >= (old_field.max_length or 0) or new == "text"
        return not (old.startswith("varchar") and new.startswith(("varchar", "text")) and grows)

    def _refuse_if_large(self, what: str, model: type[Model], instead: str) -> None:
        """Raise UnsafeChange where it would take long."""
        if self.collect_sql:
            return
        size = size_of(self.connection, model._meta.db_table)
        if size is not None and size.rows > MANY_ROWS:
            raise UnsafeChange(what, model._meta.db_table, instead)
