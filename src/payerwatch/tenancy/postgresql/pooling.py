"""Connections that a process's threads take in turn. What one of them left on a connection, the next never meets.

The pool is psycopg's. It opens connections as they are needed, up to so many, and in threads of its own: a thread
that needs one while none is free, or while the server is away, waits for it and then gives up.
"""

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool

from payerwatch.tenancy.postgresql.watched import WatchedConnection

POOL = "POOL"  # key in a connection's settings: the most connections that this process has, if it has a pool
BEHIND_PGBOUNCER = (
    "BEHIND_PGBOUNCER"  # key there too: in transaction mode, so each transaction may be on another server
)
LONGEST_LIFE = 60  # seconds; then a connection is made anew, and its role looked at again
WAIT_SECONDS = 5
TRUSTED_SECONDS = 1.0
"""For so long after it was used a connection is taken to be there still; after that the server is asked first."""

Configure = Callable[[psycopg.Connection[Any]], object]
_pools: dict[tuple[int, str], ConnectionPool[Any]] = {}


def pool_of(alias: str, most: int, parameters: Callable[[], Mapping[str, Any]], configure: Configure) -> Any:
    """The pool of this process, made when it is first asked for; a forked process never has its parent's."""
    key = (os.getpid(), alias)
    if key not in _pools:
        made = _pool(most, {**parameters(), "autocommit": True}, configure)
        _pools.setdefault(key, made)  # of threads that ask at once the first has made it; the others' was never opened
    return _pools[key]


def close_pool(alias: str) -> None:
    """Close what nobody uses now; what is in use is closed when it is given back. The next use makes another pool."""
    pool = _pools.pop((os.getpid(), alias), None)
    if pool is not None:
        pool.close()


def note_use(connection: Any) -> None:
    """Called as it is given back."""
    connection.used_at = time.monotonic()


def _pool(most: int, parameters: Mapping[str, Any], configure: Configure) -> ConnectionPool[Any]:
    def check(connection: Any) -> None:
        """Raises psycopg.Error if the server is gone. The other connections are then gone as well."""
        if time.monotonic() - connection.used_at < TRUSTED_SECONDS:
            return
        try:
            # plain: with its own factory's, limits would go before it
            with connection.asked_whether_it_is_there(), psycopg.Cursor(connection) as cursor:
                cursor.execute("SELECT")
        except psycopg.Error:
            pool.drain()
            raise

    def configured(connection: psycopg.Connection[Any]) -> None:
        configure(connection)
        note_use(connection)

    pool: ConnectionPool[Any] = ConnectionPool(
        connection_class=WatchedConnection,
        kwargs=dict(parameters),
        open=False,
        configure=configured,
        check=check,
        min_size=0,
        max_size=most,
        timeout=WAIT_SECONDS,
        max_lifetime=LONGEST_LIFE,
        max_idle=LONGEST_LIFE,
        reconnect_timeout=WAIT_SECONDS,  # else a server that comes back is found late: each pause is twice the last
    )
    return pool
