"""What a database holds, in numbers: rows by table, the head of each chain of the record, its newest entry.

The same questions are asked of the database that is backed up and of the one that was restored.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from payerwatch.audit.verifying.definition import chain_name

Ask = Callable[[str], Sequence[Sequence[Any]]]
"""Runs a query and gives its rows."""
Progress = Callable[[str, int, int], None]

TABLES = {
    "postgresql": "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') "
    "AND relnamespace = 'public'::regnamespace ORDER BY relname",
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
    "ORDER BY name",
}
_CHAINS = (
    "SELECT chain.customer_id, chain.length, chain.digest, entry.at FROM audit_chain AS chain LEFT JOIN audit_entry "
    "AS entry ON entry.customer_id = chain.customer_id AND entry.position = chain.length",
    "SELECT NULL, chain.length, chain.digest, entry.at FROM audit_installationchain AS chain "
    "LEFT JOIN audit_installationentry AS entry ON entry.position = chain.length",
)
_GUARDS = {
    "postgresql": """
SELECT 'grant of ' || privilege_type || ' on ' || relname || ' to ' || grantee::regrole FROM pg_class
CROSS JOIN LATERAL aclexplode(relacl) WHERE relnamespace = 'public'::regnamespace AND grantee NOT IN (0, relowner)
UNION ALL
SELECT 'grant of ' || privilege_type || ' on ' || proname || ' to ' || grantee::regrole FROM pg_proc
CROSS JOIN LATERAL aclexplode(proacl) WHERE pronamespace = 'public'::regnamespace AND grantee NOT IN (0, proowner)
UNION ALL
SELECT 'function ' || proname || CASE WHEN proacl IS NULL THEN ' for everybody' ELSE '' END FROM pg_proc
WHERE pronamespace = 'public'::regnamespace
UNION ALL SELECT 'policy ' || polname || ' of ' || polrelid::regclass FROM pg_policy
UNION ALL
SELECT 'trigger ' || tgname || ' of ' || tgrelid::regclass || ' ' || tgenabled::text FROM pg_trigger
WHERE NOT tgisinternal
UNION ALL
SELECT 'constraint ' || conname || ' of ' || conrelid::regclass FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND contype IN ('p', 'u', 'f', 'c')
UNION ALL
SELECT 'index ' || relname FROM pg_class WHERE relkind = 'i' AND relnamespace = 'public'::regnamespace
ORDER BY 1
""",
    "sqlite": "SELECT type || ' ' || name FROM sqlite_master WHERE sql IS NOT NULL AND type <> 'table' ORDER BY 1",
}
_MIGRATIONS = "SELECT app, name FROM django_migrations ORDER BY app, name"


@dataclass(frozen=True)
class Contents:
    rows: dict[str, int]
    """By table."""
    chains: dict[str, tuple[int, str]]
    """By the name of a chain its length, and the digest of its newest entry in hexadecimal."""
    migrations: list[str]
    """Which are applied, as `app.name`."""
    guards: list[str]
    """Every grant, policy, trigger, constraint and index, by its name."""
    newest_entry_at: datetime | None


def contents_of(ask: Ask, vendor: str, progress: Progress) -> Contents:
    tables = [name for (name,) in ask(TABLES[vendor])]
    rows = {}
    for done, table in enumerate(tables):
        progress("count", done, len(tables))
        [(rows[table],)] = ask(f'SELECT count(*) FROM "{table}"')
    progress("count", len(tables), len(tables))
    heads = [row for query in _CHAINS for row in ask(query)]
    return Contents(
        rows=rows,
        chains={chain_name(customer): (length, bytes(digest).hex()) for customer, length, digest, _ in heads},
        migrations=[f"{app}.{name}" for app, name in ask(_MIGRATIONS)],
        guards=[guard for (guard,) in ask(_GUARDS[vendor])],
        newest_entry_at=max((_moment(at) for *_, at in heads if at is not None), default=None),
    )


def _moment(stored: datetime | str) -> datetime:
    """SQLite keeps times as text, in UTC."""
    at = datetime.fromisoformat(stored) if isinstance(stored, str) else stored
    return at if at.tzinfo else at.replace(tzinfo=UTC)
