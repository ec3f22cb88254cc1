"""Whether a restored database is what the backup says, and holds together."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.apps import apps
from django.db import connection

from payerwatch.audit.all_chains import all_chains, missing_customers
from payerwatch.audit.stored import verify_stored
from payerwatch.backups.contents import Contents, Progress, contents_of
from payerwatch.backups.manifest import Manifest
from payerwatch.tenancy.models import TenantModel
from payerwatch.tenancy.postgresql.roles import app_role
from payerwatch.tenancy.rows import tenant_keys

_NOT_VALID = """
SELECT 'The constraint ' || conname || ' of ' || conrelid::regclass || ' is not valid.'
FROM pg_constraint WHERE NOT convalidated AND connamespace = 'public'::regnamespace
UNION ALL
SELECT 'The index ' || indexrelid::regclass || ' is not valid.' FROM pg_index
WHERE NOT indisvalid AND indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
"""
_POLICIES = """
SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity
AND EXISTS (SELECT 1 FROM pg_policy WHERE polrelid = pg_class.oid AND polname = 'own_rows')
AND EXISTS (SELECT 1 FROM pg_policy WHERE polrelid = pg_class.oid AND polname = 'migrations')
"""
_TRIGGERS = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
_BEHIND = """
SELECT seq.oid::regclass::text, attrelid::regclass::text, attname FROM pg_class AS seq
JOIN pg_depend ON objid = seq.oid AND classid = 'pg_class'::regclass AND deptype IN ('a', 'i')
JOIN pg_attribute ON attrelid = refobjid AND attnum = refobjsubid
WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace
"""
_APPEND_ONLY = "audit_entry_append_only"
_HELD = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = '{}'"


def problems_of(
    manifest: Manifest, checkpoints: Path, key: Ed25519PublicKey | None, progress: Progress
) -> Iterator[str]:
    """What is wrong with the database that the connection leads to, as the owner of the tables; nothing if all is well.

    1. As many rows in each table as when the backup was made, the same migrations, the same ends of chains; every
       grant, policy, trigger, constraint and index that was there, and no other.
    2. Each chain of the record as it was written, and as the checkpoints in the backup say.
    3. Every constraint and index valid, every key to another table's row of the same customer.
    4. Every customer's table held by its policies or triggers, and the record append-only.
    """
    yield from _differences(manifest.contents, contents_of(_ask, connection.vendor, progress))
    yield from _broken_chains(checkpoints, key, progress)
    yield from _invalid_postgresql() if connection.vendor == "postgresql" else _invalid_sqlite()
    yield from _orphans(progress)
    yield from _unguarded()


def _differences(told: Contents, found: Contents) -> Iterator[str]:
    for table in sorted({*told.rows, *found.rows}):
        before, now = told.rows.get(table), found.rows.get(table)
        if before != now:
            yield f"The table {table} had {_number(before)} rows, and has {_number(now)}."
    for chain in sorted({*told.chains, *found.chains}):
        if told.chains.get(chain) != found.chains.get(chain):
            yield f"The chain {chain} does not end where it ended."
    if told.migrations != found.migrations:
        yield "The migrations that are applied are others."
    for guard in sorted({*told.guards} - {*found.guards}):
        yield f"The {guard} is missing."
    for guard in sorted({*found.guards} - {*told.guards}):
        yield f"The {guard} was not there."


def _number(rows: int | None) -> str:
    return "no" if rows is None else f"{rows:,}"


def _broken_chains(directory: Path, key: Ed25519PublicKey | None, progress: Progress) -> Iterator[str]:
    called = all_chains(directory)
    for done, chain in enumerate(called):
        progress("verify", done, len(called))
        others = [each for each in called if each != chain]
        for problem in verify_stored(chain, others, directory, key).problems:
            if problem.kind != "unvouched":  # so it was when the backup was made
                yield f"{called[chain]}: {problem.in_words()}"
    progress("verify", len(called), len(called))
    for problem in missing_customers():
        yield f"{called[None]}: {problem.in_words()}"


def _invalid_postgresql() -> Iterator[str]:
    for (told,) in _ask(_NOT_VALID):
        yield told
    for sequence, table, column in _ask(_BEHIND):
        [(is_behind,)] = _ask(f"SELECT coalesce(max({column}), 0) > (SELECT last_value FROM {sequence}) FROM {table}")
        if is_behind:
            yield f"The sequence {sequence} is behind the rows of {table}."
    for (is_above,) in _ask(_HELD.format(app_role())):
        if is_above:
            yield "The application's role passes over row policies."


def _invalid_sqlite() -> Iterator[str]:
    for (told,) in _ask("PRAGMA integrity_check"):
        if told != "ok":
            yield "SQLite finds that the file does not hold together."
    for table, *_ in _ask("PRAGMA foreign_key_check"):
        yield f"A row of {table} names one that is not there."


def _orphans(progress: Progress) -> Iterator[str]:
    """Keys within a customer are no plain foreign keys: each is looked at by itself."""
    models = _tenant_models()
    for done, model in enumerate(models):
        progress("check", done, len(models))
        table = model._meta.db_table
        for key in tenant_keys(model):
            parent = key.remote_field.model._meta.db_table
            [(orphans,)] = _ask(
                f'SELECT count(*) FROM "{table}" AS child WHERE "{key.column}" IS NOT NULL AND NOT EXISTS ('
                f'SELECT 1 FROM "{parent}" AS parent '
                f'WHERE parent.id = child."{key.column}" AND parent.customer_id = child.customer_id)'
            )
            if orphans:
                yield f"{orphans:,} rows of {table} name no {parent} of their customer."
    progress("check", len(models), len(models))


def _unguarded() -> Iterator[str]:
    on_postgresql = connection.vendor == "postgresql"
    found = {name for (name,) in _ask(_POLICIES if on_postgresql else _TRIGGERS)}
    for model in _tenant_models():
        table = model._meta.db_table
        wanted = [table] if on_postgresql else [f"{table}_own_rows_{each}" for each in ("insert", "update", "delete")]
        if not found.issuperset(wanted):
            yield f"The rows of {table} are not kept apart by the database."
    triggers = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal" if on_postgresql else _TRIGGERS
    if not any(name.startswith(_APPEND_ONLY) for (name,) in _ask(triggers)):
        yield "The record may be changed: its triggers are not there."


def _tenant_models() -> list[type[TenantModel]]:
    """Those of which the restored database has a table: it may be of an earlier release."""
    there = set(connection.introspection.table_names())
    return [each for each in apps.get_models() if issubclass(each, TenantModel) and each._meta.db_table in there]


def _ask(query: str) -> Sequence[Sequence[Any]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        found: list[tuple] = cursor.fetchall()
    return found
