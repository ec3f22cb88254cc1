"""Backing up a SQLite database, and putting one in place."""

import errno
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.utils import timezone

from payerwatch.backups.contents import TABLES, Ask, Progress, contents_of
from payerwatch.backups.files import sync_directory
from payerwatch.backups.manifest import Manifest
from payerwatch.backups.private_folder import private_folder
from payerwatch.backups.refusals import BackupNotWritable, DatabaseAppeared, DatabaseNotEmpty, RestoreNotWritable
from payerwatch.backups.snapshot import Snapshot

BLOCK = 1024 * 1024
_BESIDE = ("-wal", "-shm", "-journal")


@contextmanager
def snapshot(progress: Progress) -> Iterator[Snapshot]:
    """The database at one moment, copied while others read and write it.

    The copy lies in the data directory, where what it holds lies anyway, until the block ends.
    """
    with private_folder() as folder:
        copy = folder / "copy.sqlite3"
        _copy_to(copy)
        made_at = timezone.now()
        with closing(_read_only(copy)) as session:
            contents = contents_of(_ask(session), "sqlite", progress)
        manifest = Manifest("sqlite", settings.BUILD, made_at, 0, "", "", contents)
        yield Snapshot(manifest, _blocks(copy), copy.stat().st_size)


def _copy_to(path: Path) -> None:
    connection.ensure_connection()
    try:
        with closing(sqlite3.connect(path)) as target:
            connection.connection.backup(target)
    except sqlite3.OperationalError:
        why = "the database could not be copied, for which there must be room beside it"
        raise BackupNotWritable(path.parent.parent, OSError(errno.ENOSPC, why)) from None


def database_file() -> Path:
    return Path(connection.settings_dict["NAME"])


def refuse_unless_empty() -> None:
    """Raises DatabaseNotEmpty: there are tables, or a log that SQLite would take for the restored file's."""
    if found := _tables_of(database_file()) or _logs_beside(database_file()):
        raise DatabaseNotEmpty(str(database_file()), found)


def refuse_appeared() -> None:
    """As `refuse_unless_empty`, of what was empty when the restore began. Raises DatabaseAppeared."""
    if _tables_of(database_file()) or _logs_beside(database_file()):
        raise DatabaseAppeared(database_file())


def _tables_of(path: Path) -> list[str]:
    if not path.exists() or not path.stat().st_size:
        return []
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as session:
        return [name for (name,) in _ask(session)(TABLES["sqlite"])]


def _logs_beside(path: Path) -> list[str]:
    beside = (path.with_name(path.name + ending) for ending in _BESIDE)
    return [each.name for each in beside if each.exists()]


def write_database(blocks: Iterable[bytes], path: Path) -> None:
    """A new file for its owner alone, all of it on the disk."""
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as target:
        for block in blocks:
            target.write(block)
        target.flush()
        os.fsync(target.fileno())


def put_in_place(restored: Path) -> None:
    """Let the restored file be the database: whole or not at all, and never instead of one that has appeared.

    Raises DatabaseAppeared or RestoreNotWritable.
    """
    connection.close()  # it would go on asking the file that was there
    refuse_appeared()
    path = database_file()
    try:
        _make_way(path, restored.with_name("empty.sqlite3"))
        os.link(restored, path)  # unlike a renaming it replaces nothing
        restored.unlink()
        sync_directory(path.parent)
    except FileExistsError:
        raise DatabaseAppeared(path) from None
    except OSError as error:
        raise RestoreNotWritable(error) from None


def _make_way(path: Path, aside: Path) -> None:
    """Put an empty file aside. It is looked at once more where nobody finds it: what was filled meanwhile goes back."""
    with suppress(FileNotFoundError):
        path.rename(aside)
    if _logs_beside(path) or _is_filled(aside):
        with suppress(FileNotFoundError):
            os.link(aside, path)
        raise DatabaseAppeared(path)


def _is_filled(path: Path) -> bool:
    try:
        return bool(_tables_of(path))
    except sqlite3.Error:  # somebody is at work in it, or it is no database
        return True


def _read_only(path: Path) -> sqlite3.Connection:
    """It leaves no log beside the file: nobody else has it."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)


def _ask(session: sqlite3.Connection) -> Ask:
    return lambda query: session.execute(query).fetchall()


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            yield block
