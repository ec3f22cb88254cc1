"""Pages by cursor: a place in the order instead of a number of rows to skip.

Every page costs what the first costs, and rows added or removed meanwhile neither repeat nor hide others. A cursor is
signed for one customer, one listing and one order, anywhere else it is as good as none; and without the time, so that
the same page is the same to the byte.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from django.core import signing
from django.db.models import BooleanField, F, Field, Func, Q, QuerySet, Value
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ValidationError

from payerwatch.refusals import Refusal
from payerwatch.tenancy.absent_values import AbsentLowest
from payerwatch.tenancy.context import acting_customer_id

PAGE_SIZE, LARGEST_PAGE = 50, 200
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
    """Of the row just before the page, in the order read."""


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
        self._counted = _counted(queryset) if _count_wanted(request) else None
        columns = [Column.of(queryset, each) for each in order]
        backwards = cursor is not None and cursor.backwards
        found = queryset.annotate(
            **{each.name: AbsentLowest(each.field.name) for each in columns if each.may_be_absent}
        )
        found = found.order_by(*(each.sorted(backwards=backwards) for each in columns))
        if cursor is not None:
            found = found.filter(_beyond(columns, cursor))
        return self._page(found, view.columns, [each.name for each in columns], size, cursor)

    def _page(
        self, found: QuerySet, values: Sequence[str], places: Sequence[str], size: int, cursor: Cursor | None
    ) -> list[Any]:
        """Rows as instances; where the view names values, as tuples of these."""
        selected = [*values, *(each for each in places if each not in values)]
        rows: list[Any] = list((found.values_list(*selected) if values else found)[: size + 1])
        backwards = cursor is not None and cursor.backwards
        more, rows = len(rows) > size, rows[:size]
        if backwards:
            rows.reverse()

        def place(row: Any) -> list[Any]:
            return [row[selected.index(each)] if values else getattr(row, each) for each in places]

        self._next = place(rows[-1]) if rows and (more or backwards) else None
        self._previous = place(rows[0]) if rows and (more if backwards else cursor is not None) else None
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
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= LARGEST_PAGE):
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
        query = self._request.query_params.copy()
        query["cursor"] = self._signer().sign_object([backwards, [_plain(each) for each in place]])
        return f"{self._request.path}?{query.urlencode()}"

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


def _counted(queryset: QuerySet) -> int:
    """How many rows there are, as far as it costs no more than a page or two."""
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


def _beyond(columns: Sequence[Column], cursor: Cursor) -> Q | _Beyond:
    """Rows after the cursor."""
    descending = columns[0].descending != cursor.backwards
    values = [each.field.to_python(value) for each, value in zip(columns, cursor.values, strict=True)]
    if len(columns) == 1:
        return Q(**{f"{columns[0].name}__{'lt' if descending else 'gt'}": values[0]})
    names = [F(each.name) for each in columns]
    given = [Value(value, output_field=each.field) for each, value in zip(columns, values, strict=True)]
    return _Beyond(*names, *given, after="<" if descending else ">")
