"""What is in a backup: parts with names, one after the other, compressed together.

A part is its name and its bytes in blocks, each behind its length (4 bytes, the most significant first); an empty one
ends it. Behind the last part stands one named `contents`: of each before it the name, size and SHA-256, as JSON.
"""

import hashlib
import io
import json
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

import zstandard

from payerwatch.backups.refusals import BackupUnreadable
from payerwatch.backups.sealed_stream import SealedReader, SealingWriter

BLOCK = 1024 * 1024
CONTENTS = "contents"


class Part(NamedTuple):
    """What was written or read of one."""

    name: str
    size: int
    sha256: str


class PartsWriter:
    """Writes parts. Without `finish` the file is one that was cut."""

    def __init__(self, sealing: SealingWriter) -> None:
        self._sealing = sealing
        self._packed = zstandard.ZstdCompressor(level=3).stream_writer(sealing, closefd=False)  # type: ignore[arg-type]
        self._written: list[Part] = []

    def write(self, name: str, blocks: Iterable[bytes]) -> Part:
        digest, size = hashlib.sha256(), 0
        self._block(name.encode())
        for block in blocks:
            if block:
                self._block(block)
                digest.update(block)
                size += len(block)
        self._block(b"")
        part = Part(name, size, digest.hexdigest())
        self._written.append(part)
        return part

    def finish(self) -> None:
        self.write(CONTENTS, [json.dumps([each._asdict() for each in self._written]).encode()])
        self._packed.close()  # type: ignore[no-untyped-call]
        self._sealing.finish()

    def _block(self, content: bytes) -> None:
        self._packed.write(len(content).to_bytes(4, "big") + content)


class PartsReader:
    """Reads parts in their order: each must be read to its end before the next is begun."""

    def __init__(self, sealed: SealedReader) -> None:
        unpacked = zstandard.ZstdDecompressor().stream_reader(io.BufferedReader(sealed, BLOCK))
        self._unpacked: BinaryIO = io.BufferedReader(unpacked, BLOCK)
        self._read: list[Part] = []

    def __iter__(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Each part's name and blocks; but the contents, which are compared. Raises BackupUnreadable, BackupChanged."""
        while (name := self._block().decode()) != CONTENTS:
            blocks = self._blocks(name)
            yield name, blocks
            for _ in blocks:
                pass
        told = [Part(**each) for each in json.loads(b"".join(self._blocks(CONTENTS)))]
        if told != self._read[:-1] or self._unpacked.read(1):
            raise BackupUnreadable("The backup's list of contents is not that of its parts.", fix="Use another backup.")

    def _blocks(self, name: str) -> Iterator[bytes]:
        digest, size = hashlib.sha256(), 0
        while block := self._block():
            digest.update(block)
            size += len(block)
            yield block
        self._read.append(Part(name, size, digest.hexdigest()))

    def _block(self) -> bytes:
        return self._exactly(int.from_bytes(self._exactly(4), "big"))

    def _exactly(self, size: int) -> bytes:
        found = self._unpacked.read(size)
        if len(found) < size:
            raise BackupUnreadable("The backup ends within a part.", fix="Use another backup.")
        return found
