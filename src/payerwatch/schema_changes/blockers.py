"""Who keeps a lock from being had: which connection, since when, and what it is doing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper

if TYPE_CHECKING:
    from payerwatch.schema_changes.locks import TableLock

_ANY = ("AccessShareLock", "RowShareLock", "RowExclusiveLock")
_CHANGES = ("ShareUpdateExclusiveLock", "ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock")
_CONFLICTS = {
    "ACCESS EXCLUSIVE": (*_ANY, *_CHANGES),
    "SHARE ROW EXCLUSIVE": ("RowExclusiveLock", *_CHANGES),
    "SHARE UPDATE EXCLUSIVE": _CHANGES,
}
"""By mode, the modes that it cannot be held beside: https://www.postgresql.org/docs/15/explicit-locking.html"""

_HOLDERS = """
SELECT DISTINCT ON (held.pid) held.pid, held.relation::regclass::text, coalesce(at.usename, at.backend_type, ''),
    coalesce(at.state, ''), extract(epoch FROM clock_timestamp() - at.xact_start)
FROM pg_locks AS held LEFT JOIN pg_stat_activity AS at USING (pid)
WHERE held.locktype = 'relation' AND held.granted AND held.pid <> pg_backend_pid()
    AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND (held.relation::regclass::text, held.mode) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
ORDER BY held.pid
"""


class Blocker(NamedTuple):
    """A connection that holds a lock. What it asks is not told: it may hold values."""

    pid: int
    table: str
    role: str
    state: str
    seconds: float | None
    """Since its transaction began; None where the role that asks may not see it (it needs pg_read_all_stats)."""

    def in_words(self) -> str:
        since = "for a time that is not shown to this role" if self.seconds is None else f"for {self.seconds:.1f} s"
        doing = f", {self.state}" if self.state else ""
        return f"pid {self.pid} ({self.role or 'unknown'}{doing}) has used {self.table} {since}"


def blockers_of(connection: BaseDatabaseWrapper, locks: Sequence[TableLock]) -> list[Blocker]:
    """Who holds what stands in the way of these now; the oldest transaction first."""
    pairs = [(lock.table, mode) for lock in locks for mode in _CONFLICTS[lock.mode]]
    with connection.cursor() as cursor:
        cursor.execute(_HOLDERS, [[table for table, _ in pairs], [mode for _, mode in pairs]])
        rows = cursor.fetchall()
    found = [
        Blocker(pid, table, role, state, None if seconds is None else float(seconds))
        for pid, table, role, state, seconds in rows
    ]
    return sorted(found, key=lambda each: -(each.seconds or 0))
