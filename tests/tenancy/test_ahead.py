"""BEGIN, SET LOCAL and entries travel with the statement that follows: in how few messages, and that none is lost."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from payerwatch.audit.models import Entry
from payerwatch.audit.record import Thing, record
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests import make
from tests.tenancy.conftest import World
from tests.tenancy.shelf.models import Book, Shelf

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]


@contextmanager
def messages() -> Iterator[list[str]]:
    """The queries that are sent meanwhile, one for each message to the server."""
    connection.ensure_connection()
    sent: list[str] = []
    with tempfile.NamedTemporaryFile(mode="w+") as file:
        connection.connection.pgconn.trace(file.fileno())
        try:
            yield sent
        finally:
            connection.connection.pgconn.untrace()
        lines = Path(file.name).read_text(errors="replace").splitlines()
    sent += [line.split("\t", 4)[-1] for line in lines if "\tF\t" in line and "\tQuery\t" in line]


def entries(customer: Customer) -> list[str]:
    with acting_in(customer):
        return list(Entry.objects.order_by("position").values_list("thing_id", flat=True))


def told(thing_id: str) -> None:
    record("undo", Thing("upload", thing_id), actor=make.ACTOR, after={"share": "100 % of 7%s"})


def test_a_customer_is_entered_and_asked_in_one_message(world: World):
    with messages() as sent, acting_in(world.own.customer):
        assert Book.objects.count() == len(world.own.books)
    assert len(sent) == 2
    assert all(word in sent[0] for word in ("BEGIN", "SET LOCAL app.customer_id", "COUNT(*)"))
    assert "COMMIT" in sent[1]


def test_a_customer_of_whom_nothing_is_asked_costs_no_message(world: World):
    with messages() as sent, acting_in(world.own.customer):
        pass
    assert sent == []


def test_each_statement_is_logged_by_itself(world: World):
    with CaptureQueriesContext(connection) as asked, acting_in(world.own.customer):
        assert Book.objects.exists()
        told("upl_1")
    begun, question, entry, committed = (each["sql"] for each in asked.captured_queries)
    assert (begun, committed) == ("BEGIN", "COMMIT")
    assert question.startswith("SELECT 1")
    assert "audit_append" in entry


def test_an_entry_at_the_end_travels_with_the_commit(world: World):
    with messages() as sent, acting_in(world.own.customer):
        assert Book.objects.exists()
        told("upl_1")
    assert len(sent) == 2
    assert "audit_append" in sent[1]
    assert "COMMIT" in sent[1]
    assert entries(world.own.customer)[-1] == "upl_1"


def test_whatever_runs_after_an_entry_finds_it_done(world: World):
    with acting_in(world.own.customer):
        told("upl_1")
        assert Entry.objects.filter(thing_id="upl_1").count() == 1
        told("upl_2")
        Book.objects.update(pages=7)
    assert entries(world.own.customer)[-2:] == ["upl_1", "upl_2"]


def test_an_entry_goes_with_the_savepoint_that_it_was_made_in(world: World):
    with acting_in(world.own.customer):
        with suppress(ZeroDivisionError), transaction.atomic():
            told("upl_gone")
            raise ZeroDivisionError
        told("upl_kept")
    assert entries(world.own.customer)[-1] == "upl_kept"
    assert "upl_gone" not in entries(world.own.customer)


def test_an_entry_goes_with_its_transaction(world: World):
    with suppress(ZeroDivisionError), acting_in(world.own.customer):
        told("upl_gone")
        raise ZeroDivisionError
    assert "upl_gone" not in entries(world.own.customer)


def test_an_entry_that_cannot_be_made_takes_the_change_back(world: World):
    def change() -> None:
        with acting_in(world.own.customer):
            Book.objects.update(pages=7)
            connection.ask_with_next("audit_append", ["alone"], lambda _row: None)

    with pytest.raises(DatabaseError, match="eleven columns"):
        change()
    with acting_in(world.own.customer):
        assert not Book.objects.filter(pages=7).exists()


def test_a_statement_that_is_never_sent_leaves_the_transaction_to_the_next(world: World):
    with suppress(ZeroDivisionError), acting_in(world.own.customer):
        with pytest.raises(DatabaseError), connection.cursor() as cursor:
            cursor.execute("SELECT %s", [object()])
        Book.objects.update(pages=7)
        raise ZeroDivisionError
    with acting_in(world.own.customer):
        assert not Book.objects.filter(pages=7).exists()


def test_a_statement_that_fails_fails_alone(world: World):
    with acting_in(world.own.customer):
        with pytest.raises(IntegrityError), transaction.atomic():
            Shelf.objects.create(pk=world.own.shelf.pk, name="again")
        told("upl_1")
    assert entries(world.own.customer)[-1] == "upl_1"


def copied_out() -> list[str]:
    with (
        connection.cursor() as cursor,
        cursor.copy("COPY (SELECT title FROM shelf_book ORDER BY id) TO STDOUT") as copy,
    ):
        return b"".join(copy).decode().splitlines()


def test_what_is_sent_otherwise_comes_after_what_waits(world: World):
    with acting_in(world.own.customer):
        assert copied_out() == [book.title for book in world.own.books]
    with acting_in(world.own.customer), connection.cursor() as cursor:
        cursor.executemany("UPDATE shelf_book SET pages = %s", [(3,), (4,)])
    with acting_in(world.own.customer):
        assert {book.pages for book in Book.objects.iterator()} == {4}
    with acting_in(world.other.customer):
        assert {book.pages for book in Book.objects.iterator()} == {book.pages for book in world.other.books}
