"""Columns that may be empty, as an order that pages can follow: the same on every database, and served by an index."""

from django.db.models import Func

LOWEST = -9_000_000_000_000_000_000  # below every amount, and still a bigint as both databases read it


class AbsentLowest(Func):
    """A column of whole numbers whose empty values come below all others.

    The number is written into the SQL and is no parameter, else SQLite would not know its index by it.
    """

    template = f"COALESCE(%(expressions)s, {LOWEST})"
    arity = 1
