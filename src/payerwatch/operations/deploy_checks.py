"""What `payerwatch check --deploy` looks at: settings that are fine for trying it and unsafe with patients' data.

An error is what nobody should run in the open; a warning is a choice the operator must have made.
"""

import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error
from django.db import DatabaseError, InterfaceError

from payerwatch.claims.resealing import customers_not_sealed
from payerwatch.config import env
from payerwatch.throttling.client_address import read_proxies

LEAST_SECRET = 32
LOCAL_HOSTS = {"localhost", "127.0.0.1", "[::1]"}
WIDEST_PROXIES = 65_536


def deploy_checks(app_configs: object = None, **_options: Any) -> list[CheckMessage]:  # noqa: ARG001
    """Every finding, errors first."""
    each: Iterable[Callable[[], Iterator[CheckMessage]]] = (
        _secret_key, _https, _hosts, _database, _proxies, _mail, _checkpoints, _sealing,
    )  # fmt: skip
    found = [message for check in each for message in check()]
    return sorted(found, key=lambda message: -message.level)


def _secret_key() -> Iterator[CheckMessage]:
    kept = (Path(settings.DATA_DIR) / env.SECRET_KEY_FILE).exists()
    given = env.text("PAYERWATCH_SECRET_KEY")
    if not given and not kept:
        yield Error(
            "There is no lasting secret key: every process would sign with another, and no session would hold.",
            hint="Set PAYERWATCH_SECRET_KEY to 50 random characters, the same for every process, or run "
            "payerwatch migrate, which keeps one in the data directory.",
            id="payerwatch.E001",
        )
    if given and len(given) < LEAST_SECRET:
        yield Error(
            f"PAYERWATCH_SECRET_KEY has fewer than {LEAST_SECRET} characters and can be guessed.",
            hint='Make one with: python -c "import secrets; print(secrets.token_urlsafe(50))"',
            id="payerwatch.E002",
        )


def _https() -> Iterator[CheckMessage]:
    if not settings.HTTPS:
        yield Error(
            "PAYERWATCH_HTTPS is not on: passwords, cookies and claims would cross the network in the clear.",
            hint="Serve through HTTPS (a proxy in front will do) and set PAYERWATCH_HTTPS=yes.",
            id="payerwatch.E003",
        )
    if not str(settings.PUBLIC_URL).startswith("https://"):
        yield Error(
            "PAYERWATCH_URL is no https:// address: links in messages would lead people to an open connection.",
            hint="Set PAYERWATCH_URL to the address people type, such as https://payerwatch.example.org",
            id="payerwatch.E004",
        )


def _hosts() -> Iterator[CheckMessage]:
    hosts = set(settings.ALLOWED_HOSTS)
    if "*" in hosts:
        yield Error(
            "PAYERWATCH_HOSTS allows any host name, so a forged one would end in links that people are sent.",
            hint="Name the hosts that people type, with commas between.",
            id="payerwatch.E005",
        )
    if hosts <= LOCAL_HOSTS:
        yield Error(
            "PAYERWATCH_HOSTS names this machine alone: nobody else would be answered.",
            hint="Set it to the host name that people type, such as payerwatch.example.org",
            id="payerwatch.E006",
        )


def _database() -> Iterator[CheckMessage]:
    if settings.DATABASES["default"]["ENGINE"] == env.SQLITE:
        yield Error(
            "The database is the embedded SQLite, made for trying Payerwatch: it has no row policies and one writer.",
            hint="Set DATABASE_URL and MIGRATOR_DATABASE_URL to a PostgreSQL database.",
            id="payerwatch.E007",
        )


def _proxies() -> Iterator[CheckMessage]:
    for network in read_proxies(settings.TRUSTED_PROXIES).networks:
        if network.num_addresses > WIDEST_PROXIES and not network.is_private:
            yield Error(
                f"PAYERWATCH_TRUSTED_PROXIES trusts {network}: who calls from there can claim any address.",
                hint="Name only the proxies themselves.",
                id="payerwatch.E008",
            )


def _mail() -> Iterator[CheckMessage]:
    server = settings.MAIL_SERVER
    if server.folder is not None:
        yield Error(
            "PAYERWATCH_MAIL_URL is not set: invitations and password links are written to files that nobody is sent.",
            hint="Set it to smtps://user:password@host:465 or smtp://user:password@host:587?tls=1",
            id="payerwatch.E009",
        )
    elif not (server.tls or server.ssl):
        yield Error(
            "PAYERWATCH_MAIL_URL sends messages, which hold links that let people in, without encryption.",
            hint="Use smtps:// or add ?tls=1",
            id="payerwatch.E010",
        )


def _checkpoints() -> Iterator[CheckMessage]:
    key = Path(settings.CHECKPOINT_KEY)
    if key.exists() and stat.S_IMODE(key.stat().st_mode) & 0o077:
        yield Error(
            "Others can read the key that signs the audit trail's checkpoints, and so could forge them.",
            hint=f"chmod 600 {key}",
            id="payerwatch.E011",
        )
    if Path(settings.CHECKPOINT_DIR).is_relative_to(settings.DATA_DIR):
        yield checks.Warning(
            "The audit trail's checkpoints lie in the data directory, beside what they are to vouch for.",
            hint="Set PAYERWATCH_CHECKPOINT_DIR to a place that whoever can write to the database cannot write to.",
            id="payerwatch.W001",
        )


def _sealing() -> Iterator[CheckMessage]:
    if not settings.FIELD_KEYS:
        yield checks.Warning(
            "PAYERWATCH_FIELD_KEYS is not set: claim numbers and file names are stored in the clear.",
            hint="Make one with payerwatch rotate_field_keys --new-key, set it, and run payerwatch rotate_field_keys.",
            id="payerwatch.W002",
        )
        return
    try:
        plain = customers_not_sealed()
    except (DatabaseError, InterfaceError):
        return  # without tables there are no rows to seal; a server that does not answer says so elsewhere
    if plain:
        yield checks.Warning(
            f"{len(plain)} customers' rows are not sealed under the newest field key.",
            hint="Run: payerwatch rotate_field_keys",
            id="payerwatch.W003",
        )
