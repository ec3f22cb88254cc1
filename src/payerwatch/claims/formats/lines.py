"""A file's lines in blocks of bounded size, whatever its encoding and line ends."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

_CHUNK_CHARACTERS = 1 << 19
_BLOCK_CHARACTERS = 4 << 20


class Source(Protocol):
    """What a claims file is read from, more than once and in more than one thread: a path, or bytes in memory."""

    @property
    def name(self) -> str: ...

    def open(self, mode: Literal["rb"], /) -> BinaryIO: ...


@dataclass(frozen=True)
class HeldFile:
    """A file that is in memory and on no disk. Whoever opens it reads the same bytes, and copies none."""

    name: str
    content: bytes = field(repr=False)

    def open(self, _mode: Literal["rb"], /) -> BinaryIO:
        return io.BytesIO(self.content)


def source_of(given: Source | str) -> Source:
    return Path(given) if isinstance(given, str) else given


@dataclass(frozen=True)
class LineBlock:
    """Consecutive lines without their ends, and the bytes of the file read so far."""

    lines: list[str]
    bytes_read: int
    is_last: bool


def read_lines(path: Source, encoding: str, *, rows: int, skip: int = 0) -> Iterator[LineBlock]:
    """Blocks of about `rows` lines, never much more than 4 MiB; CR, LF and CRLF all end a line.

    The first `skip` lines are left out. There is always a last block, possibly without lines.
    """
    with path.open("rb") as file:
        text = io.TextIOWrapper(file, encoding=encoding, newline=None)
        lines: list[str] = []
        characters, tail = 0, ""
        while chunk := text.read(_CHUNK_CHARACTERS):
            fresh = (tail + chunk).split("\n")
            tail = fresh.pop()
            lines += fresh[skip:]
            skip = max(0, skip - len(fresh))
            characters += len(chunk)
            while len(lines) >= rows or (lines and characters > _BLOCK_CHARACTERS):
                yield LineBlock(lines[:rows], file.tell(), is_last=False)
                lines, characters = lines[rows:], 0
        if tail and not skip:
            lines.append(tail)
        yield LineBlock(lines, file.tell(), is_last=True)


def printable(cell: str) -> str:
    """The text on one line with single spaces, and without what would steer a terminal or a database."""
    if not cell.isprintable():
        cell = "".join(character if character.isprintable() else " " for character in cell)
    return " ".join(cell.split())


def read_head(path: Source, encoding: str, *, lines: int) -> list[str]:
    """The first lines of the file, at most `lines`, from its first MiB.

    What the encoding cannot mean is marked and not an error: the header is looked at before the file is scanned.
    """
    with path.open("rb") as file:
        text = io.TextIOWrapper(file, encoding=encoding, errors="replace", newline=None)
        head = text.read(1 << 20)
        whole = not text.read(1)
    found = head.split("\n")
    if not whole and len(found) > 1:
        found.pop()
    return found[:lines]
