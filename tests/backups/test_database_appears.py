"""A database that something else makes while a backup is restored is never replaced."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.db import connection

from payerwatch.backups import restoring, sqlite
from payerwatch.tenancy.connections import leading_to
from tests.backups.conftest import Installation
from tests.backups.test_backup_and_restore import NewDatabase, restore

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.sqlite]

Place = tuple[Any, str]


@pytest.fixture
def file(installation: Installation, elsewhere: Callable[[], None]) -> Path:
    made = installation.back_up()
    elsewhere()
    return made


def make_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as session:
        session.execute("CREATE TABLE theirs AS SELECT 1 AS number")
        session.commit()


def then(monkeypatch: pytest.MonkeyPatch, place: Place, happens: Callable[[], None], *, before: bool = False) -> None:
    """Let something happen just after each time that is done, or just before."""
    work = getattr(*place)

    def done(*arguments: Any, **named: Any) -> Any:
        if before:
            happens()
        found = work(*arguments, **named)
        if not before:
            happens()
        return found

    monkeypatch.setattr(*place, done)


def assert_refused_and_theirs_is_there(file: Path, data: Path) -> None:
    error = restore(file).error
    database = sqlite.database_file()
    assert (error["code"], error["where"]) == ("database_appeared", str(database))
    assert "move it aside" in error["fix"]
    with closing(sqlite3.connect(database)) as session:
        assert session.execute("SELECT * FROM theirs").fetchall() == [(1,)]
    assert list(data.iterdir()) == []


@pytest.mark.parametrize("empty_before", [False, True], ids=["nothing there", "an empty file there"])
@pytest.mark.parametrize(
    ("place", "before"),
    [
        ((restoring, "_verify"), False),
        ((restoring, "put_back_missing"), False),
        ((sqlite, "_make_way"), True),
        ((sqlite, "_make_way"), False),
    ],
    ids=["while it is verified", "while checkpoints are put back", "after the last look", "before it is placed"],
)
def test_it_is_left_and_the_restore_refused(
    file: Path,
    new_database: NewDatabase,
    monkeypatch: pytest.MonkeyPatch,
    place: Place,
    before: bool,
    empty_before: bool,
):
    with leading_to(new_database()):
        if empty_before:
            sqlite.database_file().touch()
        path = sqlite.database_file()
        then(monkeypatch, place, lambda: make_database(path), before=before)
        assert_refused_and_theirs_is_there(file, configured.DATA_DIR)


def test_one_that_is_seen_in_time_is_not_moved_for_a_moment(
    file: Path, new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch
):
    found: list[os.stat_result] = []

    def appear() -> None:
        make_database(path)
        found.append(path.stat())

    with leading_to(new_database()):
        path = sqlite.database_file()
        then(monkeypatch, (restoring, "put_back_missing"), appear)
        assert_refused_and_theirs_is_there(file, configured.DATA_DIR)
        assert [each.st_ctime_ns for each in found] == [path.stat().st_ctime_ns]


def test_checkpoints_are_not_put_beside_it(file: Path, new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch):
    with leading_to(new_database()):
        path = sqlite.database_file()
        then(monkeypatch, (restoring, "_verify"), lambda: make_database(path))
        assert_refused_and_theirs_is_there(file, configured.DATA_DIR)
        assert not configured.CHECKPOINT_DIR.exists()


def test_one_that_is_being_filled_is_left(file: Path, new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch):
    """A server began with the empty file, and has written nothing but its log."""
    with leading_to(new_database()):
        path = sqlite.database_file()
        path.touch()
        with closing(sqlite3.connect(path, isolation_level=None)) as theirs:

            def begin() -> None:
                theirs.execute("BEGIN IMMEDIATE")
                theirs.execute("CREATE TABLE theirs AS SELECT 1 AS number")

            then(monkeypatch, (sqlite, "_make_way"), begin, before=True)
            assert restore(file).error["code"] == "database_appeared"
            theirs.execute("COMMIT")
        with closing(sqlite3.connect(path)) as session:
            assert session.execute("SELECT * FROM theirs").fetchall() == [(1,)]


def test_an_empty_file_is_in_nobodys_way(file: Path, new_database: NewDatabase):
    with leading_to(new_database()):
        sqlite.database_file().touch()
        assert restore(file).code == 0
        assert connection.introspection.table_names()
        assert sqlite.database_file().stat().st_nlink == 1
    assert list(configured.DATA_DIR.iterdir()) == []


def test_where_it_cannot_be_placed_that_is_told(file: Path, new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch):
    def across_disks(*_named: Any) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(sqlite.os, "link", across_disks)
    with leading_to(new_database()):
        error = restore(file).error
        assert (error["code"], "cross-device" in error["message"]) == ("restore_not_writable", True)
        assert not sqlite.database_file().exists()
