# ruff: noqa: ARG005
"""Every way a query reaches rows. Each answers with the number of books it saw or changed.

Where the customers are kept apart that is OWN_BOOKS; where nothing keeps them apart it is all of them.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable

from django.core.paginator import Paginator
from django.db import DatabaseError, connection, transaction
from django.db.models import Count, Exists, F, OuterRef, Prefetch, QuerySet, Subquery, Sum, Window
from django.db.models.functions import RowNumber

from tests.tenancy.conftest import OTHER_BOOKS, OWN_BOOKS, World
from tests.tenancy.shelf.models import Book, Shelf

Path = Callable[[World], int]

PATHS: dict[str, Path] = {
    "all": lambda w: len(Book.objects.all()),
    "count": lambda w: Book.objects.count(),
    "iterator": lambda w: sum(1 for _ in Book.objects.iterator()),
    "iterator in chunks": lambda w: sum(1 for _ in Book.objects.iterator(chunk_size=1)),
    "values": lambda w: len(Book.objects.values("title")),
    "values_list": lambda w: len(list(Book.objects.values_list("title", flat=True))),
    "distinct": lambda w: Book.objects.values("title").distinct().count(),
    "exists": lambda w: _all_if(Book.objects.filter(title=w.other.books[0].title).exists()),
    "get": lambda w: _all_if(_succeeds(lambda: Book.objects.get(pk=w.other.books[0].pk))),
    "first": lambda w: _all_if(Book.objects.filter(title__startswith="Other").first() is not None),
    "latest": lambda w: _all_if(Book.objects.latest("pk").title.startswith("Other")),
    "contains": lambda w: _all_if(Book.objects.contains(w.other.books[0])),
    "in_bulk": lambda w: len(Book.objects.in_bulk([book.pk for book in w.own.books + w.other.books])),
    "aggregate count": lambda w: Book.objects.aggregate(n=Count("*"))["n"],
    "aggregate sum": lambda w: Book.objects.aggregate(n=Sum("pages"))["n"],
    "annotate count": lambda w: sum(shelf.n for shelf in Shelf.objects.annotate(n=Count("books"))),
    "group by": lambda w: sum(row["n"] for row in Book.objects.values("shelf").annotate(n=Count("pk"))),
    "window": lambda w: max(book.n for book in Book.objects.annotate(n=Window(RowNumber(), order_by=F("pk").asc()))),
    "subquery": lambda w: len(Book.objects.filter(pk__in=Book.objects.values("pk"))),
    "subquery of parents": lambda w: Book.objects.filter(shelf__in=Shelf.objects.values("pk")).count(),
    "scalar subquery": lambda w: _all_if(
        _fetch_first(Shelf.objects.values_list(Subquery(Book.objects.order_by("title").values("title")[:1])))
        == "Other 0"
    ),
    "exists expression": lambda w: Book.objects.filter(Exists(Shelf.objects.filter(pk=OuterRef("shelf")))).count(),
    "union": lambda w: len(Book.objects.filter(pages=1).union(Book.objects.filter(pages__gt=0))),
    "intersection": lambda w: len(Book.objects.all().intersection(Book.objects.filter(pages=1))),
    "difference": lambda w: len(Book.objects.all().difference(Book.objects.filter(pages=9))),
    "select_related": lambda w: len([book.shelf.name for book in Book.objects.select_related("shelf")]),
    "select_for_update": lambda w: len(Book.objects.select_for_update()),
    "join": lambda w: Shelf.objects.filter(books__pages=1).count(),
    "prefetch": lambda w: sum(len(shelf.books.all()) for shelf in Shelf.objects.prefetch_related("books")),
    "prefetch object": lambda w: sum(
        len(shelf.read) for shelf in Shelf.objects.prefetch_related(Prefetch("books", Book.objects.all(), "read"))
    ),
    "related manager": lambda w: _all_if(w.other.shelf.books.exists()),
    "forward key": lambda w: _all_if(_succeeds(lambda: Book(shelf_id=w.other.shelf.pk).shelf)),
    "paginator": lambda w: Paginator(Book.objects.order_by("pk"), 1).count,
    "pickled": lambda w: len(_pickled_and_back(Book.objects.all())),
    "base manager": lambda w: Book._base_manager.count(),
    "refresh_from_db": lambda w: _all_if(_succeeds(w.other.books[0].refresh_from_db)),
    "get_or_create": lambda w: _all_if(
        not Book.objects.get_or_create(title="Other 0", defaults={"shelf": w.own.shelf})[1]
    ),
    "update_or_create": lambda w: _all_if(
        not Book.objects.update_or_create({"pages": 7}, {"shelf": w.own.shelf, "pages": 7}, title="Other 0")[1]
    ),
    "update": lambda w: Book.objects.update(pages=7),
    "update by key": lambda w: _all_if(bool(Book.objects.filter(pk=w.other.books[0].pk).update(pages=7))),
    "bulk_update": lambda w: Book.objects.bulk_update(_renamed(w.own.books + w.other.books), ["pages"]),
    "save": lambda w: _all_if(_succeeds(lambda: w.other.books[0].save(force_update=True))),
    "delete": lambda w: Book.objects.all().delete()[1].get("shelf.Book", 0),
    "delete at once": lambda w: Book.objects.all()._raw_delete(connection.alias),
    "delete by parent": lambda w: Shelf.objects.all().delete()[1].get("shelf.Book", 0),
}

# Django deletes an object by its key alone, past every manager: only the database can refuse.
PATHS_PAST_FILTERS: dict[str, Path] = {
    "delete an object": lambda w: _all_if(_deletes(w.other.books[0])),
}

RAW_READS: dict[str, Path] = {
    "raw": lambda w: len(list(Book.objects.raw("SELECT * FROM shelf_book"))),
    "cursor": lambda w: _fetch("SELECT count(*) FROM shelf_book"),
    "cursor join": lambda w: _fetch("SELECT count(*) FROM shelf_book JOIN shelf_shelf s ON s.id = shelf_id"),
}

RAW_WRITES: dict[str, Path] = {
    "raw update": lambda w: _changes("UPDATE shelf_book SET pages = 7 WHERE title LIKE 'Other%%'"),
    "raw delete": lambda w: _changes("DELETE FROM shelf_book WHERE title LIKE 'Other%%'"),
    "raw insert": lambda w: _changes(
        "INSERT INTO shelf_book (customer_id, shelf_id, title, pages) VALUES (%s, %s, 'x', 1)",
        [w.other.customer.pk, w.other.shelf.pk],
    ),
}


def answers(paths: dict[str, Path], world: World) -> dict[str, int]:
    """Path -> what it answered. What a path changes is taken back."""
    return {name: _taken_back(path, world) for name, path in paths.items()}


def _taken_back(path: Path, world: World) -> int:
    with transaction.atomic():
        answer = path(world)
        transaction.set_rollback(True)
    return answer


def _all_if(leaked: bool) -> int:
    return OWN_BOOKS + (OTHER_BOOKS if leaked else 0)


def _succeeds(action: Callable[[], object]) -> bool:
    try:
        with transaction.atomic():
            action()
    except (DatabaseError, Book.DoesNotExist, Shelf.DoesNotExist):
        return False
    return True


def _deletes(book: Book) -> bool:
    try:
        with transaction.atomic():
            return bool(Book(pk=book.pk).delete()[0])
    except DatabaseError:
        return False


def _renamed(books: list[Book]) -> list[Book]:
    for book in books:
        book.pages = 7
    return books


def _pickled_and_back(queryset: QuerySet) -> QuerySet:
    copy = Book.objects.none()
    copy.query = pickle.loads(pickle.dumps(queryset.query))
    return copy


def _fetch_first(queryset: QuerySet) -> object:
    return queryset[0][0]


def _fetch(sql: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def _changes(sql: str, params: list | None = None) -> int:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql, params or [])
            return _all_if(cursor.rowcount > 0)
    except DatabaseError:
        return OWN_BOOKS
