"""Pages by cursor: a place in the order instead of a number of rows to skip.

Every page costs what the first costs, and rows added or removed meanwhile neither repeat nor hide others. A cursor is
signed for one customer, one listing and one order, anywhere else it is as good as none; and without the time, so that
the same page is the same to the byte.
"""

from collections.abc import Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.core import signing
from django.db import connection
from django.db.models import BooleanField, F, Field, Func, Q, QuerySet, Value
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ValidationError

from payerwatch.refusals import Refusal
from payerwatch.tenancy.absent_values import AbsentLowest
from payerwatch.tenancy.context import acting_customer_id
from payerwatch.tenancy.statements import Given, Statement
from payerwatch.tenancy.ways import Ways, first_of

PAGE_SIZE, LARGEST_PAGE = 50, 200
_MOST_DIGITS = 9
MOST_COUNTED = 10_000


class CursorUnusable(Refusal):
    """The cursor is not one that this listing gave, in this order."""

    def __init__(self) -> None:
        super().__init__(
            "This cursor was not given by this listing.", where="cursor", fix="Begin again without a cursor."
        )


class PageSizeUnusable(Refusal):
    """A page has at least one row and at most 200."""

    def __init__(self) -> None:
        super().__init__("This cannot be a page's size.", where="page_size", fix=f"Give 1 to {LARGEST_PAGE}.")


class Cursor(NamedTuple):
    backwards: bool
    values: list[Any]
    """Of the row just before the page, in the order read; none where the page is the first of all in that order."""

    def read(self, columns: Sequence["Column"]) -> dict[str, Any]:
        """Its values as the columns have them, by their names."""
        named = zip(columns, self.values, strict=True) if self.values else ()
        return {each.name: each.field.to_python(value) for each, value in named}


class Column(NamedTuple):
    """One of those a listing is ordered by. `name` is what rows have it under."""

    name: str
    field: Field
    descending: bool
    may_be_absent: bool

    @classmethod
    def of(cls, queryset: QuerySet, ordered_by: str) -> "Column":
        meta, name = queryset.model._meta, ordered_by.lstrip("-")
        annotated = queryset.query.annotations.get(name)
        if annotated is not None:
            return cls(name, annotated.output_field, ordered_by.startswith("-"), False)
        field = meta.pk if name == "pk" else meta.get_field(name)
        assert isinstance(field, Field)
        shown = f"{name}_or_lowest" if field.null else name
        return cls(shown, field, ordered_by.startswith("-"), field.null)

    def sorted(self, *, backwards: bool) -> str:
        return f"-{self.name}" if self.descending != backwards else self.name


class CursorPages(BasePagination):
    """In the view's first order unless another of its `orders` is asked for; where it offers none, in its `order`.

    An order is names of columns that together are unique, all with or all without a minus sign.
    """

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self._request, order = request, order_asked(request, view)
        self._listing = f"{type(view).__name__}.{view.action}:{','.join(order)}"
        size, cursor = self._page_size(), self._cursor()
        ways = view.ways()
        self._counted = _counted(queryset, ways) if _count_wanted(request) else None
        listing: Any = type(view)
        columns = _columns(listing, order) if view.queryset_is_fixed else _columns_of(queryset, order)
        backwards = cursor is not None and cursor.backwards
        given = cursor.read(columns) if cursor is not None else {}
        if view.columns and view.queryset_is_fixed and not view.asked:
            statement = _statement(listing, order, size, backwards, bool(given), connection.vendor)
            rows: list[Any] = statement.rows(**given)
        else:
            after = [Value(given[each.name], output_field=each.field) for each in columns] if given else None
            if ways is not None:
                queryset, after = _found(queryset, ways, columns, after, backwards, size + 1), None
            rows = list(_ordered(queryset, columns, after, backwards, view.columns)[: size + 1])
        return self._page(rows, view.columns, [each.name for each in columns], size, cursor)

    def _page(
        self, rows: list[Any], values: Sequence[str], places: Sequence[str], size: int, cursor: Cursor | None
    ) -> list[Any]:
        """Rows as instances; where the view names values, as tuples of these.

        A page of which all rows have gone meanwhile leads back to the end from which it was reached.
        """
        selected = _selected(values, places)
        backwards, came = (cursor.backwards, bool(cursor.values)) if cursor is not None else (False, False)
        more, rows = len(rows) > size, rows[:size]
        if backwards:
            rows.reverse()

        def place(row: Any) -> list[Any]:
            return [row[selected.index(each)] if values else getattr(row, each) for each in places]

        first, last = (place(rows[0]), place(rows[-1])) if rows else ([], [])
        self._next = last if (came if backwards else more) else None
        self._previous = first if (more if backwards else came) else None
        return [row[: len(values)] for row in rows] if values else rows

    def get_paginated_response(self, data: Any) -> Response:
        counted = {}
        if self._counted is not None:
            capped = self._counted > MOST_COUNTED
            counted = {"count": min(self._counted, MOST_COUNTED), "count_is_capped": capped}
        return Response(
            {
                "results": data,
                "next": self._link(self._next, backwards=False),
                "previous": self._link(self._previous, backwards=True),
                **counted,
            }
        )

    def _page_size(self) -> int:
        text = self._request.query_params.get("page_size", str(PAGE_SIZE))
        if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS and 1 <= int(text) <= LARGEST_PAGE):
            raise PageSizeUnusable
        return int(text)

    def _cursor(self) -> Cursor | None:
        text = self._request.query_params.get("cursor")
        if text is None:
            return None
        try:
            backwards, values = self._signer().unsign_object(text)
        except (signing.BadSignature, ValueError):
            raise CursorUnusable from None
        return Cursor(backwards, values)

    def _link(self, place: Sequence[Any] | None, *, backwards: bool) -> str | None:
        if place is None:
            return None
        asked = [(name, value) for name, value in self._request.query_params.items() if name != "cursor"]
        cursor = self._signer().sign_object([backwards, [_plain(each) for each in place]])
        return f"{self._request.path}?{urlencode([*asked, ('cursor', cursor)])}"

    def _signer(self) -> signing.Signer:
        return signing.Signer(salt=self._salt())

    def _salt(self) -> str:
        return f"payerwatch.cursor:{acting_customer_id()}:{self._listing}"


def order_asked(request: Request, view: Any) -> Sequence[str]:
    """The columns of the order asked for, or of the first. Raises ValidationError."""
    offered = view.orders
    if not offered:
        return tuple(view.order)
    name = request.query_params.get("order", next(iter(offered)))
    if name not in offered:
        raise ValidationError({"order": f"Give one of: {', '.join(offered)}."}, code="order_unusable")
    return tuple(offered[name])


def _count_wanted(request: Request) -> bool:
    text = request.query_params.get("count", "false")
    if text not in ("true", "false"):
        raise ValidationError({"count": "Give true or false."}, code="count_unusable")
    return text == "true"


def _counted(queryset: QuerySet, ways: Ways | None) -> int:
    """How many rows there are, as far as it costs no more than a page or two."""
    if ways is not None:
        queryset = first_of(queryset, ways, lambda rows: rows.order_by().values_list("pk"), (), MOST_COUNTED + 1)
    return queryset.order_by()[: MOST_COUNTED + 1].count()


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | datetime) else value


class _Beyond(Func):
    """(a, b) < (x, y): columns and then values, compared row by row, which an index over the columns answers."""

    output_field = BooleanField()

    def as_sql(self, compiler: Any, connection: Any, **_: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        written = [compiler.compile(each) for each in self.source_expressions]
        half = len(written) // 2
        columns, values = (", ".join(sql for sql, _ in part) for part in (written[:half], written[half:]))
        return f"({columns}) {self.extra['after']} ({values})", [each for _, given in written for each in given]


def _selected(values: Sequence[str], places: Sequence[str]) -> list[str]:
    return [*values, *(each for each in places if each not in values)]


def _ordered(
    queryset: QuerySet, columns: Sequence[Column], after: Sequence[Any] | None, backwards: bool, values: Sequence[str]
) -> QuerySet:
    """The rows in order, those after the place alone where there is one."""
    absent = {each.name: AbsentLowest(each.field.name) for each in columns if each.may_be_absent}
    found: QuerySet = queryset.annotate(**absent).order_by(*(each.sorted(backwards=backwards) for each in columns))
    if after is not None:
        found = found.filter(_beyond(columns, after, backwards=backwards))
    if values:
        found = found.values_list(*_selected(values, [each.name for each in columns]))
    return found


def _found(
    queryset: QuerySet, ways: Ways, columns: Sequence[Column], after: Sequence[Any] | None, backwards: bool, size: int
) -> QuerySet:
    """Those of the rows found in these ways that a page of this size can show."""

    def placed(rows: QuerySet) -> QuerySet:
        return _ordered(rows, columns, after, backwards, ["pk"])

    return first_of(queryset, ways, placed, [each.sorted(backwards=backwards) for each in columns], size)


@lru_cache(maxsize=256)
def _statement(view: Any, order: Sequence[str], size: int, backwards: bool, continued: bool, _vendor: str) -> Statement:
    """The query of a listing without filters, written once."""
    columns = _columns(view, order)
    after = [Given(each.name, each.field) for each in columns] if continued else None
    return Statement(_ordered(view.queryset, columns, after, backwards, view.columns)[: size + 1])


@lru_cache(maxsize=256)
def _columns(view: Any, order: Sequence[str]) -> list[Column]:
    return _columns_of(view.queryset, order)


def _columns_of(queryset: QuerySet, order: Sequence[str]) -> list[Column]:
    return [Column.of(queryset, each) for each in order]


def _beyond(columns: Sequence[Column], after: Sequence[Any], *, backwards: bool) -> Q | _Beyond:
    """Rows after the place."""
    descending = columns[0].descending != backwards
    if len(columns) == 1:
        return Q(**{f"{columns[0].name}__{'lt' if descending else 'gt'}": after[0]})
    return _Beyond(*(F(each.name) for each in columns), *after, after="<" if descending else ">")
