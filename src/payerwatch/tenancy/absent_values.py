"""Columns that may be empty, as an order that pages can follow: the same on every database, and served by an index."""

from django.db.models import Func

LOWEST = -9_000_000_000_000_000_000  # below every amount, and still a bigint as both databases read it


class AbsentLowest(Func):
    """A column of whole numbers whose empty values come below all others.

    The number is written into the SQL and is no parameter, else SQLite would not know its index by it. It is no
    COALESCE, which PostgreSQL does not trust to keep quiet about rows, and so looks up in no index under a row policy.
    """

    template = f"CASE WHEN %(expressions)s IS NULL THEN {LOWEST} ELSE %(expressions)s END"
    arity = 1
