"""Queries that run with each request: written as SQL once, with places for what changes from one run to the next.

    @lru_cache
    def _key_statement(vendor: str) -> Statement:
        return Statement(ApiKey.objects.filter(digest=Given("digest", ApiKey._meta.get_field("digest"))).values_list())

    rows = _key_statement(connection.vendor).rows(digest=…)

To write a query anew costs several times what it costs to ask it. The customer is such a place too: each run puts in
the customer entered then, and there is no run outside of acting_in.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field, Model, QuerySet
from django.db.models.expressions import Expression
from django.db.models.sql.compiler import SQLCompiler

from payerwatch.tenancy.context import current_customer_id

_left_open: ContextVar[bool] = ContextVar("left_open", default=False)


class _CustomerEntered:
    """The place of the customer. No database takes it for a value, so that it cannot be left standing."""


CUSTOMER_ENTERED = _CustomerEntered()


def customer_written() -> int | _CustomerEntered:
    """What a query says of the customer: the one entered, or only its place. Raises NoCustomer."""
    return CUSTOMER_ENTERED if _left_open.get() else current_customer_id()


class Given(Expression):
    """The place of a value that is told with each run, as the field has it."""

    def __init__(self, name: str, field: Field) -> None:
        super().__init__(output_field=field)
        self.name = name

    def as_sql(
        self,
        compiler: SQLCompiler,  # noqa: ARG002
        connection: BaseDatabaseWrapper,  # noqa: ARG002
    ) -> tuple[str, tuple[Any]]:
        return "%s", (self,)


class Statement:
    """The SQL of a query for columns, as the database in use has it."""

    def __init__(self, query: QuerySet) -> None:
        compiler = query.query.get_compiler(connection=connection)
        with _customer_left_open():
            self._sql, self._places = compiler.as_sql()
        self._converters = compiler.get_converters(each for each, *_ in compiler.select)

    def rows(self, **given: Any) -> list[tuple]:
        """The rows now, for the customer entered. Raises NoCustomer outside of one."""
        values = [self._value(place, given) for place in self._places]
        with connection.cursor() as cursor:
            cursor.execute(self._sql, values)
            rows: list[tuple] = cursor.fetchall()
        return self._converted(rows) if self._converters else rows

    def _value(self, place: Any, given: dict[str, Any]) -> Any:
        if place is CUSTOMER_ENTERED:
            return current_customer_id()
        if isinstance(place, Given):
            return place.output_field.get_db_prep_value(given[place.name], connection)
        return place

    def _converted(self, rows: list[tuple]) -> list[tuple]:
        """With the values of the columns that have another form in Python. What is absent is so in any form."""
        for at, (converters, expression) in self._converters.items():
            if [row[at] for row in rows].count(None) == len(rows):
                continue
            for convert in converters:
                rows = [(*row[:at], convert(row[at], expression, connection), *row[at + 1 :]) for row in rows]
        return rows


def columns_of(model: type[Model], *, without: Collection[str] = ()) -> list[str]:
    """Of a model that `Model.from_db` is to make of a row; those left out are read when they are asked for."""
    return [field.attname for field in model._meta.concrete_fields if field.attname not in without]


@contextmanager
def _customer_left_open() -> Iterator[None]:
    before = _left_open.set(True)
    try:
        yield
    finally:
        _left_open.reset(before)
