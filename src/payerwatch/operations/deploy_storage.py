"""What `payerwatch check --deploy` looks at where data lies: databases, files, checkpoints, sealed rows."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error
from django.db import DatabaseError, InterfaceError

from payerwatch.audit.checkpointing import signature
from payerwatch.claims.resealing import customers_not_sealed
from payerwatch.claims.slices import slice_key_ids
from payerwatch.config import env
from payerwatch.config.private_files import is_open_to_others
from payerwatch.deliveries.resealing import endpoint_key_ids
from payerwatch.members.resealing import ingest_secret_key_ids, kept_answer_key_ids, second_factor_key_ids
from payerwatch.operations.command import database_refusal, missing_migrations
from payerwatch.sealing.keys import SECRET_KEY_ID
from payerwatch.sealing.models import key_ids_in_use

NOT_REACHED, NOT_MIGRATED = "payerwatch.E023", "payerwatch.E024"
_LOCAL = ("", "localhost", "::1")
_ENCRYPTED = ("require", "verify-ca", "verify-full")


def databases() -> Iterator[CheckMessage]:
    if settings.DATABASES["default"]["ENGINE"] == env.SQLITE:
        yield Error(
            "The database is the embedded SQLite, made for trying Payerwatch: it has no row policies and one writer.",
            hint="Set DATABASE_URL and MIGRATOR_DATABASE_URL to a PostgreSQL database.",
            id="payerwatch.E007",
        )
    for name, database in (
        ("DATABASE_URL", settings.DATABASES["default"]),
        ("MIGRATOR_DATABASE_URL", settings.MIGRATOR_DATABASE),
        ("PAYERWATCH_BACKUP_DATABASE_URL", settings.BACKUP_DATABASE),
        ("PAYERWATCH_DIRECT_DATABASE_URL", settings.DIRECT_DATABASE),
    ):
        if database and _is_remote(database) and database.get("OPTIONS", {}).get("sslmode") not in _ENCRYPTED:
            yield Error(
                f"{name} leads to another machine without asking for encryption: claims would cross the network in "
                "the clear, or to whoever pretends to be the database.",
                hint=f"Add ?sslmode=verify-full (or verify-ca, at least require) to {name}.",
                id="payerwatch.E020",
            )


def _is_remote(database: dict[str, Any]) -> bool:
    options = database.get("OPTIONS", {})
    named = [database.get("HOST") or options.get("host", ""), options.get("hostaddr", "")]
    hosts = [host for word in named for host in str(word).split(",")]
    return "service" in options or not all(host in _LOCAL or host.startswith(("/", "@", "127.")) for host in hosts)


def checkpoints() -> Iterator[CheckMessage]:
    """The key that signs them, and where they go."""
    key, directory = Path(settings.CHECKPOINT_KEY), Path(settings.CHECKPOINT_DIR)
    if is_open_to_others(key):
        yield Error(
            "Others can read the key that signs the audit trail's checkpoints, and so could forge them.",
            hint=f"chmod 600 {key}",
            id="payerwatch.E011",
        )
    if not key.is_file() or not os.access(key, os.R_OK) or not _can_sign():
        yield Error(
            "There is no key to sign the audit trail's checkpoints with, or it cannot be used: none is written.",
            hint=f"Let the user that serves read {key}, an Ed25519 key in PEM without a password. Where it is missing, "
            "payerwatch migrate makes one.",
            id="payerwatch.E016",
        )
    if not _can_be_written(directory):
        yield Error(
            "The directory of the audit trail's checkpoints cannot be written: none is kept.",
            hint=f"Let the user that serves write to {directory} (PAYERWATCH_CHECKPOINT_DIR).",
            id="payerwatch.E017",
        )
    yield from _checkpoints_apart(key, directory)


def _can_sign() -> bool:
    try:
        signature(b"")
    except (OSError, ValueError):
        return False
    return True


def _can_be_written(directory: Path) -> bool:
    """Whether files can be made in it; where it is missing, whether it can be made."""
    nearest = next((each for each in (directory, *directory.parents) if each.exists()), directory)
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)


def _checkpoints_apart(key: Path, directory: Path) -> Iterator[CheckMessage]:
    if directory.is_relative_to(settings.DATA_DIR):
        yield checks.Warning(
            "The audit trail's checkpoints lie in the data directory, beside what they are to vouch for.",
            hint="Set PAYERWATCH_CHECKPOINT_DIR to a place that whoever can write to the database cannot write to.",
            id="payerwatch.W001",
        )
    if key.parent == directory:
        yield checks.Warning(
            "The key that signs the audit trail's checkpoints lies beside them: whoever has both can forge them.",
            hint="Set PAYERWATCH_CHECKPOINT_KEY to a file elsewhere, and move the key there.",
            id="payerwatch.W004",
        )


def private_files() -> Iterator[CheckMessage]:
    """Nobody else on the machine reads what lies in the data directory."""
    data = Path(settings.DATA_DIR)
    kept = [data, data / env.SECRET_KEY_FILE, Path(settings.THROTTLE_FILE)]
    database = settings.DATABASES["default"]
    if database["ENGINE"] == env.SQLITE:
        kept.append(Path(database["NAME"]))
    opened = [str(path) for path in kept if is_open_to_others(path)]
    if opened:
        yield Error(
            f"Others on this machine can get at {', '.join(opened)}.",
            hint=f"chmod -R go= {' '.join(opened)}",
            id="payerwatch.E021",
        )


def stored() -> Iterator[CheckMessage]:
    """The database answers, has its tables, and its rows are sealed under keys that are there."""
    wanting: list[str] = []
    missing: list[str] = []
    behind = 0
    try:
        wanting = missing_migrations()
        if not wanting:
            missing, behind = _missing_keys(), len(customers_not_sealed())
    except (DatabaseError, InterfaceError) as error:
        refusal = database_refusal(error)
        yield Error(refusal.message, hint=refusal.fix, id=NOT_REACHED)
    if wanting:
        yield Error(
            f"Tables are missing or are of an earlier release; migrations that are not applied: {len(wanting)}.",
            hint="Run: payerwatch migrate",
            id=NOT_MIGRATED,
        )
    yield from _sealing(missing, behind)


def _missing_keys() -> list[str]:
    """The ids of keys that something is sealed under, and that the settings do not hold."""
    in_use = key_ids_in_use() | slice_key_ids() | second_factor_key_ids()
    in_use |= kept_answer_key_ids() | ingest_secret_key_ids() | endpoint_key_ids()
    return sorted(in_use - {*settings.FIELD_KEYS, SECRET_KEY_ID})


def _sealing(missing: list[str], behind: int) -> Iterator[CheckMessage]:
    if missing:
        yield Error(
            f"Rows are sealed under keys that PAYERWATCH_FIELD_KEYS does not hold: {', '.join(missing)}.",
            hint="Put the keys of these ids back, behind newer ones; without them claims cannot be read.",
            id="payerwatch.E018",
        )
    elif not settings.FIELD_KEYS:
        yield checks.Warning(
            "PAYERWATCH_FIELD_KEYS is not set: claim numbers and file names are stored in the clear.",
            hint="Make one with payerwatch rotate_field_keys --new-key, set it, and run payerwatch rotate_field_keys.",
            id="payerwatch.W002",
        )
    if behind:
        yield checks.Warning(
            f"{behind} customers' rows are not sealed under the newest field key.",
            hint="Run: payerwatch rotate_field_keys",
            id="payerwatch.W003",
        )
