"""The migration operation that lets the tables of the record be appended to, and nothing else."""

from types import ModuleType
from typing import Any

from django.core.management.base import CommandError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import ProjectState

from payerwatch.audit import postgresql, sqlite
from payerwatch.schema_changes.operation import DatabaseOperation


class EntriesKept(CommandError):
    """The tables of the record were to be taken down while they hold entries, which are kept for six years."""

    def __init__(self) -> None:
        super().__init__(
            "The tables of the record hold entries, which are never deleted: the migrations of audit, and those "
            "they rest on, are not taken back."
        )


class AppendOnly(DatabaseOperation):
    """Functions and triggers on PostgreSQL, triggers on SQLite. The tables must be there."""

    def forwards(self, app_label: str, editor: Any, before: ProjectState, after: ProjectState) -> None:  # noqa: ARG002
        _way_of(editor).make_append_only(editor)

    def backwards(self, app_label: str, editor: Any, before: ProjectState, after: ProjectState) -> None:  # noqa: ARG002
        """Raises EntriesKept."""
        if not editor.collect_sql and has_entries(editor.connection):
            raise EntriesKept
        _way_of(editor).unmake_append_only(editor)

    def describe(self) -> str:
        return "Let entries be appended and nothing else"


def _way_of(editor: BaseDatabaseSchemaEditor) -> ModuleType:
    return postgresql if editor.connection.vendor == "postgresql" else sqlite


def has_entries(connection: BaseDatabaseWrapper) -> bool:
    """Whether any chain has one; asked as the owner of the tables, who sees all rows."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM audit_entry) OR EXISTS (SELECT 1 FROM audit_installationentry)")
        (found,) = cursor.fetchone()
    return bool(found)
