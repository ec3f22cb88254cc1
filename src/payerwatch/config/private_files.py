"""Making directories and files that nobody else on the machine can read."""

import os
import stat
from contextlib import suppress
from pathlib import Path

_OF_OTHERS = 0o077


def make_private_directory(path: Path) -> None:
    """Make the directory and those above it that are missing, for their owner alone. Existing ones stay as they are."""
    missing = [each for each in (path, *path.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)


def make_private_file(path: Path) -> None:
    """Make an empty file for its owner alone, unless there is one. Raises OSError.

    One that is there is not opened: closing it would end every lock the process has on it, and SQLite, believing
    itself alone, would drop what another thread is writing.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDONLY | os.O_CLOEXEC, 0o600))


def is_open_to_others(path: Path) -> bool:
    """Whether the group or everyone may do anything with it; False where it is missing."""
    try:
        return bool(stat.S_IMODE(path.stat().st_mode) & _OF_OTHERS)
    except (FileNotFoundError, NotADirectoryError):
        return False
