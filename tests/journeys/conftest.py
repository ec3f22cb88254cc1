"""Payerwatch as installed: a database of its own, and the real command in processes of its own."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from psycopg import sql

from tests.claims.recount import Cells, counted_afresh

COMMAND = Path(sys.executable).with_name("payerwatch")
MIGRATOR_URL = os.environ.get("MIGRATOR_DATABASE_URL", "")


# A process counts the memory of the one it was forked from as its own peak: so it is forked from a small one.
LAUNCHER = """
import json, os, subprocess, sys
end, *command = sys.argv[1:]
_, status, usage = os.wait4(subprocess.Popen(command).pid, 0)
with open(end, "w") as target:
    json.dump([os.waitstatus_to_exitcode(status), usage.ru_maxrss], target)
"""


class Done(NamedTuple):
    """How a process ended: exit code, stdout, stderr, and the most memory it held, in MiB."""

    code: int
    out: str
    err: str
    peak_mib: float

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Installation:
    """One database, migrated, and the environment in which commands find it."""

    environment: dict[str, str]
    directory: Path

    def start(self, *arguments: object) -> subprocess.Popen[bytes]:
        """The command as a process; its output is piped."""
        return subprocess.Popen(
            [COMMAND, *map(str, arguments)],
            env=self.environment,
            cwd=self.directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *arguments: object) -> Done:
        """The command run to its end."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.NamedTemporaryFile("r") as end:
            subprocess.run(
                [sys.executable, "-I", "-S", "-c", LAUNCHER, end.name, COMMAND, *map(str, arguments)],
                env=self.environment,
                cwd=self.directory,
                stdout=out,
                stderr=err,
                check=True,
            )
            code, peak_kib = json.load(end)
            said = [stream.seek(0) or stream.read().decode() for stream in (out, err)]
        return Done(code, *said, peak_kib / 1024)

    def ask(self, *arguments: object, customer: str = "Practice") -> Any:
        """The document of a command that must succeed."""
        done = self.run(*arguments, "--customer", customer, "--json")
        assert done.code == 0, done
        return done.document

    def everything(self) -> dict[str, list[dict[str, Any]]]:
        """All rows of all tables of all customers, by table."""
        with self._database() as database:
            return {table: list(database.rows(table)) for table in database.tables()}

    def stored(self) -> dict[str, list[dict[str, Any]]]:
        """What is stored, without jobs and what a load that failed leaves: its entry, and numbers of sequences."""
        left = ("audit_", "sqlite_sequence", "procrastinate_")
        return {table: rows for table, rows in self.everything().items() if not table.startswith(left)}

    def temporary_tables(self) -> list[str]:
        with self._database() as database:
            return database.temporary_tables()

    def connected(self) -> int:
        """How many sessions its database has beside that of whoever asks. On SQLite there are none."""
        with self._database() as database:
            return database.connected()

    def _database(self) -> Any:
        return _postgresql(self.environment) if MIGRATOR_URL else _sqlite(self.directory)


def text_in(paths: Iterable[Path]) -> str:
    """The bytes of all files among them, one after the other; one that is removed meanwhile has none."""
    text = ""
    for path in paths:
        if path.is_file():
            with suppress(FileNotFoundError):
                text += path.read_bytes().decode("latin-1")
    return text


def claims_of(stored: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The rows of the claims table, with dates as dates on both databases."""
    return [{name: _as_date(name, value) for name, value in row.items()} for row in stored["claims_claim"]]


def cells_of(stored: dict[str, list[dict[str, Any]]]) -> Cells:
    keys = ("payer_id", "cpt_group", "submit_week", "lag_weeks", "outcome", "denial_category")
    sums = ("claims", "billed_amount", "allowed_amount", "paid_amount", "lag_days")
    return {
        tuple(_as_date(name, cell[name]) for name in keys): tuple(cell[name] for name in sums)
        for cell in stored["drift_runoffcell"]
    }


def assert_cells_are_right(installation: Installation) -> None:
    """The cells stored are those of the claims stored, counted from scratch."""
    stored = installation.stored()
    assert cells_of(stored) == counted_afresh(claims_of(stored))


def _as_date(name: str, value: Any) -> Any:
    is_date = name.endswith("_date") or name == "submit_week"
    return date.fromisoformat(value) if is_date and isinstance(value, str) else value


class _Sqlite:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def tables(self) -> list[str]:
        found = self._connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return [name for (name,) in found]

    def rows(self, table: str) -> Iterator[dict[str, Any]]:
        cursor = self._connection.execute(f'SELECT * FROM "{table}" ORDER BY 1')
        names = [column[0] for column in cursor.description]
        return (dict(zip(names, row, strict=True)) for row in cursor.fetchall())

    def temporary_tables(self) -> list[str]:
        return [name for name in self.tables() if name.startswith("staged")]

    def connected(self) -> int:
        return 0


@contextmanager
def _sqlite(directory: Path) -> Iterator[_Sqlite]:
    with closing(sqlite3.connect(directory / "payerwatch.sqlite3")) as connection:
        yield _Sqlite(connection)


class _Postgresql:
    """Read as the migrator, whom row policies hold too: customer by customer."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def tables(self) -> list[str]:
        found = self._connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return [name for (name,) in found]

    def rows(self, table: str) -> Iterator[dict[str, Any]]:
        cursor = self._connection.cursor(row_factory=psycopg.rows.dict_row)
        customers = [number for (number,) in self._connection.execute("SELECT id FROM tenancy_customer ORDER BY id")]
        own = "customer_id" in [name for (name,) in self._columns(table)]
        for customer in customers if own else [0]:
            self._connection.execute(f"SET app.customer_id = '{customer}'")
            order = "customer_id, id" if own else "1"
            yield from cursor.execute(sql.SQL(f"SELECT * FROM {{}} ORDER BY {order}").format(sql.Identifier(table)))

    def _columns(self, table: str) -> list[tuple[str]]:
        wanted = "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s"
        return self._connection.execute(wanted, [table]).fetchall()

    def temporary_tables(self) -> list[str]:
        found = self._connection.execute("SELECT relname FROM pg_class WHERE relpersistence = 't'")
        return [name for (name,) in found]

    def connected(self) -> int:
        """Without a worker of autovacuum, which is nobody's."""
        [(number,)] = self._connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND usesysid IS NOT NULL"
        )
        return int(number)


def _at(url: str, database: str) -> str:
    return url.rpartition("/")[0] + "/" + database


@contextmanager
def _postgresql(environment: dict[str, str]) -> Iterator[_Postgresql]:
    with psycopg.connect(environment["MIGRATOR_DATABASE_URL"], autocommit=True) as connection:
        yield _Postgresql(connection)


def _administer(statement: str, *names: str) -> None:
    with psycopg.connect(MIGRATOR_URL, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@contextmanager
def _own_database(template: str = "template1") -> Iterator[str]:
    """A database on the server that is dropped afterwards; nothing on SQLite, where a directory is enough."""
    name = f"journey_{uuid.uuid4().hex[:12]}"
    if not MIGRATOR_URL:
        yield name
        return
    _administer("CREATE DATABASE {} TEMPLATE {}", name, template)
    try:
        yield name
    finally:
        _drop(name)


def _drop(database: str, *, seconds: float = 120) -> None:
    """Once the server has noticed that clients which were killed are gone: theirs is another role.

    So is that of a worker of autovacuum.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return _administer("DROP DATABASE {} WITH (FORCE)", database)
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectInUse):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _installation(database: str, directory: Path) -> Installation:
    environment = os.environ | {"PAYERWATCH_DATA_DIR": str(directory), "PYTHONWARNINGS": "error"}
    for name in ("DJANGO_SETTINGS_MODULE", "PAYERWATCH_CHECKPOINT_DIR"):  # the tests' own
        environment.pop(name, None)
    for name in ("DATABASE_URL", "MIGRATOR_DATABASE_URL"):
        if MIGRATOR_URL:
            environment[name] = _at(os.environ[name], database)
    return Installation(environment, directory)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A database with its tables and one customer, to be copied."""
    directory = tmp_path_factory.mktemp("migrated")
    with _own_database() as database:
        installation = _installation(database, directory)
        for arguments in (("migrate", "-v", "0"), ("add_customer", "Practice")):
            done = installation.run(*arguments)
            assert done.code == 0, done
        yield database, directory


@contextmanager
def copy_of(migrated: tuple[str, Path], directory: Path) -> Iterator[Installation]:
    """An installation of its own, with the customer `Practice` and nothing loaded."""
    template, origin = migrated
    shutil.copytree(origin, directory, dirs_exist_ok=True)
    with _own_database(template) as database:
        yield _installation(database, directory)


@pytest.fixture
def installation(migrated: tuple[str, Path], tmp_path: Path) -> Iterator[Installation]:
    """An installation of the test's own, with the customer `Practice` and nothing loaded."""
    with copy_of(migrated, tmp_path / "data") as copy:
        yield copy


@pytest.fixture
def unmigrated(tmp_path: Path) -> Iterator[Installation]:
    """An installation of which the database has no tables yet; on SQLite not even a file."""
    with _own_database() as database:
        yield replace(_installation(database, tmp_path / "nothing"), directory=tmp_path)
