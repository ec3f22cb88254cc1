"""Backing up a PostgreSQL database, restoring one, and a database to try it in."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection, transaction
from psycopg import sql

from payerwatch.backups.contents import Ask, Progress, contents_of
from payerwatch.backups.manifest import Manifest
from payerwatch.backups.postgres_programs import conninfo, feed, output_of, program
from payerwatch.backups.refusals import (
    BackupRoleMissing,
    BackupRoleSeesTooLittle,
    DatabaseNotEmpty,
    RolesDiffer,
    ScratchInUse,
    ScratchRefused,
)
from payerwatch.backups.snapshot import Snapshot
from payerwatch.config import env
from payerwatch.tenancy.postgresql.roles import (
    MigratorMissing,
    app_role,
    as_migrator,
    make_app_role,
    reached_at,
)

_NO_LIMITS = "-c row_security=off -c statement_timeout=0 -c idle_in_transaction_session_timeout=0"
_SEES_ALL = "SELECT current_user, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
_UNREADABLE = """
SELECT relname FROM pg_class WHERE relkind IN ('r', 'p', 'S') AND relnamespace = 'public'::regnamespace
AND NOT (CASE relkind WHEN 'S' THEN has_sequence_privilege(oid, 'SELECT') ELSE has_table_privilege(oid, 'SELECT') END)
ORDER BY relname
"""
_OWNER = "SELECT relowner::regrole::text FROM pg_class WHERE oid = 'public.tenancy_customer'::regclass"
_THERE = """
SELECT nspname || '.' || relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND nspname !~ '^(pg_|information_schema$)'
AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'e')
UNION ALL
SELECT nspname || '.' || proname || '()' FROM pg_proc JOIN pg_namespace ON pg_namespace.oid = pronamespace
WHERE nspname !~ '^(pg_|information_schema$)'
AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')
UNION ALL
SELECT 'default privileges of ' || defaclrole::regrole FROM pg_default_acl
ORDER BY 1
"""
_END_OWN = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = %s AND usesysid IS NOT NULL AND pg_has_role(usesysid, 'USAGE')
"""
_SCRATCH_LOCK = 7_262_071  # any number, the same everywhere: one backup of a database is tried at a time


@contextmanager
def snapshot(progress: Progress) -> Iterator[Snapshot]:
    """The database at one moment, for as long as the block lasts: what is counted is what is dumped.

    Raises BackupRoleMissing, BackupRoleSeesTooLittle, ProgramMissing, or ImproperlyConfigured where the address for
    backups names another database than the application's.
    """
    env.refuse_to_back_up_another_database()
    address = _address(settings.BACKUP_DATABASE, BackupRoleMissing)
    with _session(address) as session:
        _refuse_to_see_a_part(session)
        server = session.info.server_version // 10000
        pg_dump = program("pg_dump", server)
        session.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        session.read_only = True
        [(name, made_at)] = _ask(session)("SELECT pg_export_snapshot(), clock_timestamp()")
        [(owner,)] = _ask(session)(_OWNER)
        [(size,)] = _ask(session)("SELECT sum(pg_table_size(oid))::bigint FROM pg_class WHERE relkind = 'r'")
        manifest = Manifest(
            vendor="postgresql",
            build=settings.BUILD,
            made_at=made_at,
            server=server,
            app_role=app_role(),
            owner_role=owner,
            contents=contents_of(_ask(session), "postgresql", progress),
        )
        # Uncompressed, as all parts are compressed together.
        arguments = ["--format=custom", "--compress=0", f"--snapshot={name}"]
        yield Snapshot(manifest, output_of("pg_dump", pg_dump, arguments, address), int(size))


def refuse_unless_restorable(manifest: Manifest) -> None:
    """Raises RolesDiffer, MigratorMissing or ProgramMissing."""
    migrator = settings.MIGRATOR_DATABASE
    if migrator is None:
        raise MigratorMissing
    if (manifest.app_role, manifest.owner_role) != (app_role(), migrator["USER"]):
        raise RolesDiffer(manifest.app_role, manifest.owner_role)
    program("pg_restore", manifest.server)


def refuse_unless_empty() -> None:
    """Raises DatabaseNotEmpty."""
    with _session(_migrator_address()) as session:
        found = [name for (name,) in _ask(session)(_THERE)]
    if found:
        raise DatabaseNotEmpty(f"Database {connection.settings_dict['NAME']}", found)


def restore(blocks: Iterable[bytes], manifest: Manifest, name: str) -> None:
    """Restore into a database that is empty: all of it in one transaction, as the owner of the tables.

    Policies, grants, triggers, keys and sequences are in the dump; the application's role is made before, if need be.
    Raises ProgramFailed; then the database is empty still.
    """
    address = _migrator_address() | {"NAME": name}
    with _session(address) as session:
        server = session.info.server_version // 10000
    pg_restore = program("pg_restore", max(server, manifest.server))
    with as_migrator(), transaction.atomic():
        make_app_role()  # but no default privileges: the dump grants on the ground that there are none
    arguments = ["--single-transaction", "--exit-on-error", "--no-owner"]
    feed("pg_restore", pg_restore, arguments, address, blocks)


@contextmanager
def scratch_database() -> Iterator[str]:
    """The name of a new database on the same server, dropped afterwards. Raises ScratchRefused, ScratchInUse.

    One that a killed process left is dropped before.
    """
    address = _migrator_address()
    name = f"{address['NAME']}_verify"[:63]
    with _session(address, autocommit=True) as session:
        session.execute("SELECT pg_advisory_lock(%s)", [_SCRATCH_LOCK])
        _drop(session, name)
        try:
            session.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        except psycopg.errors.InsufficientPrivilege:
            raise ScratchRefused(address["USER"]) from None
        try:
            yield name
        finally:
            _drop(session, name)


def _drop(session: psycopg.Connection, name: str) -> None:
    """Once the sessions are ended that a killed process left. Raises ScratchInUse.

    The statement ends a worker of autovacuum, which works as a superuser, and waits five seconds for whoever else is
    there. With FORCE it would end those sessions itself, but is refused at once where such a worker has just come.
    """
    session.execute(_END_OWN, [name])
    try:
        session.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
    except psycopg.errors.ObjectInUse:
        raise ScratchInUse(name) from None


def _refuse_to_see_a_part(session: psycopg.Connection) -> None:
    [(role, sees_all)] = _ask(session)(_SEES_ALL)
    if not sees_all:
        raise BackupRoleSeesTooLittle(
            role, "is held by row policies", f"As a superuser: ALTER ROLE {role} BYPASSRLS; or name another role."
        )
    unreadable = [name for (name,) in _ask(session)(_UNREADABLE)]
    if unreadable:
        raise BackupRoleSeesTooLittle(
            role, f"may not read {unreadable[0]}", f"As a superuser: GRANT pg_read_all_data TO {role}"
        )
    session.rollback()


def _migrator_address() -> dict[str, Any]:
    return _address(settings.MIGRATOR_DATABASE, MigratorMissing)


def _address(found: dict[str, Any] | None, missing: type[Exception]) -> dict[str, Any]:
    """The database the application uses, reached at the address of another role."""
    if found is None:
        raise missing
    return reached_at(connection.settings_dict, found)


def _session(address: dict[str, Any], *, autocommit: bool = False) -> psycopg.Connection:
    return psycopg.connect(
        conninfo(address), password=address.get("PASSWORD") or None, options=_NO_LIMITS, autocommit=autocommit
    )


def _ask(session: psycopg.Connection) -> Ask:
    return lambda query: session.execute(query).fetchall()
