"""The environment, read once, typed, and loud about what it cannot read."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key

from payerwatch.config.private_files import make_private_directory

POSTGRESQL = "payerwatch.tenancy.postgresql"
SQLITE = "payerwatch.tenancy.sqlite"
CONNECTION_SECONDS = 60  # for which a server keeps one; then it is made anew, and its role looked at again
A_DAY = range(24 * 3600 + 1)  # seconds

# Every variable that an operator may set, apart from the rates', which have a policy's name in theirs.
VARIABLES = (
    "DATABASE_URL",
    "MIGRATOR_DATABASE_URL",
    "PAYERWATCH_ALLOW_PRIVATE_ENDPOINTS",
    "PAYERWATCH_BACKUP_DATABASE_URL",
    "PAYERWATCH_BACKUP_KEY",
    "PAYERWATCH_BEHIND_PGBOUNCER",
    "PAYERWATCH_BUILD",
    "PAYERWATCH_CHECKPOINT_DIR",
    "PAYERWATCH_CHECKPOINT_KEY",
    "PAYERWATCH_DATA_DIR",
    "PAYERWATCH_DEBUG",
    "PAYERWATCH_DIRECT_DATABASE_URL",
    "PAYERWATCH_FIELD_KEYS",
    "PAYERWATCH_HOSTS",
    "PAYERWATCH_HTTPS",
    "PAYERWATCH_KEEP_FILES_DAYS",
    "PAYERWATCH_LARGEST_UPLOAD",
    "PAYERWATCH_LEAST_DISK",
    "PAYERWATCH_LOG_LEVEL",
    "PAYERWATCH_MAIL_FROM",
    "PAYERWATCH_MAIL_URL",
    "PAYERWATCH_METRICS_TOKEN",
    "PAYERWATCH_OLD_SECRET_KEYS",
    "PAYERWATCH_POSTGRES_PROGRAMS",
    "PAYERWATCH_SECRET_KEY",
    "PAYERWATCH_SESSION_IDLE_MINUTES",
    "PAYERWATCH_TRUSTED_PROXIES",
    "PAYERWATCH_URL",
    "PAYERWATCH_WEB_CONNECTIONS",
    "PAYERWATCH_WEB_IDLE_SECONDS",
    "PAYERWATCH_WEB_STATEMENT_SECONDS",
    "PAYERWATCH_WEB_WAIT_MILLISECONDS",
    "PAYERWATCH_WORK_IDLE_SECONDS",
    "PAYERWATCH_WORK_STATEMENT_SECONDS",
)
# What tests and scripts/ read.
VARIABLES_OF_TESTS = (
    "PAYERWATCH_BACKUP_ROLE",
    "PAYERWATCH_POSTGRES",
    "PAYERWATCH_PROOF",
    "PAYERWATCH_SAMPLES_DIR",
    "PAYERWATCH_SKIPS",
    "PAYERWATCH_THROWAWAY",
)


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


def whole_number(name: str, default: int, allowed: range) -> int:
    """A number without fractions. Raises ImproperlyConfigured for anything else, or outside what is allowed."""
    value = text(name) or str(default)
    if not (value.isascii() and value.isdigit() and int(value[:9]) in allowed):
        raise ImproperlyConfigured(f"{name} must be a whole number from {allowed.start} to {allowed.stop - 1}.")
    return int(value)


def data_directory() -> Path:
    """Where the embedded database and uploaded files live: PAYERWATCH_DATA_DIR, else ./data."""
    return Path(text("PAYERWATCH_DATA_DIR", "data")).absolute()


def words(name: str, default: str = "") -> list[str]:
    """A list, separated by commas."""
    return [word for word in (part.strip() for part in text(name, default).split(",")) if word]


METRICS = "metrics"  # in the data directory: what the processes of a server count
SECRET_KEY_FILE = "secret_key"  # in the data directory; `payerwatch migrate` makes it


def secret_key() -> str:
    """What signatures and derived keys come from: PAYERWATCH_SECRET_KEY, else the one in the data directory.

    Before the first `payerwatch migrate` there is neither, and each process makes its own.
    """
    given = text("PAYERWATCH_SECRET_KEY")
    if given:
        return given
    try:
        return (data_directory() / SECRET_KEY_FILE).read_text().strip() or get_random_secret_key()
    except FileNotFoundError:
        return get_random_secret_key()


def keep_secret_key(key: str) -> None:
    """Write the key to the data directory, for its owner alone, unless there is one or it comes from outside."""
    if text("PAYERWATCH_SECRET_KEY"):
        return
    path = data_directory() / SECRET_KEY_FILE
    make_private_directory(path.parent)
    with suppress(FileExistsError):
        path.touch(0o600, exist_ok=False)
        path.write_text(key)


_RATE_PREFIX = "PAYERWATCH_RATE_"


def rate_variable(policy: str) -> str:
    """The variable that sets a policy's rate: PAYERWATCH_RATE_SIGN_IN_ACCOUNT for sign_in_account."""
    return _RATE_PREFIX + policy.upper()


def unknown_variables(policies: Iterable[str]) -> list[str]:
    """The names of set variables that begin with PAYERWATCH_ and that nothing reads: a typo, mostly."""
    known = {*VARIABLES, *VARIABLES_OF_TESTS, *map(rate_variable, policies)}
    return sorted(name for name in os.environ if name.startswith("PAYERWATCH_") and name not in known)


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
    behind = flag("PAYERWATCH_BEHIND_PGBOUNCER")
    embedded = {"ENGINE": SQLITE, "NAME": str(data_directory() / "payerwatch.sqlite3")}
    found = _from_url("DATABASE_URL", url) if url else embedded
    if found["ENGINE"] == POSTGRESQL:
        return found | {"CONN_MAX_AGE": CONNECTION_SECONDS, "CONN_HEALTH_CHECKS": True, "BEHIND_PGBOUNCER": behind}
    if behind:
        raise ImproperlyConfigured("PAYERWATCH_BEHIND_PGBOUNCER is on, and DATABASE_URL names no PostgreSQL.")
    return found


def direct_database() -> dict[str, Any] | None:
    """The way past PgBouncer, PAYERWATCH_DIRECT_DATABASE_URL, or None where it is not set."""
    url = text("PAYERWATCH_DIRECT_DATABASE_URL")
    if not url:
        return None
    direct, usual = _from_url("PAYERWATCH_DIRECT_DATABASE_URL", url), database()
    if not usual.get("BEHIND_PGBOUNCER"):
        raise ImproperlyConfigured(
            "PAYERWATCH_DIRECT_DATABASE_URL leads past PgBouncer, and PAYERWATCH_BEHIND_PGBOUNCER is not on. "
            "Set both, or neither."
        )
    if any(direct.get(key) != usual[key] for key in ("ENGINE", "NAME", "USER")):
        raise ImproperlyConfigured(
            "PAYERWATCH_DIRECT_DATABASE_URL and DATABASE_URL must name the same database and the same role."
        )
    return direct


def migrator_database() -> dict[str, Any] | None:
    """The role that owns the tables: MIGRATOR_DATABASE_URL, or None where it is not set."""
    return _other_role("MIGRATOR_DATABASE_URL", text("MIGRATOR_DATABASE_URL"))


def backup_database() -> dict[str, Any] | None:
    """The role that sees all rows, for backups: PAYERWATCH_BACKUP_DATABASE_URL, or None where it is not set."""
    url = text("PAYERWATCH_BACKUP_DATABASE_URL")
    return _from_url("PAYERWATCH_BACKUP_DATABASE_URL", url) if url else None


def refuse_to_back_up_another_database() -> None:
    """Raise ImproperlyConfigured where the address for backups leads to another database than the application's.

    Asked when a backup is made, and not with the settings: a restore has the same ones, and no use for that address.
    """
    _other_role("PAYERWATCH_BACKUP_DATABASE_URL", text("PAYERWATCH_BACKUP_DATABASE_URL"))


def _other_role(name: str, url: str) -> dict[str, Any] | None:
    """The same database past PgBouncer, as another role."""
    if not url:
        return None
    other, direct = _from_url(name, url), direct_database()
    if direct is not None:
        _refuse_another_database(name, other, "PAYERWATCH_DIRECT_DATABASE_URL", direct)
    else:
        _refuse_another_database(name, other, "DATABASE_URL", database())
    return other


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


def _refuse_another_database(other_name: str, other: dict[str, Any], name: str, application: dict[str, Any]) -> None:
    """Both addresses must lead to one database; the host and port are compared where both give them as they are."""
    if application["ENGINE"] != other["ENGINE"]:
        return
    compared = [("database", "NAME"), ("host", "HOST"), ("port", "PORT")]
    for word, key in compared[:1] if application.get("BEHIND_PGBOUNCER") else compared:
        own, there = application[key], other[key]
        if own != there and (key == "NAME" or (own and there)):
            raise ImproperlyConfigured(
                f"{other_name} names the {word} {there!r} and {name} {own!r}. "
                f"Both must name the same database on the same server, each with its own role."
            )
