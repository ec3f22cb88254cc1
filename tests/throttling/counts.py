"""Throttle counts of a test's own: nothing is left from the test before, and nothing for the next."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings

from payerwatch.throttling.postgresql import PostgresqlStore
from payerwatch.throttling.sqlite import SqliteStore
from payerwatch.throttling.stores import store

FORGET = "DELETE FROM throttling_hit RETURNING bucket"


@contextmanager
def own_counts(file: Path) -> Iterator[None]:
    """Count in this file within the block, or in PostgreSQL's table, emptied afterwards if anything was counted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "THROTTLE_FILE", file)
        try:
            yield
        finally:
            _forget()


def _forget() -> None:
    used = store()
    assert isinstance(used, PostgresqlStore | SqliteStore)
    if isinstance(used, PostgresqlStore) and used._idle:
        used._ask(FORGET, [])
    used.close()  # a test database with connections could not be dropped
