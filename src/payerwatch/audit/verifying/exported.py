"""Reading an export: entries as JSON Lines or CSV, and on its last line the proof, which the installation signed."""

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain as joined
from operator import itemgetter
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from payerwatch.audit.verifying.checkpoints import Checkpoint
from payerwatch.audit.verifying.definition import CONTENT, StoredEntry, microseconds
from payerwatch.audit.verifying.lines import parsed_lines

COLUMNS = ("customer", "position", "at", *CONTENT, "previous", "digest")
CSV_PROOF = "proof"
"""What stands in the first cell of a CSV's last row; the second is the proof as JSON."""
_SIGNED = ("chain", "first", "last", "previous", "digest", "at")
_content = itemgetter(*CONTENT)


class NotAnExport(Exception):
    """A line is neither an entry nor the proof, or there is no proof at the end: the file was cut or changed."""


@dataclass
class ExportReader:
    """Gives the entries of an export's lines; the proof is there once they have all been read."""

    lines: Iterable[str]
    proof: dict[str, Any] = field(default_factory=dict)

    def __iter__(self) -> Iterator[StoredEntry]:
        """Raises NotAnExport."""
        for number, said in _said(self.lines):
            try:
                if "proof" in said:
                    self.proof = said["proof"]
                    continue
                yield _entry(said)
            except (ValueError, KeyError, TypeError):
                raise NotAnExport(f"Line {number} is neither an entry nor the proof.") from None
        if not self.proof:
            raise NotAnExport("There is no proof on the last line: the file was cut.")


def harmless(cell: str) -> str:
    """The cell as text: a spreadsheet takes what begins so for a formula. `read_cell` takes the apostrophe off."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r", "'")) else cell


def read_cell(cell: str) -> str:
    return cell.removeprefix("'")


def signed_bytes(proof: dict[str, Any]) -> bytes:
    """What the signature of a proof is over: JSON of its range and the digests at both ends. Raises KeyError."""
    return json.dumps({name: proof[name] for name in _SIGNED}, sort_keys=True, separators=(",", ":")).encode()


def is_signed(proof: dict[str, Any], key: Ed25519PublicKey) -> bool:
    """Raises KeyError."""
    try:
        key.verify(bytes.fromhex(str(proof.get("signature"))), signed_bytes(proof))
    except (InvalidSignature, ValueError):
        return False
    return True


def checkpoint_of(proof: dict[str, Any]) -> list[Checkpoint]:
    """The checkpoint that the proof carries, if it has one."""
    said = proof.get("checkpoint")
    if said is None:
        return []
    place = (str(said["chain"]), int(said["position"]), str(said["digest"]))
    return [Checkpoint(*place, str(said["at"]), str(said["signature"]), "the export's proof")]


def _said(lines: Iterable[str]) -> Iterator[tuple[int, Any]]:
    following = iter(lines)
    first = next(following, "")
    if first and not first.startswith(("{", "[")):
        return _rows(joined([first], following))
    return parsed_lines(joined([first] if first else [], following))


def _rows(lines: Iterable[str]) -> Iterator[tuple[int, Any]]:
    """A CSV's rows as JSON Lines would have them; None for one that is neither the header, an entry nor the proof."""
    rows = enumerate(csv.reader(lines), start=1)
    try:
        for number, row in rows:
            if row != list(COLUMNS):
                yield number, _told(row)
    except csv.Error:
        raise NotAnExport("It is neither JSON Lines nor CSV.") from None


def _told(row: list[str]) -> dict[str, Any] | None:
    try:
        if row[:1] == [CSV_PROOF]:
            return {"proof": json.loads(row[1])}
        said: dict[str, Any] = dict(zip(COLUMNS, map(read_cell, row), strict=True))
        return said | {"customer": int(said["customer"]) if said["customer"] else None}
    except (ValueError, IndexError):
        return None


def _entry(said: dict[str, Any]) -> StoredEntry:
    content = _content(said)
    if not all(isinstance(word, str) for word in content):
        raise TypeError
    return StoredEntry(
        said["customer"],
        int(said["position"]),
        microseconds(datetime.fromisoformat(said["at"])),
        content,
        bytes.fromhex(said["previous"]),
        bytes.fromhex(said["digest"]),
    )
