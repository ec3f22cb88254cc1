"""Queries written once: each run is for the customer entered then, and there is none outside."""

import pytest
from django.db import DatabaseError, connection
from django.db.models import JSONField, Value
from django.db.models.functions import Cast

from payerwatch.tenancy.context import NoCustomer, acting_in
from payerwatch.tenancy.statements import CUSTOMER_ENTERED, Given, Statement, columns_of
from tests.tenancy.conftest import World
from tests.tenancy.shelf.models import Book

pytestmark = pytest.mark.django_db


def titles() -> Statement:
    return Statement(Book.objects.order_by("pk").values_list("title"))


def test_a_statement_shows_each_customer_its_own_rows(world: World):
    written = titles()
    for practice in (world.own, world.other, world.own):
        with acting_in(practice.customer):
            assert written.rows() == [(book.title,) for book in practice.books]


def test_a_statement_written_inside_one_customer_is_not_bound_to_it(world: World):
    with acting_in(world.own.customer):
        written = titles()
    with acting_in(world.other.customer):
        assert written.rows() == [(book.title,) for book in world.other.books]


def test_a_statement_does_not_run_outside_a_customer(world: World):
    with pytest.raises(NoCustomer):
        titles().rows()


def test_a_value_is_told_with_each_run(world: World):
    named = Given("title", Book._meta.get_field("title"))
    written = Statement(Book.objects.filter(title=named).values_list("pk", "title"))
    with acting_in(world.own.customer):
        for book in world.own.books:
            assert written.rows(title=book.title) == [(book.pk, book.title)]
        assert written.rows(title=world.other.books[0].title) == []


def test_writing_a_statement_leaves_other_queries_as_they_were(world: World):
    titles()
    with pytest.raises(NoCustomer):
        Book.objects.count()
    with acting_in(world.own.customer):
        assert Book.objects.count() == len(world.own.books)


def test_no_database_takes_the_place_of_the_customer_for_a_value(world: World):
    with pytest.raises((DatabaseError, TypeError)), connection.cursor() as cursor:
        cursor.execute("SELECT %s", [CUSTOMER_ENTERED])


def test_a_value_that_is_written_into_a_statement_stays_in_it(world: World):
    own = world.own.books[0]
    written = Statement(Book.objects.filter(title=own.title).values_list("title", "pages"))
    with acting_in(world.own.customer):
        assert written.rows() == [(own.title, own.pages)]


def test_columns_have_the_form_that_they_have_in_python(world: World):
    """A document, between columns that need no change; where there is none, none comes."""
    document = {"said": ["a", 1]}

    def written(value: object) -> Statement:
        told = Value(value, output_field=JSONField())
        return Statement(Book.objects.order_by("pk").values_list("title", told, "pages"))

    books = world.own.books
    with acting_in(world.own.customer):
        assert written(document).rows() == [(each.title, document, each.pages) for each in books]
        nothing = Statement(Book.objects.order_by("pk").values_list("title", Cast(Value(None), JSONField()), "pages"))
        assert nothing.rows() == [(each.title, None, each.pages) for each in books]


def test_columns_are_all_but_those_that_are_left_out():
    assert columns_of(Book) == ["id", "customer_id", "shelf_id", "previous_id", "title", "pages"]
    assert columns_of(Book, without=["title", "pages"]) == ["id", "customer_id", "shelf_id", "previous_id"]
