"""The counts of an installation on PostgreSQL: one function call, on connections of their own that commit at once."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import psycopg

from payerwatch.throttling.refusals import ThrottleUnavailable
from payerwatch.throttling.verdict import Bucket, Counted
from payerwatch.throttling.window import Held

CONNECTIONS = 4  # at most, for each process
ANSWER_SECONDS = 1.0  # to wait for a free connection, and again for the server's answer
CONNECT_SECONDS = 2  # the least that libpq knows

# Lists are written here: the driver looks at each element to see what it is, which takes longer than all else.
_TAKE = "SELECT allowed, moment, hits, leaves FROM throttling_take(%s, %s::bytea[], %s::integer[], %s::bigint[])"
_GIVE_BACK = "SELECT throttling_give_back(%s, %s::bytea[])"


class PostgresqlStore:
    """Counts in the table throttling_hit through throttling_take, by the server's clock."""

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        """`parameters` are psycopg's, as Django's connection has them."""
        self._parameters = {**parameters, "connect_timeout": CONNECT_SECONDS, "autocommit": True}
        self._idle: list[_Connection] = []
        self._places = threading.BoundedSemaphore(CONNECTIONS)

    def take(self, receipt: int, buckets: Sequence[Bucket]) -> Counted:
        """Count one hit in each of the buckets, or in none if one of them is full."""
        limits = _written(bucket.rate.limit for bucket in buckets)
        windows = _written(bucket.rate.window for bucket in buckets)
        rows = self._ask(_TAKE, [receipt, _digests(buckets), limits, windows])
        return Counted(rows[0][0], rows[0][1], tuple(Held(hits, leaves) for _, _, hits, leaves in rows))

    def give_back(self, receipt: int, buckets: Sequence[Bucket]) -> None:
        """Remove what was counted under this receipt, and nothing else."""
        self._ask(_GIVE_BACK, [receipt, _digests(buckets)])

    def close(self) -> None:
        """Close the connections nobody is using."""
        while (connection := self._taken_from_idle()) is not None:
            connection.close()

    def _ask(self, statement: str, values: list[Any]) -> list[tuple]:
        with self._place():
            try:
                return self._answer(statement, values)
            except psycopg.Error as error:
                raise _unavailable(f"{type(error).__name__}: {str(error).splitlines()[0]}") from error

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._places.acquire(timeout=ANSWER_SECONDS):
            raise _unavailable(f"none of {CONNECTIONS} connections was free")
        try:
            yield
        finally:
            self._places.release()

    def _answer(self, statement: str, values: list[Any]) -> list[tuple]:
        """A connection that the server closed while it was idle is replaced once; if it answered late it is not."""
        used = self._taken_from_idle()
        if used is not None:
            with suppress(_Dropped):
                return self._run(used, statement, values)
        return self._run(_Connection.connect(**self._parameters), statement, values)

    def _taken_from_idle(self) -> _Connection | None:
        with suppress(IndexError):  # another thread may take the last one at any time
            return self._idle.pop()
        return None

    def _run(self, connection: _Connection, statement: str, values: list[Any]) -> list[tuple]:
        try:
            rows: list[tuple] = connection.execute(statement, values).fetchall()
        except psycopg.Error as error:
            dropped = connection.broken
            connection.close()
            self.close()  # the others were made as long ago: each that is gone too would cost somebody an answer
            if dropped:
                raise _Dropped(str(error)) from error
            raise
        self._idle.append(connection)
        return rows


class _Dropped(psycopg.OperationalError):
    """The server had closed the connection."""


class _Connection(psycopg.Connection):
    """A connection that waits for an answer only so long, whether the server is slow, stopped or out of reach."""

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = ANSWER_SECONDS) -> Any:
        return super().wait(gen, interval, timeout)


def _digests(buckets: Sequence[Bucket]) -> str:
    return _written(f'"\\\\x{bucket.digest.hex()}"' for bucket in buckets)


def _written(elements: Iterable[object]) -> str:
    """An array as PostgreSQL reads it."""
    return f"{{{','.join(map(str, elements))}}}"


def _unavailable(reason: str) -> ThrottleUnavailable:
    return ThrottleUnavailable(
        f"The throttles' counts could not be reached: {reason}",
        fix="See that PostgreSQL answers and that `payerwatch migrate` has been run.",
    )
