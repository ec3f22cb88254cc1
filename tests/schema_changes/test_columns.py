"""Columns come and go in two releases, and nothing is written that would keep others out of a large table."""

from __future__ import annotations

import pytest
from django.db import connection, migrations, models
from django.db.models.functions import Now

from payerwatch.schema_changes.catalogue import column_named
from payerwatch.schema_changes.operations import (
    AddCheck,
    AddColumn,
    CannotBeDoneBeside,
    DropColumn,
    LeaveColumn,
    SetNotNull,
)
from payerwatch.schema_changes.refusals import RowsDoNotFit, UnsafeChange
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from payerwatch.tenancy.postgresql import schema
from payerwatch.tenancy.postgresql.roles import as_migrator
from tests.schema_changes.applying import apply, take_back
from tests.tenancy.schema import schema_as_text

pytestmark = pytest.mark.django_db(transaction=True)

STATUS = models.CharField(max_length=14)
LEFT = (LeaveColumn("Claim", "status", fill="'unknown'"), DropColumn("Claim", "status", STATUS, fill="'unknown'"))


def statuses(practice: Customer) -> set[str]:
    with acting_in(practice), connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT status FROM claims_claim WHERE customer_id = %s", [practice.pk])
        return {status for (status,) in cursor.fetchall()}


def columns() -> set[str]:
    with connection.cursor() as cursor:
        return {each.name for each in connection.introspection.get_table_description(cursor, "claims_claim")}


def add_without_status(practice: Customer) -> None:
    with acting_in(practice), connection.cursor() as cursor:
        known = ", ".join(sorted(columns() - {"id", "status", "claim_key"}))
        cursor.execute(
            f"INSERT INTO claims_claim (claim_key, {known}) SELECT 'of new code', {known} FROM claims_claim "
            "WHERE customer_id = %s LIMIT 1",
            [practice.pk],
        )


def test_new_code_adds_rows_without_the_column_that_it_left(practices: list[Customer]):
    before, told = schema_as_text(), statuses(practices[0])
    with as_migrator():
        apply(LEFT[0])
    add_without_status(practices[0])
    with as_migrator():
        take_back(LEFT[0])
    on_postgresql = connection.vendor == "postgresql"
    assert not on_postgresql or schema_as_text() == before  # SQLite has the column in another place
    kept = told if on_postgresql else set()
    assert statuses(practices[0]) == kept | {"unknown"}


def test_the_column_goes_with_the_next_release_and_may_come_back(practices: list[Customer]):
    with as_migrator():
        apply(*LEFT)
        left = columns()
        take_back(*LEFT)
    assert "status" not in left
    assert statuses(practices[0]) == {"unknown"}


@pytest.mark.postgresql
def test_old_code_still_writes_the_column_that_new_code_left(practices: list[Customer]):
    with as_migrator():
        apply(LEFT[0])
    assert column_named(connection, "claims_claim", "status").not_null  # type: ignore[union-attr]
    with as_migrator():
        take_back(LEFT[0])


def test_rows_that_do_not_fit_a_new_check_are_told_by_customer_and_leave_no_check_behind(practices: list[Customer]):
    check = models.CheckConstraint(condition=models.Q(billed_amount__lt=0), name="test_claims_check")
    before = schema_as_text()
    with as_migrator(), pytest.raises(RowsDoNotFit, match="do not fit test_claims_check") as refused:
        apply(AddCheck("Claim", check))
    assert set(refused.value.by_customer) == {str(each.pk) for each in practices}
    assert all(count > 0 for count in refused.value.by_customer.values())
    assert schema_as_text() == before


def test_absent_values_are_told_by_customer_and_leave_no_half_made_constraint_behind(practices: list[Customer]):
    before = schema_as_text()
    with as_migrator(), pytest.raises(RowsDoNotFit, match=r"sealed_number.* IS NOT NULL") as refused:
        apply(SetNotNull("Claim", "sealed_number", models.TextField()))
    assert set(refused.value.by_customer) == {str(each.pk) for each in practices}
    assert schema_as_text() == before


@pytest.mark.postgresql
def test_rows_are_not_looked_at_again_while_nobody_else_may(practices: list[Customer]):
    """PostgreSQL says that it believes the check; else it would read all rows under the lock."""
    said: list[str] = []
    always = SetNotNull("Claim", "billed_amount", models.DecimalField(max_digits=12, decimal_places=2))
    with as_migrator(), connection.cursor() as cursor:
        cursor.execute("SET client_min_messages = debug1")
        connection.connection.add_notice_handler(lambda notice: said.append(notice.message_primary))
        apply(always)
        take_back(always)
    believed = [each for each in said if "are sufficient to prove that it does not contain nulls" in each]
    assert len(believed) == 1, said


@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("operation", "instead"),
    [
        (migrations.AddIndex("Claim", models.Index(fields=["customer"], name="x")), "AddIndexConcurrently"),
        (migrations.RemoveIndex("Claim", "claims_claim_upload"), "RemoveIndexConcurrently"),
        (
            migrations.AddConstraint("Claim", models.UniqueConstraint(fields=["customer", "id"], name="x")),
            "UniqueInThreePhases",
        ),
        (
            migrations.AddConstraint(
                "Claim", models.CheckConstraint(condition=models.Q(billed_amount__gt=0), name="x")
            ),
            "AddCheck",
        ),
        (migrations.AddField("Claim", "x", models.IntegerField(default=1)), "db_default"),
        (migrations.AlterField("Claim", "service_date", models.DateField()), "SetNotNull"),
        (migrations.AlterField("Claim", "cpt", models.CharField(max_length=4)), "LeaveColumn"),
        (migrations.AlterField("Claim", "billed_amount", models.FloatField(null=True)), "LeaveColumn"),
        (migrations.AlterField("Claim", "cpt", models.CharField(max_length=5, unique=True)), "UniqueInThreePhases"),
        (migrations.RenameField("Claim", "cpt", "code"), "LeaveColumn"),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, migrations.operations.base.Operation) else each,
)
def test_plain_operations_are_refused_where_there_are_many_rows(
    operation: migrations.operations.base.Operation,
    instead: str,
    practices: list[Customer],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(schema, "MANY_ROWS", 100)
    with as_migrator():
        connection.cursor().execute("ANALYZE claims_claim")
        with pytest.raises(UnsafeChange, match=instead):
            apply(operation, atomic=True)


@pytest.mark.postgresql
@pytest.mark.parametrize(
    "operation",
    [
        migrations.AlterField("Claim", "cpt", models.CharField(max_length=9)),
        migrations.AlterField("Claim", "cpt", models.TextField()),
        migrations.AddField("Claim", "x", models.IntegerField(null=True)),
    ],
    ids=["longer", "text", "absent"],
)
def test_what_takes_an_instant_may_be_plain(
    operation: migrations.operations.base.Operation, practices: list[Customer], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(schema, "MANY_ROWS", 100)
    with as_migrator():
        connection.cursor().execute("ANALYZE claims_claim")
        apply(operation, atomic=True)
        take_back(operation) if isinstance(operation, migrations.AddField) else restore_cpt()


def restore_cpt() -> None:
    connection.cursor().execute("ALTER TABLE claims_claim ALTER COLUMN cpt TYPE varchar(5)")


@pytest.mark.pure
@pytest.mark.parametrize(
    "field",
    [
        models.IntegerField(default=1),
        models.IntegerField(null=True, unique=True),
        models.IntegerField(null=True, db_index=True),
        models.ForeignKey("tenancy.Customer", on_delete=models.PROTECT, null=True),
    ],
    ids=["no db_default", "unique", "indexed", "key"],
)
def test_a_column_that_old_code_would_trip_over_is_refused_when_it_is_written(field: models.Field):
    with pytest.raises(CannotBeDoneBeside):
        AddColumn("Claim", "x", field)


@pytest.mark.pure
def test_columns_that_cannot_be_made_so_are_refused_when_they_are_written():
    AddColumn("Claim", "x", models.DateTimeField(db_default=Now()))
    with pytest.raises(CannotBeDoneBeside):
        SetNotNull("Claim", "x", models.IntegerField(null=True))
    with pytest.raises(CannotBeDoneBeside):
        DropColumn("Claim", "x", models.IntegerField())
