"""All migrations taken back as far as rows can stay, and applied again: the same schema, and rows as they were."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from payerwatch.tenancy.postgresql.roles import as_migrator
from tests.make import answer, claims_file, customer, denied, pending, row
from tests.tenancy.schema import schema_as_text

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.untraced]

CHANGED_BY_MIGRATING = {"django_migrations", "audit_installationchain", "audit_installationentry"}
Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture
def practices(tmp_path: Path) -> Iterator[None]:
    """Two, with claims of three files, a payer that was mapped, and a run."""
    for name in ("One", "Two"):
        customer(name)
        for month in range(1, 4):
            kinds = (row, denied, pending)
            rows = [kinds[n % 3](number=f"C{n}", submitted=f"2026-0{month}-0{1 + n % 7}") for n in range(20)]
            assert answer("load", claims_file(tmp_path, rows, name=f"{month}.csv"), customer=name).code == 0
        assert answer("map_payer", "Aetna", "Cigna", customer=name).code == 0
        assert answer("detect", customer=name).code == 0
    yield
    call_command("migrate", verbosity=0)


def applied() -> dict[str, list[str]]:
    """The names by application, in order."""
    found: dict[str, list[str]] = {}
    for application, name in sorted(MigrationRecorder(connection).applied_migrations()):
        found.setdefault(application, []).append(name)
    return found


def take_back() -> None:
    """Each application to its first migration; one that stands on another's later ones goes with them."""
    own = {application: names for application, names in applied().items() if application != "procrastinate"}
    for application in own:
        names = applied().get(application, [])
        if len(names) > 1:
            call_command("migrate", application, names[0], verbosity=0)


@contextmanager
def reading_all() -> Iterator[Any]:
    """As who sees every customer's rows."""
    with as_migrator(), connection.cursor() as cursor:
        yield cursor


def stored() -> Rows:
    """Every row of every table, each table's in the same order."""
    found: Rows = {}
    with reading_all() as cursor:
        for table in sorted(set(connection.introspection.table_names(cursor)) - CHANGED_BY_MIGRATING):
            cursor.execute(f'SELECT * FROM "{table}"')
            names = [column[0] for column in cursor.description]
            rows = [dict(zip(names, each, strict=True)) for each in cursor.fetchall()]
            found[table] = sorted(rows, key=lambda each: (each.get("customer_id") or 0, str(each.get("id"))))
    return found


def of_both(rows: Rows, others: Rows) -> Rows:
    """The rows, of tables and columns that the others have as well."""
    return {
        table: [{name: value for name, value in each.items() if name in _columns(others, table)} for each in found]
        for table, found in rows.items()
        if others.get(table)
    }


def _columns(rows: Rows, table: str) -> set[str]:
    return {name for each in rows[table][:1] for name in each}


def test_down_and_up_again_is_the_same_schema_and_rows_are_as_they_were(practices: None):
    schema, before, names = schema_as_text(), stored(), applied()
    take_back()
    oldest = stored()
    assert schema_as_text() != schema
    assert {"claims_claim", "claims_upload", "drift_runoffcell", "tenancy_customer"} <= oldest.keys()
    assert of_both(oldest, before) == of_both(before, oldest)
    call_command("migrate", verbosity=0)
    assert applied() == names
    assert schema_as_text() == schema
    assert of_both(stored(), oldest) == of_both(before, oldest)
