"""Why PostgreSQL let nobody in, in words of our own: the driver's may hold an address or a value."""

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import psycopg
from django.conf import settings

Address = dict[str, Any]


class Hindrance(NamedTuple):
    """What is in the way of a connection, and how it is mended."""

    message: str
    fix: str


class _Kind(NamedTuple):
    """By the SQLSTATE it is known, or by words: while a connection is made the driver tells no state."""

    states: tuple[str, ...]
    sign: str
    message: str
    fix: str


# Of several addresses tried in turn each may fail in its own way: what a server said comes before that none was there.
_KINDS = (
    _Kind(
        ("28P01",),
        r"password authentication failed|SASL authentication failed|no password supplied",
        "The database refused the password of the role {role}.",
        "Put its password into {variable}, or let the role have that one: \\password {role} in psql. "
        "The application's role, where it is not there yet, is made by payerwatch migrate.",
    ),
    _Kind(
        ("28000",),
        r'role ".*" does not exist|no such user',
        "The database knows no role {role}.",
        "Check the user in {variable}; the application's role is made by payerwatch migrate.",
    ),
    _Kind(
        ("28000",),
        r"is not permitted to log in",
        "The role {role} may not log in.",
        "Let it, as a superuser: ALTER ROLE {role} LOGIN",
    ),
    _Kind(
        ("28000",),
        r"no pg_hba\.conf entry|pg_hba\.conf rejects|[Aa]uthentication failed for user",
        "The database lets the role {role} not in from this machine.",
        "Add a line for the role, the database and this machine to the server's pg_hba.conf, and reload it.",
    ),
    _Kind(
        ("3D000",),
        r'database ".*" does not exist|no such database',
        "There is no database {database} at {place}.",
        "Check its name in {variable}, or make it, owned by the migrator's role: CREATE DATABASE {database} OWNER …",
    ),
    _Kind(
        ("53300",),
        r"too many (clients|connections)|remaining connection slots|no more connections allowed",
        "The database has no connection free.",
        "End what holds them, or raise max_connections: docs/operating.md says how many are needed.",
    ),
    _Kind(
        ("57P01", "57P02", "57P03"),
        r"the database system is",
        "The database is starting or ending.",
        "Wait until it is up, and try again.",
    ),
    _Kind(
        ("42501",),
        r"permission denied for",
        "The role {role} may not use what it needs in the database.",
        "Run payerwatch migrate, which grants it.",
    ),
    _Kind(
        (),
        r"SSL|certificate",
        "No encrypted connection to {place} could be made.",
        "Check sslmode and sslrootcert in {variable}, and the server's certificate.",
    ),
    _Kind(
        (),
        r"Connection refused|No such file or directory",
        "Nothing listens at {place}.",
        "Check host and port in {variable}, and that the server runs.",
    ),
    _Kind(
        (),
        r"failed to resolve host|could not translate host name",
        "The host {host} is not known.",
        "Check the host in {variable}, and that this machine can look names up.",
    ),
    _Kind(
        (),
        r"timeout expired|timed out|does not answer|No route to host|Network is unreachable",
        "The database at {place} does not answer.",
        "Check host and port in {variable}, that the server runs, and that the network lets this machine reach it.",
    ),
)


def hindrance_of(error: BaseException | None) -> Hindrance | None:
    """What psycopg's error means for whoever runs the installation; None where it is none of these."""
    if not isinstance(error, psycopg.Error):
        return None
    words = str(error)
    for kind in _KINDS:
        if re.search(kind.sign, words) or (error.sqlstate and error.sqlstate in kind.states):
            named = _named(error)
            return Hindrance(kind.message.format(**named), kind.fix.format(**named))
    return None


def _named(error: psycopg.Error) -> dict[str, str]:
    """The variable whose address was tried, and what it names; never its password."""
    variable, address = next(_tried(error), ("DATABASE_URL", settings.DATABASES["default"]))
    host, port = address.get("HOST") or "this machine", address.get("PORT") or 5432
    return {
        "variable": variable,
        "role": str(address.get("USER", "")),
        "database": str(address.get("NAME", "")),
        "host": str(host),
        "place": f"{host}, port {port}",
    }


def _tried(error: psycopg.Error) -> Iterator[tuple[str, Address]]:
    """Those of the role that was to be connected; where the driver did not come so far, of the host it names."""
    role = None
    with suppress(psycopg.Error):
        role = error.pgconn.user.decode() if error.pgconn else None
    for variable, address in _addresses():
        if address.get("USER") == role if role else f"'{address.get('HOST')}'" in str(error):
            yield variable, address


def _addresses() -> Iterator[tuple[str, Address]]:
    named = {
        "DATABASE_URL": settings.DATABASES["default"],
        "MIGRATOR_DATABASE_URL": settings.MIGRATOR_DATABASE,
        "PAYERWATCH_BACKUP_DATABASE_URL": settings.BACKUP_DATABASE,
        "PAYERWATCH_DIRECT_DATABASE_URL": settings.DIRECT_DATABASE,
    }
    return ((variable, address) for variable, address in named.items() if address)
