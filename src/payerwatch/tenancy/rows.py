"""Migration operations that keep customers' rows apart in the database itself.

A migration creates a tenant table and protects it, parents before children:

    migrations.CreateModel("Payer", ...), ProtectRows("Payer"),
    migrations.CreateModel("Claim", ...), ProtectRows("Claim"),

and protects a TenantForeignKey that comes later by itself: AddField(...), ProtectKey("Claim", "payer").
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import ClassVar

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import ForeignKey, Model

from payerwatch.schema_changes.effects import INSTANT, NOTHING, Effect
from payerwatch.schema_changes.operation import TableOperation
from payerwatch.tenancy.models import TenantForeignKey
from payerwatch.tenancy.postgresql import rows as postgresql
from payerwatch.tenancy.sqlite import rows as sqlite

EVERYTHING = ("SELECT", "INSERT", "UPDATE", "DELETE")


class PlainKeyToTenantTable(Exception):
    """A foreign key to a tenant table must be a TenantForeignKey, which names the customer too."""

    def __init__(self, field: object) -> None:
        super().__init__(f"{field} points to a tenant table and must be a TenantForeignKey.")


def tenant_keys(model: type[Model]) -> list[TenantForeignKey]:
    """The model's keys to other tenant tables."""
    return [field for field in model._meta.local_fields if isinstance(field, TenantForeignKey)]


class ProtectRows(TableOperation):
    """Let each customer reach only its own rows of a table, and point only to its own.

    PostgreSQL: primary key (customer, id), forced row policies, composite foreign keys, and `grant` as all
    that the application may do. SQLite: triggers that refuse a write to another customer's row, to a
    row whose parent is another customer's, or not in `grant`.
    """

    effect: ClassVar = INSTANT

    def __init__(self, model_name: str, grant: Sequence[str] = EVERYTHING) -> None:
        self.model_name = model_name
        self.grant = tuple(grant)

    def change(self, editor: BaseDatabaseSchemaEditor, model: type[Model]) -> None:
        _refuse_plain_keys(model)
        _way_of(editor).protect(editor, model, tenant_keys(model), self.grant)

    def change_back(self, editor: BaseDatabaseSchemaEditor, model: type[Model]) -> None:
        _way_of(editor).unprotect(editor, model, tenant_keys(model))

    def describe(self) -> str:
        return f"Keep customers' rows apart in {self.model_name}"

    @property
    def migration_name_fragment(self) -> str:
        return f"protect_{self.model_name.lower()}"


class ProtectKey(TableOperation):
    """Let a TenantForeignKey that was added to a protected table point only to the customer's own rows."""

    effect: ClassVar = Effect("SHARE ROW EXCLUSIVE", reads_all_rows=True)

    def __init__(self, model_name: str, field_name: str) -> None:
        self.model_name = model_name
        self.field_name = field_name

    def change(self, editor: BaseDatabaseSchemaEditor, model: type[Model]) -> None:
        _way_of(editor).add_key(editor, model, self._key(model))

    def change_back(self, editor: BaseDatabaseSchemaEditor, model: type[Model]) -> None:
        _way_of(editor).drop_key(editor, model, self._key(model))

    def describe(self) -> str:
        return f"Keep {self.model_name}.{self.field_name} within one customer"

    @property
    def migration_name_fragment(self) -> str:
        return f"protect_{self.model_name.lower()}_{self.field_name}"

    def _key(self, model: type[Model]) -> TenantForeignKey:
        field = model._meta.get_field(self.field_name)
        if not isinstance(field, TenantForeignKey):
            raise PlainKeyToTenantTable(field)
        return field


class GrantRows(TableOperation):
    """Let the application do this to its customer's rows of a protected table from now on, and nothing else."""

    effect: ClassVar = NOTHING

    def __init__(self, model_name: str, grant: Sequence[str], *, before: Sequence[str]) -> None:
        self.model_name = model_name
        self.grant = tuple(grant)
        self.before = tuple(before)

    def change(self, editor: BaseDatabaseSchemaEditor, model: type[Model]) -> None:
        _way_of(editor).grant(editor, model, self.grant)

    def change_back(self, editor: BaseDatabaseSchemaEditor, model: type[Model]) -> None:
        _way_of(editor).grant(editor, model, self.before)

    def describe(self) -> str:
        return f"Let the application {', '.join(self.grant)} its customer's {self.model_name}"


class GrantTable(TableOperation):
    """On PostgreSQL, let the application do this to a table that has no row policy, and nothing else."""

    effect: ClassVar = NOTHING

    def __init__(self, model_name: str, grant: Sequence[str]) -> None:
        self.model_name = model_name
        self.grant = tuple(grant)

    def change(self, editor: BaseDatabaseSchemaEditor, model: type[Model]) -> None:
        if editor.connection.vendor == "postgresql":
            postgresql.grant(editor, model, self.grant)

    def change_back(self, editor: BaseDatabaseSchemaEditor, model: type[Model]) -> None:
        if editor.connection.vendor == "postgresql":
            postgresql.grant(editor, model, EVERYTHING)

    def describe(self) -> str:
        return f"Let the application {', '.join(self.grant)} {self.model_name}"


def _way_of(editor: BaseDatabaseSchemaEditor) -> ModuleType:
    return postgresql if editor.connection.vendor == "postgresql" else sqlite


def _refuse_plain_keys(model: type[Model]) -> None:
    for field in model._meta.local_fields:
        if isinstance(field, ForeignKey) and not isinstance(field, TenantForeignKey):
            parent = field.remote_field.model
            if any(each.name == "customer" for each in parent._meta.local_fields):
                raise PlainKeyToTenantTable(field)
