"""A migration operation for what only PostgreSQL has."""

from typing import Any

from django.db.migrations.state import ProjectState

from payerwatch.schema_changes.operation import DatabaseOperation, on_postgresql
from payerwatch.tenancy.postgresql.roles import app_role


class RunOnPostgresql(DatabaseOperation):
    """Run the statements, in which {app} is the application's role. On other databases nothing is done."""

    def __init__(self, description: str, forwards: list[str], backwards: list[str]) -> None:
        self.description = description
        self._forwards = forwards
        self._backwards = backwards

    def forwards(self, app_label: str, editor: Any, before: ProjectState, after: ProjectState) -> None:  # noqa: ARG002
        _run(editor, self._forwards)

    def backwards(self, app_label: str, editor: Any, before: ProjectState, after: ProjectState) -> None:  # noqa: ARG002
        _run(editor, self._backwards)

    def describe(self) -> str:
        return self.description


def _run(editor: Any, statements: list[str]) -> None:
    if on_postgresql(editor):
        role = editor.quote_name(app_role(editor.connection.alias))
        for statement in statements:
            editor.execute(statement.replace("{app}", role), params=None)
