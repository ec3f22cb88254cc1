"""Pages by cursor: a place in the order instead of a number of rows to skip.

Every page costs what the first costs, and rows added or removed meanwhile neither repeat nor hide others. A
cursor is signed for one customer and one listing; anywhere else it is as good as none.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from django.core import signing
from django.db.models import Model, Q
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from payerwatch.refusals import Refusal
from payerwatch.tenancy.context import acting_customer_id

PAGE_SIZE, LARGEST_PAGE = 50, 500


class CursorUnusable(Refusal):
    """The cursor is not one that this listing gave."""

    def __init__(self) -> None:
        super().__init__(
            "This cursor was not given by this listing.", where="cursor", fix="Begin again without a cursor."
        )


class PageSizeUnusable(Refusal):
    """A page has at least one row and at most 500."""

    def __init__(self) -> None:
        super().__init__("This cannot be a page's size.", where="page_size", fix=f"Give 1 to {LARGEST_PAGE}.")


class Cursor(NamedTuple):
    backwards: bool
    values: list[Any]
    """Of the row just before the page, in the order read."""


class CursorPages(BasePagination):
    """Newest first unless the view's `order` says otherwise: names of columns that together are unique,
    all with or all without a minus sign."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self._request, self._order = request, tuple(view.order)
        self._listing = f"{type(view).__name__}.{view.action}:{','.join(self._order)}"
        size, cursor = self._page_size(), self._cursor()
        backwards = cursor is not None and cursor.backwards
        found = queryset.order_by(*(_reversed(self._order) if backwards else self._order))
        if cursor is not None:
            found = found.filter(_beyond(self._order, cursor))
        rows = list(found[: size + 1])
        more, rows = len(rows) > size, rows[:size]
        if backwards:
            rows.reverse()
        self._next = rows[-1] if rows and (more or backwards) else None
        self._previous = rows[0] if rows and (more if backwards else cursor is not None) else None
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        return Response(
            {
                "results": data,
                "next": self._link(self._next, backwards=False),
                "previous": self._link(self._previous, backwards=True),
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
            backwards, values = signing.loads(text, salt=self._salt())
        except (signing.BadSignature, ValueError):
            raise CursorUnusable from None
        return Cursor(backwards, values)

    def _link(self, row: Model | None, *, backwards: bool) -> str | None:
        if row is None:
            return None
        place = [backwards, [_plain(getattr(row, name.lstrip("-"))) for name in self._order]]
        query = self._request.query_params.copy()
        query["cursor"] = signing.dumps(place, salt=self._salt())
        return f"{self._request.path}?{query.urlencode()}"

    def _salt(self) -> str:
        return f"payerwatch.cursor:{acting_customer_id()}:{self._listing}"


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | datetime) else value


def _reversed(order: Sequence[str]) -> list[str]:
    return [name[1:] if name.startswith("-") else f"-{name}" for name in order]


def _beyond(order: Sequence[str], cursor: Cursor) -> Q:
    """Rows after the cursor: (a, b) > (x, y) as a > x or (a = x and b > y), bounded by a >= x for the index."""
    names = [name.lstrip("-") for name in order]
    after = "lt" if order[0].startswith("-") != cursor.backwards else "gt"
    condition = Q()
    for place in range(len(names)):
        equal = Q(**dict(zip(names[:place], cursor.values[:place], strict=True)))
        condition |= equal & Q(**{f"{names[place]}__{after}": cursor.values[place]})
    return Q(**{f"{names[0]}__{after}e": cursor.values[0]}) & condition
