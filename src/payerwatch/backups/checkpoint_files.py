"""Signed checkpoints of the record: beside the database in a backup, and back in their place."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from shutil import copyfile
from typing import NamedTuple

from payerwatch.audit.checkpointing import checkpoint_directory, public_key_path
from payerwatch.audit.verifying.checkpoints import chains_with_checkpoints, read_checkpoints
from payerwatch.backups.manifest import Manifest
from payerwatch.backups.refusals import LaterCheckpoints
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
