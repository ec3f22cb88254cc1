"""Rows that are found in several ways, each by an index of its own.

Asked for with OR, PostgreSQL goes through all rows along their order until it has found enough; asked for as a set, it
reads whatever any way finds before it sorts that. So each way is a query of its own, along the order and no longer
than the page, and the page is the first of what they have found.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import BooleanField, F, Func, Q, QuerySet
from django.db.models.expressions import RawSQL


class Ways(NamedTuple):
    """In which ways rows are found."""

    alone: Sequence[Q]
    of_all_or_none: Q
    """What is true of all rows or of none, so that any order serves it."""
    of_each: Mapping[str, QuerySet]
    """By the name of a key: the rows of each of these. One with few rows is found as soon as one with many."""
    along: Sequence[str]
    """The columns that the ways' indexes are in the order of."""


def first_of(
    queryset: QuerySet, ways: Ways, placed: Callable[[QuerySet], QuerySet], order: Sequence[str], size: int
) -> QuerySet:
    """The rows which any way finds, as far as they are among the first; `placed` gives pk and place of rows, in order.

    In another order than the ways' own, all that a way finds is sorted: there is no telling beforehand whether that is
    less than to go through all rows. Of other things' rows there is, once those are known, which takes a query more.
    """
    along = {each.lstrip("-") for each in order}.issubset(ways.along)
    alone = [placed(queryset.filter(way)) for way in ways.alone]
    found = [_Found(each[:size] if along else each.order_by()) for each in alone]
    found.append(_Found(placed(queryset.filter(ways.of_all_or_none))[:size]))
    for key, others in ways.of_each.items():
        found += (_of_each if along else _of_known)(queryset, placed, key, others, size)
    return queryset.filter(_FirstOf(F("pk"), found=found, order=order, size=size))


class _Found(NamedTuple):
    """What one way finds: rows, or those of each of some others."""

    rows: QuerySet
    each: QuerySet | None = None

    def as_sql(self, first: str) -> tuple[str, tuple[Any, ...]]:
        """`first` is the order, and how many."""
        rows, given = _sql_of(self.rows)
        if self.each is None:
            return rows, given
        each, of_which = _sql_of(self.each)
        found = f"SELECT of_it.* FROM ({each}) AS each_of(id) CROSS JOIN LATERAL ({rows}) AS of_it {first}"
        return found, of_which + given


def _of_each(
    queryset: QuerySet, placed: Callable[[QuerySet], QuerySet], key: str, others: QuerySet, size: int
) -> Iterator[_Found]:
    """SQLite knows no LATERAL: there the others are looked for along the order, or by their index."""
    if connection.vendor == "sqlite":
        yield _Found(placed(queryset.filter(**{f"{key}__in": others.values("pk")}))[:size])
    else:
        yield _Found(placed(queryset.filter(**{key: RawSQL("each_of.id", ())}))[:size], others.values("pk"))


def _of_known(
    queryset: QuerySet, placed: Callable[[QuerySet], QuerySet], key: str, others: QuerySet, size: int
) -> Iterator[_Found]:
    known = list(others.values_list("pk", flat=True))
    if known:
        yield _Found(placed(queryset.filter(**{f"{key}__in": known}))[:size])


class _FirstOf(Func):
    """Whether a row is among the first of those found.

    PostgreSQL is given the numbers as an array: it would join a set of them with other tables first.
    """

    output_field = BooleanField()

    def as_sql(self, compiler: Any, connection: Any, **_: Any) -> tuple[str, tuple[Any, ...]]:  # type: ignore[override]
        column, _given = compiler.compile(self.source_expressions[0])
        first = f"{_ordered_by(self.extra['order'])} LIMIT {self.extra['size']:d}"
        ways = [each.as_sql(first) for each in self.extra["found"]]
        union = " UNION ".join(f"SELECT * FROM ({sql}) AS way_{number}" for number, (sql, _) in enumerate(ways))
        found = f'SELECT "pk" FROM ({union}) AS found {first}'
        among = f"IN ({found})" if connection.vendor == "sqlite" else f"= ANY(ARRAY({found}))"
        return f"{column} {among}", tuple(value for _, given in ways for value in given)


def _ordered_by(order: Sequence[str]) -> str:
    columns = [f'"{each.lstrip("-")}" {"DESC" if each.startswith("-") else "ASC"}' for each in order]
    return f"ORDER BY {', '.join(columns)}" if columns else ""


def _sql_of(query: QuerySet) -> tuple[str, tuple[Any, ...]]:
    sql, given = query.query.get_compiler(connection=connection).as_sql()
    return sql, tuple(given)
