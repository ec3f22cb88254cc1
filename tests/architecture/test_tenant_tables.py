"""Every table that belongs to a customer is protected, and the tables that do not are few and named."""

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection, models

from payerwatch.tenancy.models import Customer, TenantForeignKey, TenantManager, TenantModel

pytestmark = pytest.mark.django_db

# Of Procrastinate, on PostgreSQL: where jobs wait. A job is a step and two ids, and workers take those of any customer.
TABLES_OF_JOBS = {
    "procrastinate_events",
    "procrastinate_jobs",
    "procrastinate_periodic_defers",
    "procrastinate_workers",
}
# What the door reads before it knows the customer, the customers themselves, and the record of what belongs to none.
TABLES_WITHOUT_POLICY = {
    "audit_installationchain",
    "audit_installationentry",
    "health_backup",
    "tenancy_customer",
    "members_passwordreset",
    "members_person",
    "members_personcustomer",
    "members_recoverycode",
    "members_secondfactor",
    "members_session",
    *(TABLES_OF_JOBS if "procrastinate.contrib.django" in settings.INSTALLED_APPS else ()),
}

MODELS = apps.get_models(include_auto_created=True)
TENANT_MODELS = [model for model in MODELS if issubclass(model, TenantModel)]
every_tenant_model = pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda model: model._meta.label)


def fetch(sql: str, *params: object) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


def own_triggers(table: str) -> set[str]:
    return {name for (name,) in fetch("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", table)}


def constraints(model: type[models.Model]) -> dict[str, dict]:
    with connection.cursor() as cursor:
        return connection.introspection.get_constraints(cursor, model._meta.db_table)


def test_the_tables_without_a_policy_are_exactly_the_named_ones():
    assert {model._meta.db_table for model in MODELS} - {
        model._meta.db_table for model in TENANT_MODELS
    } == TABLES_WITHOUT_POLICY


def test_every_table_of_the_database_is_a_models_or_djangos():
    known = {model._meta.db_table for model in MODELS} | {"django_migrations", "sqlite_sequence", "throttling_hit"}
    assert set(connection.introspection.table_names()) <= known


def test_only_tenant_models_know_a_customer():
    knowing = {
        model
        for model in MODELS
        for field in model._meta.local_fields
        if isinstance(field, models.ForeignKey) and field.remote_field.model is Customer
    }
    assert {model._meta.db_table for model in knowing - set(TENANT_MODELS)} <= TABLES_WITHOUT_POLICY
    assert knowing >= set(TENANT_MODELS)


@every_tenant_model
def test_every_manager_filters_by_customer(model: type[models.Model]):
    assert all(isinstance(manager, TenantManager) for manager in model._meta.managers)
    assert isinstance(model._base_manager, TenantManager)


@every_tenant_model
def test_every_row_is_guarded_by_the_database(model: type[models.Model]):
    table = model._meta.db_table
    if connection.vendor == "sqlite":
        guards = {f"{table}_own_rows_{event}" for event in ("insert", "update", "delete")}
        assert guards <= own_triggers(table)
        return
    assert fetch("SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE relname = %s", table) == [(True, True)]
    [(qual, with_check)] = fetch(
        "SELECT qual, with_check FROM pg_policies WHERE tablename = %s AND policyname = 'own_rows'", table
    )
    assert qual == with_check == "(customer_id = (current_setting('app.customer_id'::text))::bigint)"


@pytest.mark.postgresql
@every_tenant_model
def test_only_the_owners_policy_is_wider(model: type[models.Model]):
    others = fetch(
        "SELECT roles::text[] = ARRAY[tableowner::text] FROM pg_policies NATURAL JOIN pg_tables "
        "WHERE tablename = %s AND policyname <> 'own_rows'",
        model._meta.db_table,
    )
    assert others == [(True,)]


@pytest.mark.postgresql
@every_tenant_model
def test_the_primary_key_begins_with_the_customer(model: type[models.Model]):
    [columns] = [each["columns"] for each in constraints(model).values() if each["primary_key"]]
    assert columns == ["customer_id", "id"]


@every_tenant_model
def test_whatever_is_unique_is_unique_per_customer(model: type[models.Model]):
    """Else a refusal would tell one customer what another has."""
    unique = [each["columns"] for each in constraints(model).values() if each["unique"] and not each["primary_key"]]
    assert all(columns[0] == "customer_id" for columns in unique)
    assert not any(field.unique and not field.primary_key for field in model._meta.local_fields)


@every_tenant_model
def test_keys_between_tenant_tables_name_the_customer_too(model: type[models.Model]):
    related = [
        field
        for field in model._meta.local_fields
        if field.is_relation and field.name != "customer" and issubclass(field.remote_field.model, TenantModel)
    ]
    assert all(isinstance(field, TenantForeignKey) for field in related)
    assert not model._meta.many_to_many
    for field in related:
        if connection.vendor == "sqlite":
            guards = {f"{model._meta.db_table}_{field.column}_own_{event}" for event in ("insert", "update")}
            assert guards <= own_triggers(model._meta.db_table)
        else:
            assert composite_keys(model).get(field.column) == field.remote_field.model._meta.db_table


def composite_keys(model: type[models.Model]) -> dict[str, str]:
    """Column -> parent table of each key (customer_id, column) -> parent (customer_id, id), validated."""
    return dict(
        fetch(
            "SELECT substring(definition FROM '^FOREIGN KEY \\(customer_id, (\\w+)\\) REFERENCES'), parent "
            "FROM (SELECT pg_get_constraintdef(oid) AS definition, confrelid::regclass::text AS parent "
            "FROM pg_constraint WHERE contype = 'f' AND convalidated AND conrelid = %s::regclass) AS keys "
            "WHERE definition LIKE '%%(customer_id, id)'",
            model._meta.db_table,
        )
    )


@every_tenant_model
def test_every_row_has_a_customer_that_exists(model: type[models.Model]):
    """By a key of its own, or by a parent that must be there."""
    direct = any(each["foreign_key"] == ("tenancy_customer", "id") for each in constraints(model).values())
    parents = [field for field in model._meta.local_fields if isinstance(field, TenantForeignKey) and not field.null]
    assert direct or [field for field in parents if field.remote_field.model is not model]
