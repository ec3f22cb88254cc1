"""Emptying every table is for throw-away databases of tests alone."""

from django.conf import settings

from payerwatch.refusals import Kind, Refusal


class DatabaseKept(Refusal):
    """Emptying the database would take claims and the record of what was done; only tests' databases may be."""

    kind = Kind.NOT_ALLOWED

    def __init__(self) -> None:
        super().__init__(
            "This database is not emptied: it keeps the record of what was done.",
            fix="Begin with a new database (DATABASE_URL or PAYERWATCH_DATA_DIR) instead.",
        )


def refuse_unless_throw_away() -> None:
    """Raises DatabaseKept unless the settings say that the database is one made for tests."""
    if not settings.THROW_AWAY_DATABASE:
        raise DatabaseKept
