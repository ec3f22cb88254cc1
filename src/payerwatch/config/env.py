"""The environment, read once, typed, and loud about what it cannot read."""

import os
from pathlib import Path
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

POSTGRESQL = "payerwatch.tenancy.postgresql"
SQLITE = "payerwatch.tenancy.sqlite"


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, default).strip()


def flag(name: str, *, default: bool = False) -> bool:
    """A yes or no. Raises ImproperlyConfigured for any other word."""
    value = text(name).lower()
    if not value:
        return default
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} must be yes or no, not {value!r}.")


def data_directory() -> Path:
    """Where the embedded database and uploaded files live: PAYERWATCH_DATA_DIR, else ./data."""
    return Path(text("PAYERWATCH_DATA_DIR", "data")).absolute()


_RATE_PREFIX = "PAYERWATCH_RATE_"


def rate_variable(policy: str) -> str:
    """The variable that sets a policy's rate: PAYERWATCH_RATE_SIGN_IN_ACCOUNT for sign_in_account."""
    return _RATE_PREFIX + policy.upper()


def rates(defaults: dict[str, str]) -> dict[str, str]:
    """Each policy's rate as written, from its variable or else as given. Refuses a variable of no policy."""
    known = {rate_variable(policy) for policy in defaults}
    unknown = sorted(name for name in os.environ if name.startswith(_RATE_PREFIX) and name not in known)
    if unknown:
        raise ImproperlyConfigured(f"{unknown[0]}: there is no such rate. There are {', '.join(sorted(known))}.")
    return {policy: text(rate_variable(policy)) or rate for policy, rate in defaults.items()}


def database() -> dict[str, Any]:
    """The database the application uses: DATABASE_URL, else SQLite in the data directory."""
    url = text("DATABASE_URL")
    if not url:
        return {"ENGINE": SQLITE, "NAME": str(data_directory() / "payerwatch.sqlite3")}
    return _from_url("DATABASE_URL", url)


def migrator_database() -> dict[str, Any] | None:
    """The role that owns the tables: MIGRATOR_DATABASE_URL, or None where it is not set."""
    url = text("MIGRATOR_DATABASE_URL")
    if not url:
        return None
    migrator = _from_url("MIGRATOR_DATABASE_URL", url)
    _refuse_another_database(migrator, database())
    return migrator


def _from_url(name: str, url: str) -> dict[str, Any]:
    try:
        parsed = dict(dj_database_url.parse(url))
    except (dj_database_url.ParseError, dj_database_url.UnknownSchemeError, ValueError):
        # The address holds a password: it is not repeated.
        raise ImproperlyConfigured(
            f"{name} cannot be read. Write it as postgresql://user:password@host:5432/database or sqlite:///path."
        ) from None
    engines = {"django.db.backends.postgresql": POSTGRESQL, "django.db.backends.sqlite3": SQLITE}
    if parsed["ENGINE"] not in engines:
        raise ImproperlyConfigured(f"{name} must name a PostgreSQL or SQLite database.")
    if engines[parsed["ENGINE"]] == POSTGRESQL:
        _refuse_what_others_would_choose(name, parsed)
    return parsed | {"ENGINE": engines[parsed["ENGINE"]]}


def _refuse_what_others_would_choose(name: str, parsed: dict[str, Any]) -> None:
    """Left out, the user and the database would be whatever PGUSER, a service file or the system's user says."""
    missing = [word for word, key in (("user", "USER"), ("database", "NAME")) if not parsed[key]]
    if missing:
        raise ImproperlyConfigured(
            f"{name} names no {' and no '.join(missing)}. Write it as postgresql://user:password@host:5432/database."
        )


def _refuse_another_database(migrator: dict[str, Any], application: dict[str, Any]) -> None:
    """Both addresses must lead to one database; the host and port are compared where both give them."""
    if application["ENGINE"] != migrator["ENGINE"]:
        return
    for word, key in (("database", "NAME"), ("host", "HOST"), ("port", "PORT")):
        own, other = application[key], migrator[key]
        if own != other and (key == "NAME" or (own and other)):
            raise ImproperlyConfigured(
                f"MIGRATOR_DATABASE_URL names the {word} {other!r} and DATABASE_URL {own!r}. "
                f"Both must name the same database on the same server, each with its own role."
            )
