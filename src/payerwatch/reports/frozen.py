"""The migration operation that lets nobody change or delete a report that is issued."""

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation, OperationCategory
from django.db.migrations.state import ProjectState

TABLE = "reports_report"
_REFUSE = f"""
CREATE FUNCTION public.reports_refuse() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'issued: % refused on {TABLE}', lower(TG_OP) USING ERRCODE = 'insufficient_privilege';
END $$
"""
_EVENTS = ("update", "delete")


class FrozenOnceIssued(Operation):
    """Triggers that refuse to change or delete an issued row. The table must be there.

    On SQLite a migration, and the flush between tests, may pass (`tenancy_allows(NULL)`).
    """

    reversible = True
    reduces_to_sql = True
    category = OperationCategory.SQL

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Nothing: the models do not change."""

    def database_forwards(
        self,
        app_label: str,  # noqa: ARG002
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,  # noqa: ARG002
        to_state: ProjectState,  # noqa: ARG002
    ) -> None:
        on_postgresql = schema_editor.connection.vendor == "postgresql"
        if on_postgresql:
            schema_editor.execute(_REFUSE, params=None)
        for event in _EVENTS:
            schema_editor.execute(_postgresql(event) if on_postgresql else _sqlite(event))

    def database_backwards(
        self,
        app_label: str,  # noqa: ARG002
        schema_editor: Any,
        from_state: ProjectState,  # noqa: ARG002
        to_state: ProjectState,  # noqa: ARG002
    ) -> None:
        on_postgresql = schema_editor.connection.vendor == "postgresql"
        for event in _EVENTS:
            if on_postgresql:
                schema_editor.execute(f"DROP TRIGGER {_name(event)} ON {TABLE}")
            else:
                schema_editor.drop_trigger(_name(event))
        if on_postgresql:
            schema_editor.execute("DROP FUNCTION public.reports_refuse()")

    def describe(self) -> str:
        return "Let nobody change a report that is issued"


def _postgresql(event: str) -> str:
    return (
        f"CREATE TRIGGER {_name(event)} BEFORE {event.upper()} ON {TABLE} FOR EACH ROW "
        "WHEN (OLD.state = 'issued') EXECUTE FUNCTION public.reports_refuse()"
    )


def _sqlite(event: str) -> str:
    return (
        f'CREATE TRIGGER "{_name(event)}" BEFORE {event.upper()} ON "{TABLE}" FOR EACH ROW '
        "WHEN OLD.state = 'issued' AND NOT tenancy_allows(NULL) "
        f"BEGIN SELECT RAISE(ABORT, 'issued: {event} refused on {TABLE}'); END"
    )


def _name(event: str) -> str:
    return f"{TABLE}_issued_{event}"
