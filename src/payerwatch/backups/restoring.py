"""Restoring a backup, for good or to try it.

All of the file is read before anything is touched, so that one that was cut or changed, or is under another key, does
nothing. The database is the last thing to be there, and is there whole or not at all.
"""

import tempfile
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from django.db import connection
from django.db.migrations.loader import MigrationLoader

from payerwatch.audit.actors import Actor
from payerwatch.audit.record import Thing, record_for_installation
from payerwatch.audit.verifying.checkpoints import read_public_key
from payerwatch.backups import postgresql, sqlite
from payerwatch.backups.checkpoint_files import (
    PUBLIC_KEY,
    keep_apart,
    lay_out,
    put_back_missing,
    refuse_another_key,
    refuse_later,
    refuse_unless_empty,
)
from payerwatch.backups.contents import Progress
from payerwatch.backups.making import DATABASE
from payerwatch.backups.manifest import Manifest
from payerwatch.backups.private_folder import private_folder
from payerwatch.backups.reading import WholeBackup, read_through, reading
from payerwatch.backups.refusals import (
    BackupFailsVerification,
    BackupOfAnotherKind,
    BackupOfLaterRelease,
    RestoreNotWritable,
)
from payerwatch.backups.verifying import problems_of
from payerwatch.tenancy.connections import leading_to
from payerwatch.tenancy.postgresql.roles import as_migrator


@dataclass(frozen=True)
class Restored:
    """A backup that was restored and stands."""

    whole: WholeBackup
    seconds: float
    """From the first byte that was read until all was verified."""
    checkpoints_put_back: int = 0


def restore_backup(path: Path, *, actor: Actor, progress: Progress, checkpoints_to: Path | None = None) -> Restored:
    """Into the database of the settings, which must be empty.

    Checkpoints go back into their place, and must be signed with the key that is there; or into an empty directory
    apart (`checkpoints_to`), whatever they are signed with.

    Raises Refusal, with nothing restored; only on PostgreSQL does BackupFailsVerification leave what was restored.
    """
    began = time.monotonic()
    with connection.wrap_database_errors, tempfile.TemporaryDirectory() as folder:
        manifest = _fitting_manifest(path, progress)
        _refuse_unless_empty()
        refuse_later(manifest)
        if checkpoints_to is not None:
            refuse_unless_empty(checkpoints_to)
        whole = read_through(path, progress, "read")
        if checkpoints_to is None:
            refuse_another_key(whole.public_key)
        restore = _restore_on_postgresql if connection.vendor == "postgresql" else _restore_on_sqlite
        put_back = restore(path, Path(folder), progress, checkpoints_to)
    thing = Thing("backup", whole.digest[:16])
    record_for_installation("restore", thing, actor=actor, after={"made_at": manifest.made_at})
    return Restored(whole, time.monotonic() - began, put_back)


def try_backup(path: Path, progress: Progress) -> Restored:
    """Restore into a database that is made for it and gone afterwards, and verify what is there. Raises Refusal."""
    began = time.monotonic()
    with connection.wrap_database_errors, tempfile.TemporaryDirectory() as folder, ExitStack() as place:
        _fitting_manifest(path, progress)
        whole = read_through(path, progress, "read")
        if connection.vendor == "postgresql":
            name = place.enter_context(postgresql.scratch_database())
        else:
            name = str(place.enter_context(private_folder()) / "tried.sqlite3")
        _restore_into(name, path, Path(folder), progress)
        _verify(name, whole.manifest, Path(folder), progress)
    return Restored(whole, time.monotonic() - began)


def _restore_on_postgresql(path: Path, folder: Path, progress: Progress, checkpoints_to: Path | None) -> int:
    name = str(connection.settings_dict["NAME"])
    manifest = _restore_into(name, path, folder, progress)
    put_back = _lay_checkpoints(folder, checkpoints_to)
    _verify(name, manifest, folder, progress, kept=f"What was restored is in {name}: look at it, or drop it.")
    return put_back


def _restore_on_sqlite(path: Path, folder: Path, progress: Progress, checkpoints_to: Path | None) -> int:
    """Aside, so that it is verified before it is the database."""
    with private_folder() as aside:
        restored = aside / "restored.sqlite3"
        manifest = _restore_into(str(restored), path, folder, progress)
        _verify(str(restored), manifest, folder, progress)
        sqlite.refuse_appeared()  # beside another database these checkpoints would tell of entries it never had
        put_back = _lay_checkpoints(folder, checkpoints_to)
        sqlite.put_in_place(restored)
        return put_back


def _lay_checkpoints(folder: Path, checkpoints_to: Path | None) -> int:
    """How many files were missing in their place, and are there now: none where they are kept apart."""
    if checkpoints_to is None:
        return put_back_missing(folder)
    keep_apart(folder, checkpoints_to)
    return 0


def _restore_into(name: str, path: Path, folder: Path, progress: Progress) -> Manifest:
    """The database of that name; and what was beside it, into the folder. Raises RestoreNotWritable."""
    with reading(path, progress, "restore") as backup:
        try:
            for part, blocks in backup.parts:
                if part == DATABASE:
                    _restore_database(name, blocks, backup.manifest)
                else:
                    lay_out(folder, part, blocks)
        except OSError as error:
            raise RestoreNotWritable(error) from None
        return backup.manifest


def _restore_database(name: str, blocks: Iterable[bytes], manifest: Manifest) -> None:
    if connection.vendor == "postgresql":
        postgresql.restore(blocks, manifest, name)
    else:
        sqlite.write_database(blocks, Path(name))


def _verify(name: str, manifest: Manifest, folder: Path, progress: Progress, *, kept: str = "") -> None:
    """By the key and the checkpoints in the backup: whether those are the true ones is `verify_audit`'s to say.

    Raises BackupFailsVerification.
    """
    key = read_public_key(folder / PUBLIC_KEY) if (folder / PUBLIC_KEY).exists() else None
    with as_migrator(), leading_to(name):
        problems = list(problems_of(manifest, folder, key, progress))
    if problems:
        raise BackupFailsVerification(problems, kept=kept)


def _fitting_manifest(path: Path, progress: Progress) -> Manifest:
    """Raises BackupOfAnotherKind, BackupOfLaterRelease, and what `reading` and PostgreSQL's roles raise."""
    with reading(path, progress, "read") as backup:
        manifest = backup.manifest
    if manifest.vendor != connection.vendor:
        raise BackupOfAnotherKind(manifest.vendor, connection.vendor)
    known = MigrationLoader(None, ignore_no_migrations=True).disk_migrations
    unknown = sorted(set(manifest.contents.migrations) - {f"{app}.{name}" for app, name in known})
    if unknown:
        raise BackupOfLaterRelease(unknown, manifest.build)
    if manifest.vendor == "postgresql":
        postgresql.refuse_unless_restorable(manifest)
    return manifest


def _refuse_unless_empty() -> None:
    (postgresql if connection.vendor == "postgresql" else sqlite).refuse_unless_empty()
