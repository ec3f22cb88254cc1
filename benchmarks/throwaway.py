"""Benchmarks fill and empty tables: never those of a database that anybody needs."""

import os
import sys

from django.conf import settings


def refuse_unless_throwaway() -> None:
    """Exit unless the database is the one that scripts/with_postgres.py made for this run and will drop."""
    name = settings.DATABASES["default"]["NAME"]
    if os.environ.get("PAYERWATCH_THROWAWAY") != name:
        sys.exit(
            f"The database {name} was not made to be thrown away, and a benchmark would empty its tables. "
            "Run it with one that is: .venv/bin/python scripts/with_postgres.py -- COMMAND"
        )
