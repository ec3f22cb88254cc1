"""How PostgreSQL keeps customers' rows apart: keys that name the customer, forced row policies, grants."""

from collections.abc import Sequence
from typing import Any

from django.db.backends.ddl_references import ForeignKeyName, Statement
from django.db.models import ForeignKey, Model

from payerwatch.schema_changes.changes import add_constraint_in_two_steps, drop_constraint
from payerwatch.schema_changes.locks import SHARE_ROW_EXCLUSIVE, TableLock
from payerwatch.tenancy.postgresql.roles import app_role

Editor = Any  # Django's schema editor; its type stubs leave out what the operations below need

# Without current_setting's "missing is fine": no customer is an error, never an empty answer.
OWN_ROW = "customer_id = current_setting('app.customer_id')::bigint"


def protect(editor: Editor, model: type[Model], keys: Sequence[ForeignKey], allowed: Sequence[str]) -> None:
    """Widen the primary key, add composite keys, policies and grants. Parents must be protected before."""
    table = editor.quote_name(model._meta.db_table)
    _replace_primary_key(editor, model, "customer_id, id")
    for key in keys:
        add_key(editor, model, key)
    if _customer_is_implied(model, keys):
        _drop_customer_key(editor, model)
    editor.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    editor.execute(f"CREATE POLICY own_rows ON {table} USING ({OWN_ROW}) WITH CHECK ({OWN_ROW})")
    # A foreign key added later is checked against existing rows as the owner, whom FORCE binds too.
    editor.execute(f"CREATE POLICY migrations ON {table} TO CURRENT_USER USING (true) WITH CHECK (true)")
    grant(editor, model, allowed)


def unprotect(editor: Editor, model: type[Model], keys: Sequence[ForeignKey]) -> None:
    """Undo protect(). Fails if two customers' rows have the same id."""
    table = editor.quote_name(model._meta.db_table)
    grant(editor, model, ("SELECT", "INSERT", "UPDATE", "DELETE"))
    editor.execute(f"DROP POLICY migrations ON {table}")
    editor.execute(f"DROP POLICY own_rows ON {table}")
    editor.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY")
    if _customer_is_implied(model, keys):
        customer = model._meta.get_field("customer")
        editor.execute(editor._create_fk_sql(model, customer, "_fk_%(to_table)s_%(to_column)s"))
    for key in keys:
        drop_key(editor, model, key)
    _replace_primary_key(editor, model, "id")


def add_key(editor: Editor, model: type[Model], key: ForeignKey) -> None:
    """(customer_id, key) -> parent (customer_id, id), checked at each statement.

    A deferred key costs the same and would leave pending checks, which stop a later ALTER TABLE. In a migration that is
    no transaction, rows are looked at while others read and write them.
    """
    table, parent = model._meta.db_table, key.remote_field.model._meta.db_table
    definition = (
        f"FOREIGN KEY (customer_id, {editor.quote_name(key.column)}) "
        f"REFERENCES {editor.quote_name(parent)} (customer_id, id)"
    )
    name = _key_name(editor, model, key)
    if _is_one_transaction(editor):
        editor.execute(f"ALTER TABLE {editor.quote_name(table)} ADD CONSTRAINT {editor.quote_name(name)} {definition}")
    else:
        add_constraint_in_two_steps(editor, table, name, definition, _key_locks(table, parent))


def drop_key(editor: Editor, model: type[Model], key: ForeignKey) -> None:
    table, name = model._meta.db_table, _key_name(editor, model, key)
    if _is_one_transaction(editor):
        editor.execute(f"ALTER TABLE {editor.quote_name(table)} DROP CONSTRAINT {editor.quote_name(name)}")
    else:
        parent = key.remote_field.model._meta.db_table
        drop_constraint(editor, table, name, [TableLock(each) for each in dict.fromkeys((table, parent))])


def grant(editor: Editor, model: type[Model], allowed: Sequence[str]) -> None:
    """Let the application do these to the table, and nothing else."""
    table = editor.quote_name(model._meta.db_table)
    role = editor.quote_name(app_role(editor.connection.alias))
    editor.execute(f"REVOKE ALL ON {table} FROM {role}")
    editor.execute(f"GRANT {', '.join(allowed)} ON {table} TO {role}")


def _key_name(editor: Editor, model: type[Model], key: ForeignKey) -> str:
    name = editor._create_index_name(model._meta.db_table, [key.column], suffix="_own_fk")
    return str(name)


def _key_locks(table: str, parent: str) -> list[TableLock]:
    """What ADD FOREIGN KEY takes of both: they can be read meanwhile."""
    return [TableLock(each, SHARE_ROW_EXCLUSIVE) for each in dict.fromkeys((table, parent))]


def _is_one_transaction(editor: Editor) -> bool:
    return bool(editor.atomic_migration)


def _replace_primary_key(editor: Editor, model: type[Model], columns: str) -> None:
    table = model._meta.db_table
    names = editor._constraint_names(model, primary_key=True)
    name = editor.quote_name(names[0] if names else f"{table[:58]}_pkey")
    editor.execute(
        f"ALTER TABLE {editor.quote_name(table)} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} PRIMARY KEY ({columns})"
    )


def _customer_is_implied(model: type[Model], keys: Sequence[ForeignKey]) -> bool:
    """Whether every row has a parent of the same customer, so that the customer must exist."""
    return any(not key.null and key.remote_field.model is not model for key in keys)


def _drop_customer_key(editor: Editor, model: type[Model]) -> None:
    """Spare each insert a check that a composite key makes already, whether the key is made or pending."""
    table = model._meta.db_table
    editor.deferred_sql = [sql for sql in editor.deferred_sql if not _is_customer_key(sql, table)]
    with editor.connection.cursor() as cursor:
        constraints = editor.connection.introspection.get_constraints(cursor, table)
    for name, each in constraints.items():
        if each["foreign_key"] and each["columns"] == ["customer_id"]:
            editor.execute(f"ALTER TABLE {editor.quote_name(table)} DROP CONSTRAINT {editor.quote_name(name)}")


def _is_customer_key(sql: object, table: str) -> bool:
    return (
        isinstance(sql, Statement)
        and isinstance(sql.parts.get("name"), ForeignKeyName)
        and sql.references_column(table, "customer_id")
    )
