"""What only the SQLite store does: a file of its own, made when it is needed, and no waiting without end."""

import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection, transaction

from payerwatch.throttling.rates import Rate
from payerwatch.throttling.sqlite import SqliteStore, microseconds
from payerwatch.throttling.stores import store
from payerwatch.throttling.taking import take
from payerwatch.throttling.verdict import Bucket
from tests.throttling.counts import IN_PRODUCTION, refused_in_time, waiting

pytestmark = pytest.mark.sqlite

BUCKET = [Bucket("a", Rate(3, 60), b"a" * 32)]


@pytest.mark.pure
def test_the_counts_are_kept_beside_the_database_and_not_in_it(tmp_path: Path):
    kept = "import django; django.setup(); from django.conf import settings; print(settings.THROTTLE_FILE)"
    environment = {"DJANGO_SETTINGS_MODULE": "payerwatch.config.settings", "PAYERWATCH_DATA_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", kept], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(tmp_path / "throttle.sqlite3")


@pytest.mark.django_db(transaction=True)
def test_a_load_that_holds_the_database_keeps_no_throttle_waiting():
    """Whoever waited for the database would do so until it is refused: here that is held until it is answered."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE tenancy_customer SET name = name")
        assert take([("api", "a")]).allowed


@pytest.mark.pure
def test_the_file_is_made_with_its_directory(tmp_path: Path):
    counts = SqliteStore(tmp_path / "new" / "directory" / "throttle.sqlite3")
    assert counts.take(1, BUCKET).allowed
    counts.close()


@pytest.mark.pure
def test_what_was_counted_outlives_the_process(tmp_path: Path):
    for number, expected in enumerate([True, True, True, False]):
        counts = SqliteStore(tmp_path / "throttle.sqlite3")
        assert counts.take(1 + number, BUCKET).allowed is expected
        counts.close()


@pytest.mark.pure
@pytest.mark.parametrize("damage", ["held", "no database", "no directory", "a directory"])
def test_counts_that_cannot_be_reached_are_refused_in_time(damage: str, tmp_path: Path):
    path = tmp_path / "throttle.sqlite3"
    with closing(sqlite3.connect(tmp_path / "throttle.sqlite3" if damage == "held" else ":memory:")) as other:
        if damage == "held":
            other.execute("BEGIN EXCLUSIVE")
        elif damage == "no database":
            path.write_bytes(b"no database" * 1_000)
        elif damage == "a directory":
            path.mkdir()
        else:
            path = tmp_path / "file" / "throttle.sqlite3"
            path.parent.write_bytes(b"")
        with refused_in_time():
            SqliteStore(path).take(1, BUCKET)


@pytest.mark.pure
def test_the_clock_is_read_when_the_lock_is_held(tmp_path: Path):
    """A hit that waited for another process carries the later time."""
    counts = SqliteStore(tmp_path / "throttle.sqlite3")
    assert counts.take(1, BUCKET).allowed
    with closing(sqlite3.connect(tmp_path / "throttle.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(counts.take, 2, BUCKET)
            time.sleep(0.2)
            released_at = microseconds()
            other.execute("COMMIT")
            assert waiting.result().now >= released_at
    counts.close()


@pytest.mark.pure
def test_after_a_refusal_the_next_request_is_counted(tmp_path: Path):
    counts = SqliteStore(tmp_path / "throttle.sqlite3")
    with waiting(*IN_PRODUCTION):
        assert counts.take(1, BUCKET).allowed
    with closing(sqlite3.connect(tmp_path / "throttle.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with refused_in_time():
            counts.take(2, BUCKET)
    assert [counts.take(number, BUCKET).held[0].hits for number in (3, 4)] == [2, 3]
    counts.close()


@pytest.mark.pure
def test_every_test_has_a_file_of_its_own():
    assert isinstance(store(), SqliteStore)
    assert not settings.THROTTLE_FILE.exists()
    assert settings.THROTTLE_FILE.parent != settings.DATA_DIR
