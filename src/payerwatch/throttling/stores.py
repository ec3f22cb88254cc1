"""Where hits are counted: one interface, and which store serves this installation.

A store answers within a short time or raises ThrottleUnavailable. What it counted no rollback of the
application's transaction takes back.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from django.conf import settings
from django.db import connection

from payerwatch.throttling.postgresql import PostgresqlStore
from payerwatch.throttling.sqlite import SqliteStore
from payerwatch.throttling.verdict import Bucket, Counted


class Store(Protocol):
    """Counts hits exactly, whatever the number of threads and processes that ask at once."""

    def take(self, receipt: int, buckets: Sequence[Bucket]) -> Counted:
        """Count one hit in each of the buckets, or in none if one of them is full."""

    def give_back(self, receipt: int, buckets: Sequence[Bucket]) -> None:
        """Remove what was counted under this receipt, and nothing else."""


def store() -> Store:
    """On PostgreSQL the database itself, through connections of its own; else a file beside the database's."""
    if connection.vendor == "postgresql":
        named = connection.settings_dict
        return _postgresql(os.getpid(), (named["NAME"], named["USER"], named["HOST"], named["PORT"]))
    return _sqlite(os.getpid(), Path(settings.THROTTLE_FILE))


# By process: a connection that was made before a fork belongs to the parent, and stays open for it alone.


@lru_cache(maxsize=8)
def _postgresql(_process: int, _database: tuple[str, ...]) -> Store:
    made = PostgresqlStore(connection.get_connection_params())
    atexit.register(made.close)
    return made


@lru_cache(maxsize=8)
def _sqlite(_process: int, path: Path) -> Store:
    return SqliteStore(path)
