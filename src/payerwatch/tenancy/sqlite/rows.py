"""How SQLite keeps customers' rows apart: triggers that refuse a write to a row of another customer.

Reads have no guard of their own here: the filter of TenantManager stands alone.
"""

from collections.abc import Sequence

from django.db.models import ForeignKey, Model

from payerwatch.tenancy.sqlite.schema import DatabaseSchemaEditor


def protect(
    editor: DatabaseSchemaEditor, model: type[Model], keys: Sequence[ForeignKey], allowed: Sequence[str]
) -> None:
    """Guard inserts, updates and deletes, and each key. What is not allowed only a migration may do."""
    grant(editor, model, allowed)
    for key in keys:
        add_key(editor, model, key)


def grant(editor: DatabaseSchemaEditor, model: type[Model], allowed: Sequence[str]) -> None:
    """Guard inserts, updates and deletes anew."""
    table = model._meta.db_table
    new_row, old_row = 'tenancy_allows(NEW."customer_id")', 'tenancy_allows(OLD."customer_id")'
    conditions = {"INSERT": new_row, "UPDATE": f"{old_row} AND {new_row}", "DELETE": old_row}
    for event, condition in conditions.items():
        editor.drop_trigger(_row_guard(table, event))
        permitted = condition if event in allowed else "tenancy_allows(NULL)"
        _create(
            editor, _row_guard(table, event), f'BEFORE {event} ON "{table}"', f"NOT ({permitted})",
            f"row policy: {event.lower()} refused on {table}",
        )  # fmt: skip


def unprotect(editor: DatabaseSchemaEditor, model: type[Model], keys: Sequence[ForeignKey]) -> None:
    """Undo protect()."""
    for key in keys:
        drop_key(editor, model, key)
    for event in ("INSERT", "UPDATE", "DELETE"):
        editor.drop_trigger(_row_guard(model._meta.db_table, event))


def add_key(editor: DatabaseSchemaEditor, model: type[Model], key: ForeignKey) -> None:
    """Refuse a row whose parent is missing or another customer's, and deleting a parent with children."""
    table, parent, column = model._meta.db_table, key.remote_field.model._meta.db_table, key.column
    orphan = (
        f'NEW."{column}" IS NOT NULL AND NOT EXISTS '
        f'(SELECT 1 FROM "{parent}" WHERE "id" = NEW."{column}" AND "customer_id" = NEW."customer_id")'
    )
    has_children = (
        f"NOT tenancy_allows(NULL) AND EXISTS "
        f'(SELECT 1 FROM "{table}" WHERE "{column}" = OLD."id" AND "customer_id" = OLD."customer_id")'
    )
    message = f"foreign key: {table}.{column} names no {parent} of this customer"
    guards = _key_guards(model, key)
    _create(editor, guards[0], f'BEFORE INSERT ON "{table}"', orphan, message)
    _create(editor, guards[1], f'BEFORE UPDATE OF "customer_id", "{column}" ON "{table}"', orphan, message)
    if parent != table:
        kept = f"foreign key: {table}.{column} still names this {parent}"
        _create(editor, guards[2], f'BEFORE DELETE ON "{parent}"', has_children, kept)


def drop_key(editor: DatabaseSchemaEditor, model: type[Model], key: ForeignKey) -> None:
    for name in _key_guards(model, key):
        editor.drop_trigger(name)


def _row_guard(table: str, event: str) -> str:
    return f"{table}_own_rows_{event.lower()}"


def _key_guards(model: type[Model], key: ForeignKey) -> list[str]:
    """Trigger names: the child's insert and update and, unless it is its own parent, the parent's delete."""
    table = model._meta.db_table
    events = ["insert", "update"] + (["parent"] if key.remote_field.model._meta.db_table != table else [])
    return [f"{table}_{key.column}_own_{event}" for event in events]


def _create(editor: DatabaseSchemaEditor, name: str, event: str, refused_when: str, message: str) -> None:
    editor.execute(
        f'CREATE TRIGGER IF NOT EXISTS "{name}" {event} FOR EACH ROW WHEN {refused_when} '
        f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
    )
