"""A database to be thrown away, and the roles that use it, on a PostgreSQL server that is there."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import psycopg
from psycopg import sql


class Unavailable(Exception):
    """There is no PostgreSQL to run with; the message says what was looked for."""


@contextmanager
def database_on_given_server(url: str) -> Iterator[dict[str, str]]:
    """What the command finds: a new database on the given server, dropped when it has ended."""
    migrator = os.environ.get("MIGRATOR_DATABASE_URL", "")
    if {urlsplit(each).scheme for each in (url, migrator or url)} - {"postgres", "postgresql"}:
        raise Unavailable("DATABASE_URL does not name a PostgreSQL server. Unset it to have one started.")
    with _connected(migrator or url) as administrator:
        superuser, creates_databases = _rights(administrator)
        if superuser:
            made = _new_roles_and_database(administrator, migrator or url)
        elif not migrator:
            raise Unavailable(
                "DATABASE_URL is set without MIGRATOR_DATABASE_URL, and its role may not create the other. "
                "Set both, or name a superuser in DATABASE_URL."
            )
        elif not creates_databases:
            raise Unavailable(
                "a database of its own is needed, and the role of MIGRATOR_DATABASE_URL may not create one. "
                "Let it (ALTER ROLE ... CREATEDB), or name a superuser in DATABASE_URL and unset MIGRATOR_DATABASE_URL."
            )
        else:
            made = _new_database(administrator, url, migrator)
        with made as urls:
            yield urls


@contextmanager
def _connected(url: str) -> Iterator[psycopg.Connection]:
    try:
        connection = psycopg.connect(url, autocommit=True)
    except psycopg.Error as error:
        raise Unavailable(f"the server that is given cannot be reached: {error}") from None
    with connection:
        yield connection


def _rights(administrator: psycopg.Connection) -> tuple[bool, bool]:
    """Whether it is a superuser, and whether it may create databases."""
    row = administrator.execute("SELECT rolsuper, rolcreatedb FROM pg_roles WHERE rolname = current_user").fetchone()
    return (bool(row[0]), bool(row[1])) if row else (False, False)


@contextmanager
def _new_roles_and_database(administrator: psycopg.Connection, url: str) -> Iterator[dict[str, str]]:
    prefix = f"{_new_name()}_"
    try:
        yield make_roles(administrator, _address_of(administrator), prefix, _connection_options(url))
    finally:
        for database in _databases_of(administrator, prefix.rstrip("_")):
            administrator.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database)))
        for role in ("app", "migrator", "backup"):
            administrator.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(prefix + role)))


@contextmanager
def _new_database(administrator: psycopg.Connection, app_url: str, migrator_url: str) -> Iterator[dict[str, str]]:
    """A new database for the given roles. The application's, if `payerwatch migrate` has to make it, goes as well."""
    database, app = _new_name(), unquote(urlsplit(app_url).username or "")
    was_known = _knows_role(administrator, app)
    try:
        administrator.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
        yield {
            "DATABASE_URL": urlsplit(app_url)._replace(path=f"/{database}").geturl(),
            "MIGRATOR_DATABASE_URL": urlsplit(migrator_url)._replace(path=f"/{database}").geturl(),
            "PAYERWATCH_THROWAWAY": database,
        }
    finally:
        for each in _databases_of(administrator, database):
            administrator.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(each)))
        if not was_known:
            administrator.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(app)))


def _new_name() -> str:
    return f"payerwatch_{secrets.token_hex(6)}"


def _databases_of(administrator: psycopg.Connection, name: str) -> list[str]:
    """The database of this new name, and those that tests made beside it and left."""
    found = administrator.execute(
        "SELECT datname FROM pg_database WHERE starts_with(datname, %s) OR starts_with(datname, %s)",
        [name, f"test_{name}"],
    )
    return [row[0] for row in found]


def _address_of(connection: psycopg.Connection) -> str:
    """`host:port` as a URL writes it; a socket's directory is percent-encoded."""
    return f"{quote(connection.info.host, safe='')}:{connection.info.port}"


def _connection_options(url: str) -> str:
    """How the given URL wants to be connected, such as sslmode, for the new roles' URLs too."""
    replaced = {"user", "password", "host", "hostaddr", "port", "dbname", "options", "service"}
    kept = [(name, value) for name, value in parse_qsl(urlsplit(url).query) if name not in replaced]
    return f"?{urlencode(kept)}" if kept else ""


def make_roles(administrator: psycopg.Connection, address: str, prefix: str, options: str = "") -> dict[str, str]:
    """Make the migrator and its database and the role for backups, and give what the command finds in its environment.

    `payerwatch migrate` makes the role app.
    """
    migrator, app, database = f"{prefix}migrator", f"{prefix}app", f"{prefix}payerwatch" if prefix else _new_name()
    backup = f"{prefix}backup"
    passwords = {role: secrets.token_urlsafe(16) for role in (migrator, app, backup)}
    for role, rights in ((migrator, "CREATEROLE CREATEDB"), (backup, "BYPASSRLS IN ROLE pg_read_all_data")):
        statement = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} " + rights)
        administrator.execute(statement.format(sql.Identifier(role), sql.Literal(passwords[role])))
    create = sql.SQL("CREATE DATABASE {} OWNER {}")
    administrator.execute(create.format(sql.Identifier(database), sql.Identifier(migrator)))
    return {
        "DATABASE_URL": f"postgresql://{app}:{passwords[app]}@{address}/{database}{options}",
        "MIGRATOR_DATABASE_URL": f"postgresql://{migrator}:{passwords[migrator]}@{address}/{database}{options}",
        "PAYERWATCH_THROWAWAY": database,
        "PAYERWATCH_BACKUP_ROLE": f"{backup}:{passwords[backup]}",
    }


def _knows_role(administrator: psycopg.Connection, role: str) -> bool:
    return administrator.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone() is not None
