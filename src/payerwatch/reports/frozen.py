"""The migration operation that lets nobody change or delete a report that is issued."""

from typing import Any

from django.db.migrations.state import ProjectState

from payerwatch.schema_changes.operation import DatabaseOperation, on_postgresql

TABLE = "reports_report"
_REFUSE = f"""
CREATE FUNCTION public.reports_refuse() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'issued: % refused on {TABLE}', lower(TG_OP) USING ERRCODE = 'insufficient_privilege';
END $$
"""
_EVENTS = ("update", "delete")


class FrozenOnceIssued(DatabaseOperation):
    """Triggers that refuse to change or delete an issued row. The table must be there.

    On SQLite a migration, and the flush between tests, may pass (`tenancy_allows(NULL)`).
    """

    def forwards(self, app_label: str, editor: Any, before: ProjectState, after: ProjectState) -> None:  # noqa: ARG002
        if on_postgresql(editor):
            editor.execute(_REFUSE, params=None)
        for event in _EVENTS:
            editor.execute(_postgresql(event) if on_postgresql(editor) else _sqlite(event))

    def backwards(self, app_label: str, editor: Any, before: ProjectState, after: ProjectState) -> None:  # noqa: ARG002
        for event in _EVENTS:
            if on_postgresql(editor):
                editor.execute(f"DROP TRIGGER {_name(event)} ON {TABLE}")
            else:
                editor.drop_trigger(_name(event))
        if on_postgresql(editor):
            editor.execute("DROP FUNCTION public.reports_refuse()")

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
