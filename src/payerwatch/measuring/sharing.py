"""Counts of several processes that are told as one: each writes to a file of its own, in a directory of the server's.

To be called before anything is counted, as the library looks for the directory when it is loaded. Directories of
servers that run no more are removed: each holds a lock on its own for as long as it runs. Where the disk is too full
for a directory, each process tells what it has counted alone.
"""

import errno
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_LOCK = ".lock"
_PREFIX = "server-"
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def share_between_processes(place: Path) -> None:
    """Let this process, and those that it starts, count together in a new directory there."""
    if VARIABLE not in os.environ:  # else of the process that started this one
        try:
            own = _own_directory(place)
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            return
        os.environ[VARIABLE] = str(own)
    _keep_in_files_with_room()


def _own_directory(place: Path) -> Path:
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    _remove_abandoned(place)
    own = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
    lock = os.open(own / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_SH)
    return own


def _keep_in_files_with_room() -> None:
    """Only now may the library be loaded: it looks for the directory as it is."""
    from prometheus_client import values

    from payerwatch.measuring.shared_file import SharedFile

    values.MmapedDict = SharedFile  # type: ignore[attr-defined, assignment]


def _remove_abandoned(place: Path) -> None:
    for each in place.glob(f"{_PREFIX}*"):
        if _is_abandoned(each):
            shutil.rmtree(each, ignore_errors=True)


def _is_abandoned(directory: Path) -> bool:
    """Whether no process holds its lock; one without is just being made."""
    try:
        lock = os.open(directory / _LOCK, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True
