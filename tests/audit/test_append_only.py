"""Entries can be added and nothing else: by grants and triggers on PostgreSQL, by triggers on SQLite."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, ProgrammingError, connection, transaction

from payerwatch.audit.models import Entry, InstallationEntry
from payerwatch.audit.verifying.definition import GENESIS
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from payerwatch.tenancy.postgresql.operations import DatabaseOperations
from payerwatch.tenancy.postgresql.roles import as_migrator
from tests.audit.conftest import LENGTH
from tests.audit.owner import run

pytestmark = pytest.mark.django_db(transaction=True)

ENTRIES = ("audit_entry", "audit_installationentry")
CHAINS = ("audit_chain", "audit_installationchain")
CHANGES = {
    "update": "UPDATE {} SET digest = digest",
    "delete": "DELETE FROM {}",
    "truncate": "TRUNCATE {} CASCADE",
}
INSERT = {
    "audit_chain": "INSERT INTO audit_chain (customer_id, length, digest) VALUES (%s, 0, %s)",
    "audit_installationchain": "INSERT INTO audit_installationchain (id, length, digest) VALUES (%s, 0, %s)",
}


def insert_entry(customer: Customer, position: int, previous: bytes) -> None:
    with acting_in(customer):
        entry = Entry.objects.latest("position")
        entry.pk, entry.position, entry.previous = None, position, previous
        entry.save(force_insert=True)


@pytest.mark.postgresql
@pytest.mark.parametrize("table", [*ENTRIES, *CHAINS])
@pytest.mark.parametrize("change", CHANGES)
def test_the_application_may_not_change_entries(practices: tuple[Customer, Customer], table: str, change: str):
    with acting_in(practices[0]), pytest.raises(ProgrammingError, match="permission denied"):
        run(CHANGES[change].format(table))


@pytest.mark.postgresql
@pytest.mark.parametrize("table", CHAINS)
def test_the_application_may_not_write_heads(practices: tuple[Customer, Customer], table: str):
    with acting_in(practices[0]), pytest.raises(ProgrammingError, match="permission denied"):
        run(INSERT[table], practices[0].pk, GENESIS)


@pytest.mark.postgresql
def test_the_application_may_not_insert_entries_itself(practices: tuple[Customer, Customer]):
    with pytest.raises(ProgrammingError, match="permission denied"):
        insert_entry(practices[0], LENGTH + 1, GENESIS)


@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("table", "change"),
    [(table, change) for table in ENTRIES for change in CHANGES]
    + [(table, change) for table in CHAINS for change in ("delete", "truncate")],
)
def test_a_trigger_refuses_the_owner_too(practices: tuple[Customer, Customer], table: str, change: str):
    with as_migrator(), pytest.raises(ProgrammingError, match=f"append-only: {change} refused on {table}"):
        run(CHANGES[change].format(table))


@pytest.mark.postgresql
@pytest.mark.parametrize("may_pass", [True, False])
def test_between_tests_they_are_emptied_whether_or_not_triggers_may_be_left_out(
    practices: tuple[Customer, Customer], monkeypatch: pytest.MonkeyPatch, may_pass: bool
):
    """A server that was given may let nobody leave them out."""
    monkeypatch.setattr(DatabaseOperations, "_may_pass_triggers", lambda *_: may_pass)
    call_command("flush", interactive=False, verbosity=0, reset_sequences=False)
    for practice in practices:
        with acting_in(practice):
            assert not Entry.objects.exists()
    assert not InstallationEntry.objects.exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_trigger WHERE tgenabled = 'D'")
        assert cursor.fetchone() == (0,)


@pytest.mark.postgresql
def test_the_function_takes_no_customer_but_the_one_entered(practices: tuple[Customer, Customer]):
    with pytest.raises(DatabaseError, match=r"bigint|app\.customer_id"), transaction.atomic():
        run("SELECT audit_append(%s)", ["x"] * 11)


@pytest.mark.postgresql
@pytest.mark.parametrize("content", [["x"] * 10, ["x"] * 12, [*["x"] * 10, None], []])
def test_the_function_takes_whole_entries_only(practices: tuple[Customer, Customer], content: list[str | None]):
    with acting_in(practices[0]), pytest.raises(DatabaseError, match="eleven columns"):
        run("SELECT audit_append(%s::text[])", content)


@pytest.mark.postgresql
def test_only_the_application_and_the_owner_may_call_the_functions(practices: tuple[Customer, Customer]):
    with connection.cursor() as cursor:
        cursor.execute("SELECT proname FROM pg_proc WHERE proname LIKE 'audit_append%' AND 0 = ANY "
                       "(SELECT grantee FROM aclexplode(proacl))")  # fmt: skip
        assert cursor.fetchall() == []


@pytest.mark.sqlite
@pytest.mark.parametrize("table", [*ENTRIES, *CHAINS])
@pytest.mark.parametrize("change", ["update", "delete"])
def test_a_trigger_refuses_changes_on_sqlite(practices: tuple[Customer, Customer], table: str, change: str):
    with acting_in(practices[0]), pytest.raises(IntegrityError, match=r"append-only|row policy"):
        run(CHANGES[change].format(table))


@pytest.mark.sqlite
@pytest.mark.parametrize(("position", "previous"), [(LENGTH + 2, None), (LENGTH, None), (LENGTH + 1, GENESIS)])
def test_an_entry_that_does_not_continue_the_chain_is_refused_on_sqlite(
    practices: tuple[Customer, Customer], position: int, previous: bytes | None
):
    with acting_in(practices[0]):
        last = bytes(Entry.objects.latest("position").digest)
    with pytest.raises(IntegrityError, match="append-only: insert refused on audit_entry"):
        insert_entry(practices[0], position, previous or last)


@pytest.mark.sqlite
def test_a_head_that_names_no_entry_is_refused_on_sqlite(practices: tuple[Customer, Customer]):
    with acting_in(practices[0]), pytest.raises(IntegrityError, match="append-only: update refused on audit_chain"):
        run("UPDATE audit_chain SET length = length + 1")


@pytest.fixture
def stranger(practices: tuple[Customer, Customer]) -> Iterator[sqlite3.Connection]:
    """The same database, opened by a program that is not the product."""
    connection.ensure_connection()
    with closing(sqlite3.connect(connection.settings_dict["NAME"], uri=True)) as opened:
        yield opened


@pytest.mark.sqlite
@pytest.mark.parametrize("change", ["update", "delete"])
def test_another_program_is_refused_on_sqlite(stranger: sqlite3.Connection, change: str):
    with pytest.raises(sqlite3.OperationalError, match="tenancy_allows"):
        stranger.execute(CHANGES[change].format("audit_entry"))
