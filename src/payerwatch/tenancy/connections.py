"""How a process that lasts has its connections to PostgreSQL: shared by its threads, and with an end to waiting.

A command has one, for as long as it takes; so nothing is said here unless the process is a server's or a worker.
SQLite has no connections to share.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, connections

from payerwatch.config.limits import Limits
from payerwatch.tenancy.postgresql.ahead import LIMITS
from payerwatch.tenancy.postgresql.pooling import BEHIND_PGBOUNCER, POOL
from payerwatch.tenancy.postgresql.roles import reached_at
from payerwatch.tenancy.postgresql.watched import ANSWERS_WITHIN, MARGIN

LOCK_MILLISECONDS = 150
"""For which whoever asks apart waits for a lock."""
OWN_ANSWERS_WITHIN = 10.0
"""Seconds, on the connection by which a worker lives: it asks for little there, and is taken for dead after fifteen."""


def limit_time(limits: Limits) -> None:
    """From now on the server breaks off what this process asks for and what takes longer than that.

    Where the server says nothing although it should have broken off, this process gives it up a little later.

    It is said with each transaction, in the message that begins it, and never to the connection: behind a pool in
    transaction mode what is said to a connection is heard by whoever has it next.
    """
    named = {"statement_timeout": limits.statement, "idle_in_transaction_session_timeout": limits.idle}
    statements = tuple(f"SET LOCAL {name} = '{seconds}s'" for name, seconds in named.items() if seconds)
    _settings()[LIMITS] = statements
    _settings()[ANSWERS_WITHIN] = limits.statement + MARGIN if limits.statement else None


def share_connections(most: int) -> None:
    """From now on this process has at most so many, each of which one thread has at a time. Not to be called twice."""
    if connection.vendor == "postgresql":
        connection.close()
        _settings().update({POOL: most, "CONN_MAX_AGE": 0})


def have_own_connection() -> bool:
    """Give this thread one that it shares with nobody, past PgBouncer where the way is known.

    Whether what is notified is told there: it is not through PgBouncer.
    """
    connection.close()
    own = connection.settings_dict | {POOL: 0, ANSWERS_WITHIN: OWN_ANSWERS_WITHIN}
    if settings.DIRECT_DATABASE is not None:
        own = reached_at(own, settings.DIRECT_DATABASE) | {BEHIND_PGBOUNCER: False}
    connection.settings_dict = own
    return not own.get(BEHIND_PGBOUNCER)


def ask_apart(*, seconds: int = 1) -> None:
    """Give this thread a connection of its own, which is made anew, and on which nothing takes longer than that.

    For locks that others hold it waits but a moment.
    """
    connection.close()
    limit = (f"SET LOCAL statement_timeout = '{seconds}s'", f"SET LOCAL lock_timeout = '{LOCK_MILLISECONDS}ms'")
    own = connection.settings_dict | {POOL: 0, "CONN_MAX_AGE": 0, LIMITS: limit, ANSWERS_WITHIN: seconds + 1}
    if connection.vendor == "postgresql":
        own["OPTIONS"] = own["OPTIONS"] | {"connect_timeout": seconds}
    connection.settings_dict = own


@contextmanager
def leading_to(name: str) -> Iterator[None]:
    """Within the block this thread asks another database of the same server; on SQLite, of another file.

    Raises TransactionManagementError inside a transaction.
    """
    connection.validate_no_atomic_block()
    own, open_one = connection.settings_dict, connection.connection
    connection.connection, connection.settings_dict = None, own | {"NAME": name, POOL: 0}
    try:
        yield
    finally:
        connection.close()
        connection.connection, connection.settings_dict = open_one, own


def _settings() -> dict[str, Any]:
    """Those that every thread's connection is made from."""
    found: dict[str, Any] = connections.settings[DEFAULT_DB_ALIAS]
    return found
