"""Checkpoints: what a chain's newest entry was, signed and kept outside the database.

One file per chain and month, `customer-7.2026-11.jsonl`; one JSON object a line: chain, position, digest
(hexadecimal), at, signature (Ed25519 in hexadecimal, over the JSON of the other four with keys sorted and no spaces).
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from payerwatch.audit.verifying.lines import parsed_lines

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


class NoPublicKey(Exception):
    """The file does not hold an Ed25519 public key."""


class Checkpoint(NamedTuple):
    """One line of a checkpoint file; `source` says where it stands."""

    chain: str
    position: int
    digest: str
    at: str
    signature: str = ""
    source: str = ""

    def signed_bytes(self) -> bytes:
        said = {"at": self.at, "chain": self.chain, "digest": self.digest, "position": self.position}
        return _CANONICAL.encode(said).encode()

    def line(self) -> str:
        said = {"chain": self.chain, "position": self.position, "digest": self.digest, "at": self.at}
        return json.dumps(said | {"signature": self.signature}) + "\n"

    def is_signed_with(self, key: Ed25519PublicKey) -> bool:
        try:
            key.verify(bytes.fromhex(self.signature), self.signed_bytes())
        except (InvalidSignature, ValueError):
            return False
        return True


def file_name(chain: str, at: str) -> str:
    """The file of a chain for the month of a time in ISO 8601."""
    return f"{chain}.{at[:7]}.jsonl"


def read_public_key(path: Path) -> Ed25519PublicKey:
    """Raises OSError, or NoPublicKey."""
    try:
        key = load_pem_public_key(path.read_bytes())
    except ValueError:
        raise NoPublicKey(f"{path} is no public key in PEM") from None
    if not isinstance(key, Ed25519PublicKey):
        raise NoPublicKey(f"{path} is no Ed25519 key")
    return key


def chains_with_checkpoints(directory: Path) -> set[str]:
    """The names of the chains that have a file there."""
    return {path.name.partition(".")[0] for path in directory.glob("*.*.jsonl")}


def read_checkpoints(directory: Path, chain: str) -> list[Checkpoint]:
    """All checkpoints of a chain, in the order they were written. Raises OSError."""
    found: list[Checkpoint] = []
    for path in sorted(directory.glob(f"{chain}.*.jsonl")):
        found.extend(_read(path, path.read_text(encoding="utf-8", errors="replace").splitlines()))
    return found


def _read(path: Path, lines: Iterable[str]) -> Iterator[Checkpoint]:
    """A line that cannot be read becomes a checkpoint of no chain, at position 0."""
    for number, said in parsed_lines(line or "{}" for line in lines):
        if said == {}:
            continue  # two writers may both have begun a new line after one that was torn
        source = f"{path.name}, line {number}"
        try:
            chain, digest, at, signature = (str(said[name]) for name in ("chain", "digest", "at", "signature"))
            yield Checkpoint(chain, int(said["position"]), digest, at, signature, source)
        except (ValueError, KeyError, TypeError):
            yield Checkpoint("", 0, "", "", "", source)
