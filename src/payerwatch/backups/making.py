"""Making a backup.

1. What checkpoints there are is noted; then the database is looked at, at one moment.
2. What it holds is counted, and it is written with the checkpoints into one sealed file aside.
3. The file is read again from the disk, all of it, and only then given its name.
4. That there is one is noted, and recorded. Only then may older ones go.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from django.db import connection

from payerwatch.audit.actors import Actor
from payerwatch.audit.record import Thing, record_for_installation
from payerwatch.backups import postgresql, sqlite
from payerwatch.backups.checkpoint_files import files_by_now
from payerwatch.backups.contents import Progress
from payerwatch.backups.files import NotRemoved, aside_in, name_of, put_in_place, remove_all_but, written_aside
from payerwatch.backups.manifest import PART
from payerwatch.backups.parts import PartsWriter
from payerwatch.backups.reading import WholeBackup, backup_keys, read_through
from payerwatch.backups.sealed_stream import SealingWriter
from payerwatch.backups.snapshot import Snapshot
from payerwatch.health.backups import note_backup

DATABASE = "database"


@dataclass(frozen=True)
class Made:
    path: Path
    whole: WholeBackup
    removed: list[Path]
    not_removed: list[NotRemoved]


def make_backup(directory: Path, *, keep: int | None, actor: Actor, progress: Progress) -> Made:
    """A backup of everything in a new file of the directory, of which the newest `keep` are left.

    Raises Refusal, with nothing written and nothing removed.
    """
    key = backup_keys()[0]
    with connection.wrap_database_errors, written_aside(directory) as file:
        _write(file, key, progress)
        file.flush()
        whole = read_through(aside_in(directory), progress)
        path = put_in_place(file, directory, name_of(whole.manifest.made_at))
    _note(whole, actor)
    removed, not_removed = remove_all_but(keep, path) if keep else ([], [])
    return Made(path, whole, removed, not_removed)


def _write(file: BinaryIO, key: bytes, progress: Progress) -> None:
    checkpoints = files_by_now()
    with (postgresql if connection.vendor == "postgresql" else sqlite).snapshot(progress) as taken:
        parts = PartsWriter(SealingWriter(file, key))
        parts.write(PART, [taken.manifest.as_bytes()])
        for name, each in checkpoints.items():
            parts.write(name, each.blocks())
        parts.write(DATABASE, _watched(taken, progress))
        parts.finish()


def _watched(taken: Snapshot, progress: Progress) -> Iterator[bytes]:
    done = 0
    for block in taken.blocks:
        done += len(block)
        progress("back_up", min(done, taken.size), taken.size)
        yield block
    progress("back_up", taken.size, taken.size)


def _note(whole: WholeBackup, actor: Actor) -> None:
    note_backup(whole.manifest.made_at, whole.size_bytes, whole.digest)
    after = {"made_at": whole.manifest.made_at, "bytes": whole.size_bytes, "rows": whole.manifest.total_rows}
    record_for_installation("back_up", Thing("backup", whole.digest[:16]), actor=actor, after=after)
