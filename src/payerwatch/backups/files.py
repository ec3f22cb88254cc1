"""Files of backups: written aside and put in place whole, watched as they are read, and no more than wanted."""

import fcntl
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple

from payerwatch.backups.contents import Progress
from payerwatch.backups.refusals import BackupDirectoryMissing, BackupInProgress, BackupNotWritable, BackupUnreadable

_ASIDE = ".payerwatch.backup.part"
_NAME = re.compile(r"payerwatch-\d{8}T\d{6}Z\.backup")


def name_of(made_at: datetime) -> str:
    """Such as payerwatch-20261130T023000Z.backup: in the order of their names they are in that of time."""
    return f"payerwatch-{made_at.astimezone(UTC):%Y%m%dT%H%M%SZ}.backup"


def aside_in(directory: Path) -> Path:
    """Where one is written before it has its name."""
    return directory / _ASIDE


@contextmanager
def written_aside(directory: Path) -> Iterator[BinaryIO]:
    """A file for its owner alone, of which nothing is left unless `put_in_place` was called.

    One that was left by a process that was killed is begun anew. Raises BackupDirectoryMissing, BackupInProgress or
    BackupNotWritable.
    """
    if not directory.exists():
        raise BackupDirectoryMissing(directory)
    aside = aside_in(directory)
    try:
        with _locked(aside) as file:
            try:
                yield file
            finally:
                if _is_at(file, aside):
                    aside.unlink()
    except OSError as error:
        raise BackupNotWritable(directory, error) from None


def put_in_place(file: BinaryIO, directory: Path, name: str) -> Path:
    """Give what was written aside its name, once all of it is on the disk."""
    file.flush()
    os.fsync(file.fileno())
    path = directory / name
    aside_in(directory).replace(path)
    sync_directory(directory)
    return path


def sync_directory(directory: Path) -> None:
    """Let a name that was just given outlast a crash."""
    opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


class NotRemoved(NamedTuple):
    """A backup that was to go and is still there."""

    path: Path
    why: str


def remove_all_but(newest: int, made: Path) -> tuple[list[Path], list[NotRemoved]]:
    """Which were removed, and which could not be, of those in its directory that have a backup's name.

    The one that was just made counts as the newest, though by a clock that was ahead others are named later.
    """
    others = [each for each in made.parent.iterdir() if _NAME.fullmatch(each.name) and each != made]
    removed, left = [], []
    for each in sorted(others, reverse=True)[newest - 1 :]:
        try:
            each.unlink(missing_ok=True)
        except OSError as error:
            left.append(NotRemoved(each, error.strerror or "an error of the disk"))
        else:
            removed.append(each)
    return removed, left


class WatchedFile:
    """A backup's file as it is read: tells how far it is, and the digest of what was read."""

    def __init__(self, file: BinaryIO, progress: Progress, stage: str) -> None:
        self._file, self._progress, self._stage = file, progress, stage
        self._digest = hashlib.sha256()
        self._done, self.size = 0, os.fstat(file.fileno()).st_size

    def read(self, size: int) -> bytes:
        """Raises BackupUnreadable."""
        try:
            content = self._file.read(size)
        except OSError as error:
            raise _unreadable(Path(self._file.name), error) from None
        self._digest.update(content)
        self._done += len(content)
        self._progress(self._stage, self._done, self.size)
        return content

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Raises BackupUnreadable."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise _unreadable(path, error) from None
    with file:
        yield file


def _unreadable(path: Path, error: OSError) -> BackupUnreadable:
    return BackupUnreadable(
        f"The backup cannot be read: {error.strerror or 'an error of the disk'}.",
        where=str(path),
        fix="Name a file that payerwatch backup wrote, and that this user may read.",
    )


@contextmanager
def _locked(path: Path) -> Iterator[BinaryIO]:
    """The file, empty; nobody else has it. One that was given its name meanwhile is somebody's backup: not that one."""
    while True:
        file = os.fdopen(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600), "r+b")
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BackupInProgress(path.parent) from None
            if _is_at(file, path):
                file.truncate(0)
                yield file
                return


def _is_at(file: BinaryIO, path: Path) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    return False
