"""A migration operation for what only PostgreSQL has."""

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation, OperationCategory
from django.db.migrations.state import ProjectState

from payerwatch.tenancy.postgresql.roles import app_role


class RunOnPostgresql(Operation):
    """Run the statements, in which {app} is the application's role. On other databases nothing is done."""

    reversible = True
    reduces_to_sql = True
    category = OperationCategory.SQL

    def __init__(self, description: str, forwards: list[str], backwards: list[str]) -> None:
        self.description = description
        self.forwards = forwards
        self.backwards = backwards

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Nothing: there are no models."""

    def database_forwards(
        self,
        app_label: str,  # noqa: ARG002
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,  # noqa: ARG002
        to_state: ProjectState,  # noqa: ARG002
    ) -> None:
        _run(schema_editor, self.forwards)

    def database_backwards(
        self,
        app_label: str,  # noqa: ARG002
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,  # noqa: ARG002
        to_state: ProjectState,  # noqa: ARG002
    ) -> None:
        _run(schema_editor, self.backwards)

    def describe(self) -> str:
        return self.description


def _run(editor: BaseDatabaseSchemaEditor, statements: list[str]) -> None:
    if editor.connection.vendor == "postgresql":
        role = editor.quote_name(app_role(editor.connection.alias))
        for statement in statements:
            editor.execute(statement.replace("{app}", role), params=None)
