"""Protection is made, undone and made again by migrations, and outlives what later migrations change."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.apps.registry import Apps
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, migrations, models, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import TenantForeignKey
from payerwatch.tenancy.postgresql.roles import as_migrator
from payerwatch.tenancy.rows import PlainKeyToTenantTable, ProtectKey, ProtectRows
from tests.tenancy.conftest import OTHER_BOOKS, OWN_BOOKS, World, is_postgresql
from tests.tenancy.editing import editing
from tests.tenancy.schema import schema_as_text
from tests.tenancy.shelf.models import Book, Shelf

STAMPS_PROTECTED = ProtectRows("Stamp", grant=["SELECT", "INSERT"])

pytestmark = pytest.mark.django_db(transaction=True)


def states(operations: list[Operation]) -> list[ProjectState]:
    """The models before the first operation and after each."""
    found = [MigrationLoader(connection).project_state(("shelf", "0001_initial"))]
    for operation in operations:
        after = found[-1].clone()
        operation.state_forwards("shelf", after)
        found.append(after)
    return found


@contextmanager
def migrated(*operations: Operation) -> Iterator[Apps]:
    """The models and tables after a later migration of these operations; it is reversed at the end."""
    steps = states(list(operations))
    with as_migrator(), editing() as editor:
        for number, operation in enumerate(operations):
            operation.database_forwards("shelf", editor, steps[number], steps[number + 1])
    try:
        yield steps[-1].apps
    finally:
        with as_migrator(), editing() as editor:
            for number, operation in reversed(list(enumerate(operations))):
                operation.database_backwards("shelf", editor, steps[number + 1], steps[number])


def test_down_and_up_again_gives_the_same_schema():
    before = schema_as_text()
    call_command("migrate", "shelf", "zero", verbosity=0)
    assert not any("shelf_book" in line for line in schema_as_text())
    call_command("migrate", "shelf", verbosity=0)
    assert schema_as_text() == before


def test_protection_is_undone_without_a_trace(world: World):
    protected = schema_as_text()
    with as_migrator(), editing() as editor:
        ProtectRows("Stamp").change_back(editor, states([])[0].apps.get_model("shelf", "Stamp"))
    assert not any("shelf_stamp" in line and "own" in line for line in schema_as_text())
    with as_migrator(), editing() as editor:
        STAMPS_PROTECTED.change(editor, states([])[0].apps.get_model("shelf", "Stamp"))
    assert schema_as_text() == protected


def test_models_and_migrations_agree():
    output = io.StringIO()
    call_command("makemigrations", "--check", "--dry-run", stdout=output)
    assert "No changes detected" in output.getvalue()


def test_the_migration_can_be_read_as_sql():
    output = io.StringIO()
    with as_migrator():
        call_command("sqlmigrate", "shelf", "0001", stdout=output)
        call_command("sqlmigrate", "shelf", "0001", backwards=True, stdout=output)
    expected = "FORCE ROW LEVEL SECURITY" if is_postgresql() else "BEFORE INSERT"
    assert expected in output.getvalue()


LATER = {
    "add a column": [migrations.AddField("Book", "isbn", models.CharField(max_length=13, default="none"))],
    "add a column that may be empty": [migrations.AddField("Book", "isbn", models.IntegerField(null=True))],
    "add a key": [
        migrations.AddField(
            "Stamp", "shelf", TenantForeignKey("shelf.Shelf", models.CASCADE, null=True, related_name="+")
        ),
        ProtectKey("Stamp", "shelf"),
    ],
    "change a column": [migrations.AlterField("Book", "title", models.CharField(max_length=99))],
    "change the parent's column": [migrations.AlterField("Shelf", "name", models.CharField(max_length=99))],
    "change a key": [
        migrations.AlterField(
            "Book", "shelf", TenantForeignKey("shelf.Shelf", models.PROTECT, related_name="books", db_index=False)
        )
    ],
    "change the id": [migrations.AlterField("Book", "id", models.AutoField(primary_key=True))],
    "rename a column": [migrations.RenameField("Book", "title", "name")],
    "add a check": [
        migrations.AddConstraint(
            "Book", models.CheckConstraint(condition=models.Q(pages__gt=0), name="shelf_book_pages_positive")
        )
    ],
    "add a unique": [
        migrations.AddConstraint("Shelf", models.UniqueConstraint(fields=["customer", "id"], name="shelf_twice"))
    ],
    "add an index": [migrations.AddIndex("Book", models.Index(fields=["customer", "pages"], name="shelf_book_pages"))],
    "remove a column": [migrations.RemoveField("Book", "pages")],
}


def steal(sql: str, *params: object) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, params)
        assert cursor.rowcount, "nothing to steal was in sight"


def assert_rows_are_apart(world: World) -> None:
    """Own rows alone are reached, and another customer's parent is refused, in plain SQL."""
    own_book, other = world.own.books[0], world.other
    with acting_in(world.own.customer):
        with pytest.raises(DatabaseError):
            steal("UPDATE shelf_book SET shelf_id = %s WHERE id = %s", other.shelf.pk, own_book.pk)
        with pytest.raises((DatabaseError, AssertionError)):
            steal("UPDATE shelf_book SET shelf_id = %s WHERE id = %s", world.own.shelf.pk, other.books[0].pk)
        with pytest.raises(IntegrityError):
            steal("DELETE FROM shelf_shelf WHERE id = %s", world.own.shelf.pk)
        with pytest.raises(DatabaseError):
            steal("INSERT INTO shelf_shelf (customer_id, name) VALUES (%s, 'x')", other.customer.pk)


@pytest.mark.parametrize("change", LATER)
def test_a_later_change_keeps_rows_and_their_protection(world: World, change: str):
    before = schema_as_text()
    with migrated(*LATER[change]) as apps:
        book = apps.get_model("shelf", "Book")
        with acting_in(world.own.customer):
            assert book.objects.filter(customer_id=world.own.customer.pk).count() == OWN_BOOKS
        with acting_in(world.other.customer):
            assert book.objects.filter(customer_id=world.other.customer.pk).count() == OTHER_BOOKS
        assert_rows_are_apart(world)
    assert_rows_are_apart(world)
    assert schema_as_text() == before


def test_a_key_added_later_names_only_own_rows(world: World):
    with migrated(*LATER["add a key"]), acting_in(world.own.customer):
        with pytest.raises(IntegrityError):
            steal(
                "INSERT INTO shelf_stamp (customer_id, shelf_id) VALUES (%s, %s)",
                world.own.customer.pk,
                world.other.shelf.pk,
            )
        steal(
            "INSERT INTO shelf_stamp (customer_id, shelf_id) VALUES (%s, %s)",
            world.own.customer.pk,
            world.own.shelf.pk,
        )


def test_a_renamed_key_names_only_own_rows(world: World):
    with migrated(migrations.RenameField("Book", "shelf", "rack")), acting_in(world.own.customer):
        with pytest.raises(IntegrityError):
            steal("UPDATE shelf_book SET rack_id = %s", world.other.shelf.pk)
        steal("UPDATE shelf_book SET rack_id = %s WHERE id = %s", world.own.shelf.pk, world.own.books[0].pk)
    assert_rows_are_apart(world)


def test_a_renamed_table_stays_protected(world: World):
    with migrated(migrations.RenameModel("Book", "Volume")), acting_in(world.own.customer):
        with pytest.raises(IntegrityError):
            steal("UPDATE shelf_volume SET shelf_id = %s", world.other.shelf.pk)
        with pytest.raises((DatabaseError, AssertionError)):
            steal("UPDATE shelf_volume SET pages = 7 WHERE id = %s", world.other.books[0].pk)
        with pytest.raises(IntegrityError):
            steal("DELETE FROM shelf_shelf WHERE id = %s", world.own.shelf.pk)
    assert_rows_are_apart(world)


def test_a_removed_table_leaves_its_parents_in_use(world: World):
    removal = (migrations.RemoveField("Stamp", "book"), migrations.DeleteModel("Stamp"))
    with migrated(*removal), acting_in(world.own.customer):
        Book.objects.all()._raw_delete(connection.alias)
        Shelf.objects.all()._raw_delete(connection.alias)
    with as_migrator(), editing() as editor:
        STAMPS_PROTECTED.change(editor, states([])[0].apps.get_model("shelf", "Stamp"))


def test_a_migration_reaches_every_customers_rows(world: World):
    def add_a_page(apps: Apps, editor: object) -> None:
        apps.get_model("shelf", "Book").objects.update(pages=models.F("pages") + 1)

    with migrated(migrations.RunPython(add_a_page, migrations.RunPython.noop)):
        pass
    for practice, books in ((world.own, OWN_BOOKS), (world.other, OTHER_BOOKS)):
        with acting_in(practice.customer):
            assert Book.objects.filter(pages=2).count() == books


def test_a_plain_key_to_a_tenant_table_is_refused():
    plain = models.ForeignKey("shelf.Shelf", models.CASCADE, related_name="+")
    fields = [
        ("id", models.BigAutoField(primary_key=True)),
        ("customer", models.ForeignKey("tenancy.Customer", models.PROTECT, related_name="+")),
        ("shelf", plain),
    ]
    operations = [migrations.CreateModel("Ladder", fields), ProtectRows("Ladder")]
    steps = states(operations)
    with pytest.raises(PlainKeyToTenantTable, match=r"shelf\.Ladder\.shelf"):
        ProtectRows("Ladder").change(None, steps[-1].apps.get_model("shelf", "Ladder"))
