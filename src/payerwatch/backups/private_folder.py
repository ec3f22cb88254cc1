"""Folders in the data directory for what lies unsealed while a backup is made, tried or restored.

Each is held by a lock for as long as its process is at work. One that nobody holds was left by a process that was
killed, and is removed before the next one is made.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.conf import settings

from payerwatch.config.private_files import make_private_directory

_PREFIX = ".payerwatch-backup-"


@contextmanager
def private_folder() -> Iterator[Path]:
    """A folder beside the database, removed with all in it. Raises OSError."""
    place = Path(settings.DATA_DIR)
    make_private_directory(place)
    for each in place.glob(f"{_PREFIX}*"):
        _remove_if_abandoned(each)
    folder, lock = _held_folder(place)
    try:
        yield folder
    finally:
        try:
            shutil.rmtree(folder)
        finally:
            os.close(lock)


def _held_folder(place: Path) -> tuple[Path, int]:
    """One that is made anew, and its lock. Another process may remove it before it is held: then one more."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
        with suppress(FileNotFoundError):
            lock = _opened(folder)
            fcntl.flock(lock, fcntl.LOCK_SH)
            if folder.exists():
                return folder, lock
            os.close(lock)


def _remove_if_abandoned(folder: Path) -> None:
    try:
        lock = _opened(folder)
    except OSError:  # removed meanwhile, or no folder of ours
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # held; or on a network's disk, which cannot tell
        return
    else:
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)


def _opened(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
