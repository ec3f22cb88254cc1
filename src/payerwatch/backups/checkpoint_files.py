"""Signed checkpoints of the record: beside the database in a backup, and back in their place."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from shutil import copyfile
from typing import NamedTuple

from payerwatch.audit.checkpointing import checkpoint_directory, public_key_path
from payerwatch.audit.verifying.checkpoints import chains_with_checkpoints, read_checkpoints
from payerwatch.backups.manifest import Manifest
from payerwatch.backups.refusals import CheckpointKeyDiffers, CheckpointsNotApart, LaterCheckpoints
from payerwatch.config.private_files import make_private_directory

FOLDER = "checkpoints"
PUBLIC_KEY = "checkpoint_key.public.pem"
BLOCK = 1024 * 1024


class CheckpointFile(NamedTuple):
    """One, as far as it was written at a moment: it only grows."""

    path: Path
    size: int

    def blocks(self) -> Iterator[bytes]:
        left = self.size
        with self.path.open("rb") as file:
            while left and (block := file.read(min(BLOCK, left))):
                left -= len(block)
                yield block


def files_by_now() -> dict[str, CheckpointFile]:
    """By the name of a part. Asked before the database is looked at, so that no checkpoint is of a later entry."""
    found = {f"{FOLDER}/{path.name}": path for path in sorted(checkpoint_directory().glob("*.*.jsonl"))}
    if public_key_path().is_file():
        found[PUBLIC_KEY] = public_key_path()
    return {name: CheckpointFile(path, path.stat().st_size) for name, path in found.items()}


def lay_out(folder: Path, name: str, blocks: Iterable[bytes]) -> None:
    """Write a part into a folder in which nothing else is: checkpoints there, and the key beside them."""
    with (folder / Path(name).name).open("wb") as file:
        file.writelines(blocks)


def refuse_later(manifest: Manifest) -> None:
    """Raises LaterCheckpoints, where those in their place know of entries that the backup does not have."""
    lost = {}
    for chain in sorted(chains_with_checkpoints(checkpoint_directory())):
        length, _ = manifest.contents.chains.get(chain, (0, ""))
        known = max((each.position for each in read_checkpoints(checkpoint_directory(), chain)), default=0)
        if known > length:
            lost[chain] = (length, known)
    if lost:
        raise LaterCheckpoints(checkpoint_directory(), lost)


def refuse_another_key(public_key: bytes) -> None:
    """Raises CheckpointKeyDiffers, where what is signed with this one would not be believed by the key in place."""
    if refusal := another_key(public_key):
        raise refusal


def another_key(public_key: bytes) -> CheckpointKeyDiffers | None:
    """Why a backup with this public key would not be restored; None where it would, or has no key at all."""
    signed_with, in_place = _fingerprint(public_key), _fingerprint_in_place()
    if signed_with in ("", in_place):
        return None
    return CheckpointKeyDiffers(public_key_path(), signed_with, in_place)


def _fingerprint(public_key: bytes) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of a public key in PEM; empty for none.

    How its lines end does not count: who copied it may have changed that.
    """
    lines = b"".join(line.strip() + b"\n" for line in public_key.splitlines())
    return hashlib.sha256(lines).hexdigest()[:16] if lines else ""


def _fingerprint_in_place() -> str:
    """Of the public key that checkpoints are verified with here; empty where there is none."""
    return _fingerprint(public_key_path().read_bytes()) if public_key_path().is_file() else ""


def refuse_unless_empty(directory: Path) -> None:
    """Raises CheckpointsNotApart."""
    usable = directory.is_dir() and os.access(directory, os.R_OK | os.W_OK | os.X_OK)
    if not usable or any(directory.iterdir()):
        raise CheckpointsNotApart(directory)


def keep_apart(folder: Path, directory: Path) -> None:
    """Copy the checkpoints, and the key that they verify with, where nothing takes them for those of today's key."""
    for each in (*folder.glob("*.*.jsonl"), *folder.glob(PUBLIC_KEY)):
        copyfile(each, directory / each.name)


def put_back_missing(folder: Path) -> int:
    """How many files were missing in their place, and are there now. What is there is left as it is."""
    missing = [each for each in folder.glob("*.*.jsonl") if not (checkpoint_directory() / each.name).exists()]
    if missing:
        make_private_directory(checkpoint_directory())
    for each in missing:
        place = checkpoint_directory() / each.name
        place.touch(0o600)
        copyfile(each, place)
    return len(missing)
