"""Reading an export in JSON Lines: entries, and the proof on its last line."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import Any

from payerwatch.audit.verifying.checkpoints import Checkpoint
from payerwatch.audit.verifying.definition import CONTENT, StoredEntry, microseconds
from payerwatch.audit.verifying.lines import parsed_lines

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
        for number, said in parsed_lines(self.lines):
            try:
                if "proof" in said:
                    self.proof = said["proof"]
                    continue
                yield _entry(said)
            except (ValueError, KeyError, TypeError):
                raise NotAnExport(f"Line {number} is neither an entry nor the proof.") from None
        if not self.proof:
            raise NotAnExport("There is no proof on the last line: the file was cut.")


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


def checkpoint_of(proof: dict[str, Any]) -> list[Checkpoint]:
    """The checkpoint that the proof carries, if it has one."""
    said = proof.get("checkpoint")
    if said is None:
        return []
    place = (str(said["chain"]), int(said["position"]), str(said["digest"]))
    return [Checkpoint(*place, str(said["at"]), str(said["signature"]), "the export's proof")]
