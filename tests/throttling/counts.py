"""Throttle counts of a test's own: nothing is left from the test before, and nothing for the next."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings

from payerwatch.throttling import postgresql, sqlite
from payerwatch.throttling.postgresql import PostgresqlStore
from payerwatch.throttling.refusals import ThrottleUnavailable
from payerwatch.throttling.sqlite import SqliteStore
from payerwatch.throttling.stores import store

FORGET = "DELETE FROM throttling_hit RETURNING bucket"
PATIENT = 30.0
"""Seconds for which an answer is waited for where no test is about that, as the machine may have much else to do."""
IN_PRODUCTION = postgresql.ANSWER_SECONDS, sqlite.PATIENCE


@contextmanager
def own_counts(file: Path) -> Iterator[None]:
    """Count in this file within the block, or in PostgreSQL's table, emptied afterwards if anything was counted."""
    with pytest.MonkeyPatch.context() as patch, waiting(PATIENT, PATIENT):
        patch.setattr(settings, "THROTTLE_FILE", file)
        try:
            yield
        finally:
            _forget()


@contextmanager
def waiting(for_postgresql: float, for_sqlite: float) -> Iterator[None]:
    """Let whoever counts wait for so many seconds: on SQLite, from when the file is opened within the block."""

    def wait(connection: Any, asked: Any, interval: float = 0.1, timeout: float | None = for_postgresql) -> Any:
        return psycopg.Connection.wait(connection, asked, interval, timeout)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(postgresql, "ANSWER_SECONDS", for_postgresql)
        patch.setattr(postgresql._Connection, "wait", wait)
        patch.setattr(sqlite, "PATIENCE", for_sqlite)
        yield


@contextmanager
def refused_in_time() -> Iterator[pytest.ExceptionInfo[ThrottleUnavailable]]:
    """What is asked within the block is refused in seconds as in production, though no answer ever comes."""
    before = time.monotonic()
    with waiting(*IN_PRODUCTION), pytest.raises(ThrottleUnavailable) as refused:
        yield refused
    assert time.monotonic() - before < PATIENT / 3


def _forget() -> None:
    used = store()
    assert isinstance(used, PostgresqlStore | SqliteStore)
    if isinstance(used, PostgresqlStore) and used._idle:
        used._ask(FORGET, [])
    used.close()  # a test database with connections could not be dropped
