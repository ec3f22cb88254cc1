"""A practice with claims and a key, a backup of it, and empty databases to restore into."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile
from typing import Any

import psycopg
import pytest
from django.conf import settings as configured
from django.db import connection
from psycopg import sql

from payerwatch.audit.checkpointing import public_key_path
from payerwatch.backups.postgres_programs import conninfo
from payerwatch.config.backup_keys import new_backup_key, read_backup_keys
from payerwatch.tenancy.postgresql.roles import reached_at
from tests import make

CLAIMS = 40


@dataclass(frozen=True)
class Installation:
    """What tests back up: where it goes, and the API key that is in it."""

    backups: Path
    key: str

    def back_up(self, *options: object) -> Path:
        done = make.answer("backup", "--to", self.backups, *options, customer=None)
        assert done.code == 0, done.document
        return Path(done.document["file"])


@pytest.fixture
def installation(transactional_db: None, settings: Any, tmp_path: Path) -> Installation:
    settings.DATA_DIR = tmp_path / "data"
    settings.CHECKPOINT_DIR = tmp_path / "checkpoints"
    (tmp_path / "backups").mkdir()
    settings.BACKUP_KEYS = read_backup_keys([new_backup_key()])
    settings.BACKUP_DATABASE = backup_role()
    make.customer()
    make.customer("Other")
    for customer, size in (("Practice", CLAIMS), ("Other", 3)):
        rows = [make.row(number=f"C{number}") for number in range(size)]
        make.upload(tmp_path, rows, customer=customer)
    key = make.answer("issue_key", "--name", "nightly", "--scope", "claims.read").document["key"]
    return Installation(tmp_path / "backups", key)


@pytest.fixture
def elsewhere(installation: Installation, settings: Any, tmp_path: Path) -> Callable[[], None]:
    """Called after the backup: there are no checkpoints yet, as on a new machine."""

    def move() -> None:
        settings.CHECKPOINT_DIR = tmp_path / "elsewhere"

    return move


def put_key_into(directory: Path) -> None:
    """The key of checkpoints as processes that tests start look for it, in the directory of those."""
    directory.mkdir()
    for each in (configured.CHECKPOINT_KEY, public_key_path()):
        copyfile(each, directory / each.name)


@pytest.fixture
def new_database(transactional_db: None, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Makes an empty database and gives its name: on SQLite, a file's that is not there yet."""
    made: list[str] = []

    def make_one() -> str:
        if connection.vendor == "sqlite":
            return str(tmp_path / f"empty{len(made)}.sqlite3")
        made.append(f"{connection.settings_dict['NAME']}_{len(made)}")
        as_owner(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(made[-1])))
        return made[-1]

    yield make_one
    for name in made:
        _drop(name)


def _drop(database: str, *, seconds: float = 120) -> None:
    """Once the server has noticed that those who asked it are gone: some have another role."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            as_owner(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database)))
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectInUse):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def backup_role() -> dict[str, Any] | None:
    """Of the throw-away server; where it is not ours, such a role cannot be made."""
    if connection.vendor != "postgresql":
        return None
    if "PAYERWATCH_BACKUP_ROLE" not in os.environ:
        pytest.skip("there is no role with BYPASSRLS: name a superuser in DATABASE_URL, or let a server be started")
    role, _, password = os.environ["PAYERWATCH_BACKUP_ROLE"].partition(":")
    return configured.MIGRATOR_DATABASE | {"USER": role, "PASSWORD": password}


def as_owner(statement: Any) -> list[tuple]:
    """What the migrator is told, connected to the database of the test."""
    address = reached_at(connection.settings_dict, configured.MIGRATOR_DATABASE)
    with psycopg.connect(conninfo(address), password=address["PASSWORD"], autocommit=True) as session:
        cursor = session.execute(statement)
        return cursor.fetchall() if cursor.description else []
