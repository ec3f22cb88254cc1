"""Two customers, each with a shelf of books, and switches for the layers between them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import pytest
from django.db import connection, models

from payerwatch.tenancy.actions import add_customer
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer, TenantManager
from payerwatch.tenancy.postgresql.roles import as_migrator
from payerwatch.tenancy.rows import ProtectKey
from payerwatch.tenancy.sqlite.guards import guards_lifted
from tests.tenancy.editing import editing
from tests.tenancy.shelf.models import Book, Shelf

OWN_BOOKS = 2
OTHER_BOOKS = 3


@dataclass(frozen=True)
class Practice:
    """One customer with its shelf and books."""

    customer: Customer
    shelf: Shelf
    books: list[Book]


def make_practice(name: str, books: int) -> Practice:
    customer = add_customer(name)
    with acting_in(customer):
        shelf = Shelf.objects.create(name="the shelf")
        titles = [Book(shelf=shelf, title=f"{name} {number}") for number in range(books)]
        return Practice(customer, shelf, Book.objects.bulk_create(titles))


@dataclass(frozen=True)
class World:
    own: Practice
    other: Practice


@pytest.fixture
def world(db: None) -> World:
    return World(make_practice("Own", OWN_BOOKS), make_practice("Other", OTHER_BOOKS))


def is_postgresql() -> bool:
    return connection.vendor == "postgresql"


@contextmanager
def filters_off() -> Iterator[None]:
    """As if TenantManager had been forgotten."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TenantManager, "get_queryset", models.Manager.get_queryset)
        yield


def policies_off() -> AbstractContextManager[None]:
    """As if no row policy (on SQLite: no row guard) had been made."""
    return _policies_disabled() if is_postgresql() else guards_lifted()


@contextmanager
def _policies_disabled() -> Iterator[None]:
    _alter_tables("DISABLE ROW LEVEL SECURITY")
    try:
        yield
    finally:
        _alter_tables("ENABLE ROW LEVEL SECURITY")


def _alter_tables(change: str) -> None:
    with as_migrator(), connection.cursor() as cursor:
        for table in ("shelf_shelf", "shelf_book", "shelf_stamp"):
            cursor.execute(f"ALTER TABLE {table} {change}")


@contextmanager
def keys_off() -> Iterator[None]:
    """As if the composite keys from a book had not been made."""
    key = ProtectKey("Book", "shelf")
    with as_migrator(), editing() as editor:
        key.change_back(editor, Book)
    try:
        yield
    finally:
        with as_migrator(), editing() as editor:
            key.change(editor, Book)
