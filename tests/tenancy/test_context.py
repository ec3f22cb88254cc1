"""Entering and leaving a customer, and what happens outside."""

import threading

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import ProtectedError

from payerwatch.tenancy.actions import add_customer
from payerwatch.tenancy.context import (
    AlreadyActing,
    NoCustomer,
    acting_customer_id,
    acting_in,
    current_customer_id,
    remembered,
)
from payerwatch.tenancy.models import Customer
from tests.tenancy.conftest import OTHER_BOOKS, OWN_BOOKS, World, is_postgresql
from tests.tenancy.query_paths import PATHS, PATHS_PAST_FILTERS, RAW_READS, RAW_WRITES
from tests.tenancy.shelf.models import Book, Shelf, Stamp

pytestmark = pytest.mark.django_db


class Listing:
    """A queryset made when the module is read, as views keep it."""

    queryset = Book.objects.select_related("shelf").order_by("title")


@pytest.mark.parametrize("name", PATHS | PATHS_PAST_FILTERS)
def test_no_query_path_runs_outside_a_customer(world: World, name: str):
    with pytest.raises(NoCustomer, match=r"outside acting_in\(customer\)"):
        (PATHS | PATHS_PAST_FILTERS)[name](world)


@pytest.mark.postgresql
@pytest.mark.parametrize("name", RAW_READS)
def test_raw_reading_outside_a_customer_is_an_error_on_postgresql(world: World, name: str):
    with pytest.raises(DatabaseError) as raised, transaction.atomic():
        RAW_READS[name](world)
    assert raised.value.__cause__.sqlstate in {"42704", "22P02"}


@pytest.mark.parametrize("name", RAW_WRITES)
def test_raw_writing_outside_a_customer_changes_nothing(world: World, name: str):
    assert RAW_WRITES[name](world) == OWN_BOOKS


def test_a_row_cannot_even_be_made_outside_a_customer(world: World):
    with pytest.raises(NoCustomer):
        Shelf(name="new")


def test_a_row_belongs_to_the_customer_entered_without_saying_so(world: World):
    with acting_in(world.own.customer):
        assert Shelf.objects.create(name="new").customer_id == world.own.customer.pk


def test_a_queryset_kept_on_a_class_means_the_customer_of_the_moment(world: World):
    with acting_in(world.own.customer):
        own = [book.title for book in Listing.queryset.all()]
    with acting_in(world.other.customer):
        other = [book.title for book in Listing.queryset.all()]
    assert own == ["Own 0", "Own 1"]
    assert other == ["Other 0", "Other 1", "Other 2"]


def test_one_queryset_run_twice_asks_twice(world: World):
    query = Book.objects.filter(pages=1)
    with acting_in(world.own.customer):
        assert query.count() == OWN_BOOKS
    with acting_in(world.other.customer):
        assert query.count() == OTHER_BOOKS


def test_another_customer_is_not_entered_inside_one(world: World):
    with acting_in(world.own.customer):
        with pytest.raises(AlreadyActing), acting_in(world.other.customer):
            pass
        assert Book.objects.count() == OWN_BOOKS


def test_the_same_customer_entered_again_stays_entered_after_the_inner_block(world: World):
    with acting_in(world.own.customer):
        with acting_in(world.own.customer.pk):
            assert Book.objects.count() == OWN_BOOKS
        assert Book.objects.count() == OWN_BOOKS


def add_shelf_and_fail(customer: Customer | int) -> None:
    with acting_in(customer):
        Shelf.objects.create(name="taken back")
        raise ZeroDivisionError


def test_an_inner_block_that_fails_takes_back_only_its_own_writes(world: World):
    with acting_in(world.own.customer):
        Shelf.objects.create(name="kept")
        with pytest.raises(ZeroDivisionError):
            add_shelf_and_fail(world.own.customer)
        assert set(Shelf.objects.values_list("name", flat=True)) == {"the shelf", "kept"}


def test_a_block_that_fails_takes_back_its_writes_and_leaves_the_customer(world: World):
    with pytest.raises(ZeroDivisionError):
        add_shelf_and_fail(world.own.customer)
    assert acting_customer_id() is None
    with acting_in(world.own.customer):
        assert Shelf.objects.count() == 1


def test_a_customer_not_saved_cannot_be_entered():
    with pytest.raises(ValueError, match="saved"), acting_in(Customer(name="not saved")):
        pass


def policy_customer() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(current_setting('app.customer_id', true), '')")
        return cursor.fetchone()[0]


@pytest.mark.postgresql
def test_leaving_a_customer_inside_a_longer_transaction_leaves_the_policies_too(world: World):
    """SET LOCAL outlives a savepoint: without care the rest of the transaction would see the rows."""
    with transaction.atomic():
        with acting_in(world.own.customer):
            assert policy_customer() == str(world.own.customer.pk)
        assert policy_customer() == ""


@pytest.mark.postgresql
def test_a_failed_statement_that_was_caught_leaves_the_policies_too(world: World):
    with (
        acting_in(world.own.customer),
        pytest.raises(IntegrityError),
        transaction.atomic(savepoint=False),
    ):
        Shelf.objects.create(name="the shelf")
    assert policy_customer() == ""
    assert acting_customer_id() is None


def in_a_thread(action) -> object:
    """What the action returned or raised in a thread of its own."""
    answers: list[object] = []

    def run() -> None:
        try:
            answers.append(action())
        except NoCustomer as error:
            answers.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return answers[0]


def test_a_thread_started_inside_a_customer_is_outside(world: World):
    with acting_in(world.own.customer):
        assert isinstance(in_a_thread(current_customer_id), NoCustomer)
        assert isinstance(in_a_thread(Book.objects.count), NoCustomer)


def test_a_stream_read_after_the_block_raises_instead_of_ending_early(world: World):
    with acting_in(world.own.customer):
        stream = (book.title for book in Book.objects.iterator(chunk_size=1))
    with pytest.raises(NoCustomer):
        next(stream)


def test_a_stream_that_enters_the_customer_itself_reads_all(world: World):
    def stream():
        with acting_in(world.own.customer, reading=True):
            yield from Book.objects.iterator(chunk_size=1)

    assert len(list(stream())) == OWN_BOOKS


def test_a_customer_is_not_deleted_outside_a_context(world: World):
    with pytest.raises(NoCustomer):
        world.own.customer.delete()


def test_a_customer_with_rows_is_not_deleted_inside_its_context(world: World):
    with acting_in(world.own.customer), pytest.raises(ProtectedError):
        world.own.customer.delete()


@pytest.mark.django_db(transaction=True)
def test_another_customer_with_rows_is_not_deleted(world: World):
    """Its rows are out of sight, so Django finds none to protect; the database refuses."""
    customer = Customer.objects.get(name="Other")
    with pytest.raises(DatabaseError), acting_in(world.own.customer):
        customer.delete()
    assert Customer.objects.filter(name="Other").exists()


def test_a_row_of_another_customer_cannot_be_made(world: World):
    with acting_in(world.own.customer):
        with pytest.raises(DatabaseError), transaction.atomic():
            Shelf.objects.create(name="new", customer=world.other.customer)
        with pytest.raises(DatabaseError), transaction.atomic():
            Shelf.objects.bulk_create([Shelf(name="new", customer_id=world.other.customer.pk)])


def test_a_row_cannot_be_given_to_another_customer(world: World):
    with acting_in(world.own.customer), pytest.raises(DatabaseError), transaction.atomic():
        Shelf.objects.update(customer_id=world.other.customer.pk)


def test_what_must_be_unique_is_unique_per_customer(world: World):
    with acting_in(world.own.customer):
        assert Book.objects.create(shelf=world.own.shelf, title="Other 0")
        with pytest.raises(IntegrityError), transaction.atomic():
            Book.objects.create(shelf=world.own.shelf, title="Own 0")


@pytest.mark.parametrize("change", ["UPDATE shelf_stamp SET book_id = NULL", "DELETE FROM shelf_stamp"])
def test_a_table_that_may_only_grow_is_not_changed(world: World, change: str):
    with acting_in(world.own.customer):
        Stamp.objects.create(book=world.own.books[0])
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change)
        assert Stamp.objects.filter(book=world.own.books[0]).count() == 1


def test_rows_are_replaced_by_what_is_unique_per_customer(world: World):
    with acting_in(world.own.customer):
        again = Book(shelf=world.own.shelf, title="Own 0", pages=9)
        Book.objects.bulk_create(
            [again], update_conflicts=True, unique_fields=["customer", "title"], update_fields=["pages"]
        )
        assert list(Book.objects.order_by("title").values_list("pages", flat=True)) == [9, 1]


def test_deleting_a_parent_that_has_children_is_refused_by_the_database(world: World):
    with acting_in(world.own.customer), pytest.raises(IntegrityError), transaction.atomic():
        Shelf.objects.all()._raw_delete(connection.alias)


@pytest.mark.django_db(transaction=True)
def test_a_callback_after_commit_runs_outside_the_customer():
    found: list[int | None] = []
    with acting_in(add_customer("Own")):
        transaction.on_commit(lambda: found.append(acting_customer_id()))
    assert found == [None]


@pytest.mark.django_db(transaction=True)
def test_reading_on_sqlite_opens_no_transaction():
    with acting_in(add_customer("Own"), reading=True):
        assert connection.in_atomic_block is is_postgresql()
        assert Book.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_writing_inside_reading_is_one_transaction():
    with acting_in(add_customer("Own"), reading=True):
        with pytest.raises(ZeroDivisionError):
            add_shelf_and_fail(current_customer_id())
        assert not Shelf.objects.exists()


def test_who_is_entered_can_be_asked_and_outside_it_is_nobody(world: World):
    assert acting_customer_id() is None
    with acting_in(world.own.customer):
        assert acting_customer_id() == current_customer_id() == world.own.customer.pk
    assert acting_customer_id() is None


def test_what_is_remembered_of_a_customer_ends_with_the_outermost_block(world: World):
    with acting_in(world.own.customer):
        assert remembered() == set()
        with acting_in(world.own.customer):
            remembered().add("sealed")
        assert remembered() == {"sealed"}
    with pytest.raises(NoCustomer):
        remembered()
    with acting_in(world.own.customer):
        assert remembered() == set()


def test_nothing_is_remembered_outside_a_customer():
    with pytest.raises(NoCustomer):
        remembered()
