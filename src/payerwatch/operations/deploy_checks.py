"""What `payerwatch check --deploy` looks at: settings that are fine for trying it and unsafe with patients' data.

An error is what nobody should run in the open; a warning is a choice the operator must have made.
"""

import difflib
from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error

from payerwatch.config import env
from payerwatch.operations.deploy_storage import (
    NOT_MIGRATED,
    NOT_REACHED,
    checkpoints,
    databases,
    private_files,
    stored,
)
from payerwatch.throttling.client_address import read_proxies
from payerwatch.throttling.rates import Rate, read_rate

LEAST_SECRET = 32
LEAST_DISTINCT = 10  # characters of a secret
LOCAL_HOSTS = {"localhost", "127.0.0.1", "[::1]"}
WIDEST_PROXIES = 65_536
_NEW_SECRET = 'Make one with: python -c "import secrets; print(secrets.token_urlsafe(50))"'


def deploy_checks(app_configs: object = None, **_options: Any) -> list[CheckMessage]:  # noqa: ARG001
    """Every finding, errors first."""
    each: Iterable[Callable[[], Iterator[CheckMessage]]] = (
        _secret_key, _old_secret_keys, _https, _hosts, databases, _proxies, _mail, _endpoints, _telling, _guessing,
        checkpoints, private_files, stored, _unknown_variables,
    )  # fmt: skip
    found = [message for check in each for message in check()]
    return sorted(found, key=lambda message: -message.level)


def refuses_serving(bind: str, *, for_trying: bool = False) -> list[Error]:
    """What must be mended before serving at this address (`host:port` or `unix:path`).

    Nothing where only this machine is meant: bound to it, and either no proxy is trusted and no other host's name
    answered, or it is said to be `for_trying`. Whether the database answers and has its tables is asked apart.
    """
    here = bind.startswith("unix:") or _is_of_this_machine(bind.rpartition(":")[0].strip("[]"))
    if here and (for_trying or _answers_this_machine_alone()):
        return []
    errors = [message for message in deploy_checks() if isinstance(message, Error)]
    return [error for error in errors if error.id not in (NOT_REACHED, NOT_MIGRATED)]


def _answers_this_machine_alone() -> bool:
    return not settings.TRUSTED_PROXIES and set(settings.ALLOWED_HOSTS) <= LOCAL_HOSTS


def _is_of_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


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
            hint=_NEW_SECRET,
            id="payerwatch.E002",
        )
    elif given and len(set(given)) < LEAST_DISTINCT:
        yield Error(
            f"PAYERWATCH_SECRET_KEY has fewer than {LEAST_DISTINCT} different characters and can be guessed.",
            hint=_NEW_SECRET,
            id="payerwatch.E013",
        )


def _old_secret_keys() -> Iterator[CheckMessage]:
    weak = [key for key in settings.SECRET_KEY_FALLBACKS if len(key) < LEAST_SECRET or len(set(key)) < LEAST_DISTINCT]
    if weak:
        yield Error(
            "A key in PAYERWATCH_OLD_SECRET_KEYS can be guessed, and what is signed with it is still believed.",
            hint="Take it out of the list; sessions and links signed with it then end.",
            id="payerwatch.E014",
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


def _proxies() -> Iterator[CheckMessage]:
    if settings.HTTPS and not settings.TRUSTED_PROXIES:
        yield Error(
            "PAYERWATCH_TRUSTED_PROXIES is not set: as serve speaks no TLS itself, everybody would have the address "
            "of the proxy, and a few wrong passwords of one would lock all out.",
            hint="Set it to the proxy's address, such as 127.0.0.1, or unix for one that calls through a unix socket.",
            id="payerwatch.E015",
        )
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
    elif not (server.tls or server.ssl or server.service):
        yield Error(
            "PAYERWATCH_MAIL_URL sends messages, which hold links that let people in, without encryption.",
            hint="Use smtps:// or add ?tls=1",
            id="payerwatch.E010",
        )


def _endpoints() -> Iterator[CheckMessage]:
    if settings.ALLOW_PRIVATE_ENDPOINTS:
        yield Error(
            "PAYERWATCH_ALLOW_PRIVATE_ENDPOINTS is on: who sets up a webhook reaches what only this machine should, "
            "and messages may cross the network in the clear.",
            hint="Unset PAYERWATCH_ALLOW_PRIVATE_ENDPOINTS.",
            id="payerwatch.E022",
        )


def _telling() -> Iterator[CheckMessage]:
    if settings.TELL_ALL:
        yield Error(
            "PAYERWATCH_DEBUG is on: a command that fails would show patients' data.",
            hint="Unset PAYERWATCH_DEBUG.",
            id="payerwatch.E012",
        )


def _guessing() -> Iterator[CheckMessage]:
    """Rates that brake guessing are not loosened."""
    for policy, default in settings.DEFAULT_THROTTLES.items():
        braking = policy.startswith("sign_in_") or policy == "confirm_person"
        if braking and _is_looser(read_rate(settings.THROTTLES[policy]), read_rate(default)):
            yield Error(
                f"{env.rate_variable(policy)} allows more guesses than {default}.",
                hint=f"Unset {env.rate_variable(policy)}, or set it to {default} or less.",
                id="payerwatch.E019",
            )


def _is_looser(rate: Rate, than: Rate) -> bool:
    """Whether it lets more pass in some window of the other's length."""
    windows = -(-than.seconds // rate.seconds)
    return rate.limit * windows > than.limit


def _unknown_variables() -> Iterator[CheckMessage]:
    known = [*env.VARIABLES, *map(env.rate_variable, settings.DEFAULT_THROTTLES)]
    for name in env.unknown_variables(settings.DEFAULT_THROTTLES):
        near = difflib.get_close_matches(name, known, n=1)
        yield checks.Warning(
            f"{name} is set and nothing reads it.",
            hint=f"Did you mean {near[0]}?" if near else "Unset it; docs/operating.md lists every variable.",
            id="payerwatch.W005",
        )
