"""The counts of an installation on one machine: a SQLite file of their own, which no long load keeps locked."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from payerwatch.config.private_files import make_private_directory, make_private_file
from payerwatch.throttling.refusals import ThrottleUnavailable
from payerwatch.throttling.verdict import Bucket, Counted
from payerwatch.throttling.window import has_room, held, settled

PATIENCE = 1.0  # seconds, for other threads and again for other processes
SWEEP_EVERY = 512  # takes, on average
SWEPT_AT_ONCE = 1_000  # rows

_TABLES = """
CREATE TABLE IF NOT EXISTS hit (
    bucket BLOB NOT NULL, at INTEGER NOT NULL, receipt INTEGER NOT NULL, leaves INTEGER NOT NULL,
    PRIMARY KEY (bucket, at, receipt)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS hit_leaves ON hit (leaves);
"""
_SWEEP = (
    "DELETE FROM hit WHERE (bucket, at, receipt) IN "
    "(SELECT bucket, at, receipt FROM hit WHERE leaves <= ? ORDER BY leaves LIMIT ?)"
)


def microseconds() -> int:
    """The system's clock, which every process reads alike."""
    return time.time_ns() // 1_000


class SqliteStore:
    """One connection for a process's threads, which take turns; between processes the file's write lock decides."""

    def __init__(self, path: Path, clock: Callable[[], int] = microseconds) -> None:
        self._path = path
        self._clock = clock
        self._turn = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def take(self, receipt: int, buckets: Sequence[Bucket]) -> Counted:
        """Count one hit in each of the buckets, or in none if one of them is full."""
        with self._writing() as connection:
            now = self._clock()  # only now: while waiting for the lock it went on
            logs = [_settle(connection, bucket, now) for bucket in buckets]
            pairs = list(zip(buckets, logs, strict=True))
            allowed = all(has_room(log, bucket.rate) for bucket, log in pairs)
            if allowed:
                _add(connection, receipt, pairs, now)
            if receipt % SWEEP_EVERY == 0:
                connection.execute(_SWEEP, (now, SWEPT_AT_ONCE))
        return Counted(allowed, now, tuple(held(log, bucket.rate) for bucket, log in pairs))

    def give_back(self, receipt: int, buckets: Sequence[Bucket]) -> None:
        """Remove what was counted under this receipt, and nothing else."""
        with self._writing() as connection:
            rows = [(bucket.digest, receipt) for bucket in buckets]
            connection.executemany("DELETE FROM hit WHERE bucket = ? AND receipt = ?", rows)

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        with self._turn:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        if not self._turn.acquire(timeout=PATIENCE):
            raise _unavailable("other threads held it for too long")
        try:
            if self._connection is None:
                self._connection = _opened(self._path)
            with _transaction(self._connection):
                yield self._connection
        except (sqlite3.DatabaseError, OSError) as error:
            raise _unavailable(str(error)) from error
        finally:
            self._turn.release()


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _settle(connection: sqlite3.Connection, bucket: Bucket, now: int) -> list[int]:
    """The bucket's settled log, and the file made to agree with it."""
    rows = connection.execute("SELECT at FROM hit WHERE bucket = ? ORDER BY at", (bucket.digest,))
    log = [at for (at,) in rows]
    kept = settled(log, bucket.rate, now)
    if len(kept) < len(log):
        left = (bucket.digest, now - bucket.rate.window)
        connection.execute("DELETE FROM hit WHERE bucket = ? AND at <= ?", left)
    if log and log[-1] > now:
        ahead = (now, now + bucket.rate.window, bucket.digest, now)
        connection.execute("UPDATE hit SET at = ?, leaves = ? WHERE bucket = ? AND at > ?", ahead)
    return kept


def _add(connection: sqlite3.Connection, receipt: int, pairs: list[tuple[Bucket, list[int]]], now: int) -> None:
    for bucket, log in pairs:
        log.append(now)
        row = (bucket.digest, now, receipt, now + bucket.rate.window)
        connection.execute("INSERT INTO hit (bucket, at, receipt, leaves) VALUES (?, ?, ?, ?)", row)


def _opened(path: Path) -> sqlite3.Connection:
    make_private_directory(path.parent)
    make_private_file(path)
    connection = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
    try:
        _prepare(connection)
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    _use_write_ahead_log(connection)
    connection.execute("PRAGMA synchronous = NORMAL")
    with _transaction(connection):
        for statement in _TABLES.split(";"):
            connection.execute(statement)


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Several processes that open a new file at once collide here, and SQLite does not wait for this statement."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.005)


def _unavailable(reason: str) -> ThrottleUnavailable:
    return ThrottleUnavailable(
        f"The throttles' counts could not be reached: {reason}",
        fix="See that the data directory can be written and is not full. A damaged throttle.sqlite3 may be deleted.",
    )
