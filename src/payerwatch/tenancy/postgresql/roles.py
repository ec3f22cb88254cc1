"""The two database roles: becoming the migrator for a while, and making the role the application uses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, OperationalError, ProgrammingError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

from payerwatch.tenancy.postgresql.ahead import LIMITS
from payerwatch.tenancy.postgresql.pooling import POOL
from payerwatch.tenancy.postgresql.reaching import Hindrance, hindrance_of
from payerwatch.tenancy.postgresql.watched import ANSWERS_WITHIN

MIGRATING = "MIGRATING"  # key in a connection's settings while it belongs to the migrator
_GRANTS = (
    "GRANT USAGE ON SCHEMA public TO {role}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO {role}",
)
_ABOVE_POLICIES = ("is a superuser", "has BYPASSRLS", "owns the tables, or belongs to the role that does")
_ROLE_LOCK = 7_262_061  # any number, the same everywhere: one migration at a time prepares the role


class MigratorMissing(ImproperlyConfigured):
    """MIGRATOR_DATABASE_URL is needed to create or change tables on PostgreSQL."""

    def __init__(self) -> None:
        super().__init__(
            "MIGRATOR_DATABASE_URL is not set. On PostgreSQL tables belong to a role of their own: set it to "
            "postgresql://migrator:password@host:5432/database, a role with CREATEROLE owning the database."
        )


class RolesNotApart(ImproperlyConfigured):
    """DATABASE_URL and MIGRATOR_DATABASE_URL name the same role, so no row policy would hold."""

    def __init__(self, role: str) -> None:
        super().__init__(
            f"DATABASE_URL and MIGRATOR_DATABASE_URL both name the role {role!r}, which owns the tables and "
            f"would see every customer's rows. Name another role, for example app, in DATABASE_URL; "
            f"`payerwatch migrate` creates it."
        )


class ApplicationKeptOut(ImproperlyConfigured):
    """The tables are there, and the application cannot connect as DATABASE_URL says."""

    def __init__(self, hindrance: Hindrance) -> None:
        super().__init__(
            f"The migrations are applied, but the application cannot connect as DATABASE_URL says. "
            f"{hindrance.message} {hindrance.fix}"
        )


class RoleIgnoresPolicies(ImproperlyConfigured):
    """The role of DATABASE_URL is one that row policies do not hold."""

    def __init__(self, role: str, reason: str) -> None:
        super().__init__(
            f"The role {role!r} of DATABASE_URL {reason}, so row policies would not hold and customers could "
            f"see each other's rows. Name an ordinary role, for example app, in DATABASE_URL; "
            f"`payerwatch migrate` creates it. For this one: ALTER ROLE ... NOSUPERUSER NOBYPASSRLS."
        )


def app_role(alias: str = DEFAULT_DB_ALIAS) -> str:
    """The name of the role the application connects as: the user of DATABASE_URL."""
    return str(settings.DATABASES[alias]["USER"])


@contextmanager
def as_migrator(alias: str = DEFAULT_DB_ALIAS) -> Iterator[None]:
    """Connect as the owner of the tables within the block, and as the application again after it.

    Only this thread's connection changes. Elsewhere than on PostgreSQL nothing does. Raises MigratorMissing,
    RolesNotApart, or TransactionManagementError inside a transaction, which could not survive.
    """
    connection: Any = connections[alias]
    if connection.vendor != "postgresql" or connection.settings_dict.get(MIGRATING):
        yield
        return
    connection.validate_no_atomic_block()
    own = connection.settings_dict
    migrator = _migrator_settings(own)
    connection.close()
    connection.close_pool()
    connection.settings_dict = migrator
    try:
        yield
    finally:
        connection.close()
        own["NAME"] = connection.settings_dict["NAME"]
        connection.settings_dict = own


def _migrator_settings(own: dict[str, Any]) -> dict[str, Any]:
    migrator = settings.MIGRATOR_DATABASE
    if migrator is None:
        raise MigratorMissing
    if migrator["USER"] == own["USER"]:
        raise RolesNotApart(own["USER"])
    return reached_at(own, migrator) | {MIGRATING: True, POOL: 0, LIMITS: (), ANSWERS_WITHIN: None}


def reached_at(own: dict[str, Any], address: dict[str, Any]) -> dict[str, Any]:
    """A connection's settings, with the role and server of another address; the database is the same."""
    swapped: dict[str, Any] = {key: address[key] for key in ("USER", "PASSWORD", "HOST", "PORT") if key in address}
    options = {**own["OPTIONS"], **address.get("OPTIONS", {})}  # such as sslmode; the address has the last word
    return {**own, **swapped, "OPTIONS": options}


def refuse_connected_role_above_policies(connection: Any) -> None:
    """Raise RoleIgnoresPolicies if row policies do not hold whoever is connected, as the database sees it.

    Both roles count: who logged in (a settings file, the environment or the system user may have chosen it) and
    whom a connection option set instead; the first can always be returned to.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, session_user")
        roles = cursor.fetchone()
    for role in dict.fromkeys(roles):
        refuse_a_role_above_policies(connection, role)


def refuse_a_role_above_policies(connection: Any, role: str) -> None:
    """Raise RoleIgnoresPolicies if row policies do not hold this role: superuser, BYPASSRLS, owner, unknown."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT rolsuper, rolbypassrls, coalesce((SELECT pg_has_role(r.oid, relowner, 'USAGE') "
            "FROM pg_class WHERE oid = to_regclass('tenancy_customer')), false) "
            "FROM pg_roles r WHERE rolname = %s",
            [role],
        )
        found = cursor.fetchone()
    if found is None:
        raise RoleIgnoresPolicies(role, "is not known to the server")
    for applies, reason in zip(found, _ABOVE_POLICIES, strict=True):
        if applies:
            raise RoleIgnoresPolicies(role, reason)


def prepare_app_role(alias: str = DEFAULT_DB_ALIAS) -> None:
    """Create the application's role if there is none, and let it use what the migrator will create.

    Called as migrator. Raises RoleIgnoresPolicies.
    """
    role = sql.Identifier(app_role(alias))
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        make_app_role(alias)
        for statement in _GRANTS:
            cursor.execute(sql.SQL(statement).format(role=role))
        _let_migrator_see_what_app_does(cursor, role)


def make_app_role(alias: str = DEFAULT_DB_ALIAS) -> None:
    """Create the application's role if there is none. Called as migrator, in a transaction.

    A role that exists keeps its password and attributes; one that row policies do not hold is refused
    (RoleIgnoresPolicies).
    """
    connection = connections[alias]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_ROLE_LOCK])
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [app_role(alias)])
        if cursor.fetchone() is None:
            _create_role(connection, alias)
        refuse_a_role_above_policies(connection, app_role(alias))


def _let_migrator_see_what_app_does(cursor: Any, role: sql.Identifier) -> None:
    """Who belongs to a role sees since when its connections hold what is in the way of a migration.

    Where the role was made by somebody else, from PostgreSQL 16 on only they may; then it is not seen.
    """
    with suppress(ProgrammingError), transaction.atomic():
        cursor.execute(sql.SQL("GRANT {role} TO CURRENT_USER").format(role=role))


def refuse_unless_application_connects(alias: str = DEFAULT_DB_ALIAS) -> None:
    """Connect as DATABASE_URL says: a role that was there before keeps the password that it had.

    Asked of the application's connection, not within `as_migrator`. Raises ApplicationKeptOut, RoleIgnoresPolicies, or
    OperationalError where it is not known what is in the way.
    """
    connection = connections[alias]
    try:
        connection.ensure_connection()
    except OperationalError as error:
        if hindrance := hindrance_of(error.__cause__):
            raise ApplicationKeptOut(hindrance) from None
        raise
    finally:
        connection.close()


def keep_migration_history_from_app(alias: str = DEFAULT_DB_ALIAS) -> None:
    """Leave the application only the reading of django_migrations. Called as migrator, after migrating."""
    connection = connections[alias]
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('django_migrations') IS NOT NULL")
        if cursor.fetchone()[0]:
            statement = sql.SQL("REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {role}")
            cursor.execute(statement.format(role=sql.Identifier(app_role(alias))))


def _create_role(connection: BaseDatabaseWrapper, alias: str) -> None:
    # Roles belong to the whole server and the lock to one database: a role made meanwhile is as good.
    role, password = app_role(alias), settings.DATABASES[alias]["PASSWORD"]
    create = sql.SQL("CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD {password}")
    statement = create.format(role=sql.Identifier(role), password=_verifier(connection, role, password))
    tolerant = sql.SQL("DO {body}").format(
        body=sql.Literal(
            f"BEGIN {statement.as_string(connection.connection)}; "
            f"EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END"
        )
    )
    with connection.cursor() as cursor:
        cursor.execute(tolerant)


def _verifier(connection: BaseDatabaseWrapper, role: str, password: str) -> sql.Literal:
    """What the server stores for a password, computed here so that its log never shows the password."""
    if not password:
        return sql.Literal(None)
    pgconn = connection.connection.pgconn
    return sql.Literal(pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode())
