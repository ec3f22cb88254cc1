"""A backup's file, opened."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from django.conf import settings

from payerwatch.backups.checkpoint_files import PUBLIC_KEY
from payerwatch.backups.contents import Progress
from payerwatch.backups.files import WatchedFile, opened
from payerwatch.backups.manifest import PART, Manifest, read_manifest
from payerwatch.backups.parts import PartsReader
from payerwatch.backups.refusals import BackupKeyMissing, BackupUnreadable
from payerwatch.backups.sealed_stream import SealedReader


@dataclass(frozen=True)
class ReadBackup:
    """The manifest, and the parts behind it: each must be read to its end before the next is begun."""

    manifest: Manifest
    parts: Iterator[tuple[str, Iterator[bytes]]]


@dataclass(frozen=True)
class WholeBackup:
    """What is known of a backup all of which was read, and is as it was written."""

    manifest: Manifest
    size_bytes: int
    digest: str
    """SHA-256 of the file, in hexadecimal."""
    public_key: bytes
    """The public half of the key that signed the checkpoints in it, in PEM; empty where there was none."""


def backup_keys() -> list[bytes]:
    """Newest first. Raises BackupKeyMissing."""
    keys: list[bytes] = settings.BACKUP_KEYS
    if not keys:
        raise BackupKeyMissing
    return keys


@contextmanager
def reading(path: Path, progress: Progress, stage: str) -> Iterator[ReadBackup]:
    """Raises BackupUnreadable, BackupUnderAnotherKey, BackupFormatUnknown; here and with the parts BackupChanged."""
    with opened(path) as file:
        yield _read(WatchedFile(file, progress, stage))


def read_through(path: Path, progress: Progress, stage: str = "read_again") -> WholeBackup:
    """Read all of it and keep nothing but the public key. Raises as `reading`."""
    with opened(path) as file:
        watched = WatchedFile(file, progress, stage)
        backup = _read(watched)
        public_key = b""
        for name, blocks in backup.parts:
            if name == PUBLIC_KEY:
                public_key = b"".join(blocks)
            for _ in blocks:
                pass
        return WholeBackup(backup.manifest, watched.size, watched.sha256, public_key)


def _read(file: WatchedFile) -> ReadBackup:
    parts = iter(PartsReader(SealedReader(cast(BinaryIO, file), backup_keys())))
    name, blocks = next(parts, ("", iter(())))
    if name != PART:
        raise BackupUnreadable("The backup does not begin with what it says of itself.", fix="Use another backup.")
    return ReadBackup(read_manifest(b"".join(blocks)), parts)
