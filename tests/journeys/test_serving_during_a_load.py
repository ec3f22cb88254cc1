"""SQLite has one writer: what the server still answers while a long load holds the lock."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.journeys.conftest import Installation, copy_of
from tests.journeys.serving import Served, bearer, serving

pytestmark = [pytest.mark.database, pytest.mark.sqlite]


@pytest.fixture(scope="module")
def installation(migrated: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with copy_of(migrated, tmp_path_factory.mktemp("load")) as copy:
        yield copy


@pytest.fixture(scope="module")
def served(installation: Installation) -> Iterator[Served]:
    with serving(installation) as server:
        yield server


@contextmanager
def loading(installation: Installation) -> Iterator[None]:
    """Another process holds the write lock, as a load does from its first row to its last."""
    [file] = installation.directory.rglob("payerwatch.sqlite3")
    with closing(sqlite3.connect(file, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        yield
        writer.execute("ROLLBACK")


def test_what_shows_no_claims_is_answered_and_what_does_waits_for_its_entry(installation: Installation, served: Served):
    scopes = ("--scope", "events.read", "claims.read")
    key = bearer(installation.ask("issue_key", "--name", "Practice system", *scopes)["key"])
    with loading(installation):
        assert served.ask("GET", "/api/v1/drift-events/", headers=key).status == 200
        busy = served.ask("GET", "/api/v1/claims/", headers=key)
    assert (busy.status, busy.code) == (503, "busy")
    assert busy.header("Retry-After")
    assert served.ask("GET", "/api/v1/claims/", headers=key).status == 200
