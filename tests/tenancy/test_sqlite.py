"""What only SQLite does: several readers and writers, guards as triggers."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from django.db import IntegrityError, connection

from payerwatch.tenancy.context import acting_in
from tests.tenancy.conftest import World

pytestmark = pytest.mark.django_db


def test_readers_and_writers_together_find_no_locked_database(tmp_path: Path):
    """Four readers and three writers for a second, each a connection of its own, on one file."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.tenancy.crowd", str(tmp_path), "1.0"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["errors"] == []
    assert found["journal"] == "wal"
    assert found["writes"] >= 10
    assert found["reads"] >= 100
    assert found["stored"] == found["writes"]


@pytest.mark.sqlite
def test_a_program_that_knows_no_customer_cannot_write_a_tenant_table(world: World):
    """The function the guards ask is Payerwatch's own: to others it is missing, and the write fails."""
    with closing(sqlite3.connect(":memory:")) as stranger:
        for statement in tables_and_triggers():
            stranger.execute(statement)
        with pytest.raises(sqlite3.OperationalError, match="no such function: tenancy_allows"):
            stranger.execute("DELETE FROM shelf_book")


def tables_and_triggers() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sql FROM sqlite_master WHERE name LIKE 'shelf%' AND type IN ('table', 'trigger') ORDER BY type"
        )
        return [sql for (sql,) in cursor.fetchall()]


@pytest.mark.sqlite
def test_a_write_that_was_refused_says_which_table(world: World):
    with (
        acting_in(world.own.customer),
        connection.cursor() as cursor,
        pytest.raises(IntegrityError, match="row policy: delete refused on shelf_book"),
    ):
        cursor.execute("DELETE FROM shelf_book")
