"""Claims from JSON lines: one object a line, whose keys are the columns and whose values are the cells.

A value is the cell that a CSV would have: a number as it is written, so that no digit of a claim number is lost, and
null as a blank one. True and false are cells only where the key asks a question, such as `denied`. A line that cannot
be read costs its own row only.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import orjson

from payerwatch.claims.formats.layout import MAX_COLUMNS, unique_names
from payerwatch.claims.formats.lines import LineBlock, Source, read_lines
from payerwatch.claims.formats.outcomes import question_in
from payerwatch.claims.formats.records import LONGEST_RECORD, BrokenRow
from payerwatch.claims.formats.refusals import JsonObjectMissing, TooManyColumns
from payerwatch.late import polars as pl

_LINES_AT_A_TIME = 5_000
_BYTE_BY_BYTE = "latin-1"  # so that lines are told apart before it is known that each is UTF-8
_MARK = codecs.BOM_UTF8.decode(_BYTE_BY_BYTE)  # of UTF-8, which may stand in front
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")


class _Pairs(list[tuple[str, Any]]):
    """An object as it is written, in which a key may stand twice."""


class _LineUnusable(Exception):
    """Nothing can be taken from the line; `code` is the reason."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def _no_number(_constant: str) -> NoReturn:
    raise ValueError("NaN and Infinity are no JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_Pairs, parse_int=str, parse_float=str, parse_constant=_no_number)


@dataclass(frozen=True)
class JsonLayout:
    """The keys of all objects in the order of their letters, and the columns' names, as a CSV would have them."""

    keys: list[str]
    columns: list[str]
    header_row: int = 0
    delimiter: str = ""

    def tables(self, source: Source, _encoding: str, wanted: Sequence[int], rows: int) -> Iterator[JsonTable]:
        """A table for each block of about `rows` lines."""
        first = 1
        for block in read_lines(source, _BYTE_BY_BYTE, rows=rows):
            yield self._table(block, wanted, first)
            first += len(block.lines)

    def samples(self, source: Source, lines: int) -> list[list[str]]:
        """Cells of the first lines that can be read, by column: blank where a value is no cell."""
        block = next(read_lines(source, _BYTE_BY_BYTE, rows=lines))
        rows = [self.shown(line) for line in block.lines if _keys(line)]
        return [list(cells) for cells in zip(*rows, strict=True)] or [[] for _ in self.keys]

    def _table(self, block: LineBlock, wanted: Sequence[int], first: int) -> JsonTable:
        rows: list[tuple[object, ...]] = []
        broken: list[BrokenRow] = []
        for record, line in enumerate(block.lines):
            if not line.removeprefix(_MARK).strip():
                continue
            try:
                rows.append((first + record, record, *self._wanted(_object(line), wanted)))
            except _LineUnusable as unusable:
                broken.append(BrokenRow(first + record, unusable.code, record))
        schema = {"row": pl.Int64, "record": pl.Int64} | {str(at): pl.String for at in wanted}
        return JsonTable(pl.DataFrame(rows, schema=schema, orient="row"), broken, block.bytes_read, self, block.lines)

    def _wanted(self, found: Mapping[str, Any], wanted: Sequence[int]) -> list[str]:
        """The cells of these columns. Raises _LineUnusable where one of the values is no cell."""
        cells = [self._cell(found, at) for at in wanted]
        for cell in cells:
            if cell is None:
                raise _LineUnusable("value_not_text")
            if "\x00" in cell:
                raise _LineUnusable("nul_character")
            if not cell.isascii() and _HALF_CHARACTER.search(cell):
                raise _LineUnusable("half_character")
        return [cell for cell in cells if cell is not None]

    def _cell(self, found: Mapping[str, Any], at: int) -> str | None:
        """The value as a cell; None where it is none."""
        value = found.get(self.keys[at])
        if value is None or isinstance(value, str):
            return value or ""
        if isinstance(value, bool) and question_in(self.keys[at]) is not None:
            return "true" if value else "false"
        return None

    def shown(self, line: str) -> list[str]:
        """All cells of a line, blank where a value is none, or where the line cannot be read."""
        try:
            found = _object(line)
        except _LineUnusable:
            return [""] * len(self.keys)
        return [self._cell(found, at) or "" for at in range(len(self.keys))]


@dataclass(frozen=True)
class JsonTable:
    """Rows of one block, as `records.Table` has them of a CSV; the row of a line is its number, blank lines too."""

    frame: pl.DataFrame
    broken: list[BrokenRow]
    bytes_read: int
    layout: JsonLayout
    lines: list[str]

    def cells(self, record: int) -> list[str]:
        """All cells of a row of the frame."""
        return self.layout.shown(self.lines[record])

    def likely_cells(self, broken: BrokenRow) -> list[str]:
        """What can be told of a broken row's cells."""
        return self.layout.shown(self.lines[broken.record])


def find_json_layout(source: Source) -> JsonLayout:
    """The layout, after a look at every line. Raises JsonObjectMissing or TooManyColumns."""
    keys: set[str] = set()
    lines = (line for block in read_lines(source, _BYTE_BY_BYTE, rows=_LINES_AT_A_TIME) for line in block.lines)
    for row, line in enumerate(lines, start=1):
        keys.update(_keys(line))
        if len(keys) > MAX_COLUMNS:
            raise TooManyColumns(
                f"The objects have more than {MAX_COLUMNS:,} keys altogether",
                where=f"up to line {row}",
                fix="Send only what belongs to claims, under keys that are always the same.",
            )
    if not keys:
        raise JsonObjectMissing(
            "No line is a JSON object with keys",
            fix="Send one object a line, each on a line of its own and not all of them as one list.",
        )
    ordered = sorted(keys)
    return JsonLayout(ordered, unique_names(ordered))


def _keys(line: str) -> Iterable[str]:
    """The keys of a line. A quick reader tells them nearly always; it would lose digits of numbers."""
    if len(line) > LONGEST_RECORD:
        return ()
    try:
        found = orjson.loads(line.removeprefix(_MARK).encode(_BYTE_BY_BYTE))
        return found if isinstance(found, dict) else ()
    except orjson.JSONDecodeError:
        return _keys_of_odd(line)


def _keys_of_odd(line: str) -> Iterable[str]:
    try:
        return _object(line)
    except _LineUnusable:
        return ()


def _object(line: str) -> dict[str, Any]:
    """What the line says, by key. Raises _LineUnusable."""
    if len(line) > LONGEST_RECORD:
        raise _LineUnusable("row_too_long")
    try:
        found = _DECODER.decode(line.removeprefix(_MARK).encode(_BYTE_BY_BYTE).decode())
    except (ValueError, RecursionError):
        raise _LineUnusable("line_not_json_object") from None
    if not isinstance(found, _Pairs):
        raise _LineUnusable("line_not_json_object")
    by_key = dict(found)
    if len(by_key) < len(found):
        raise _LineUnusable("key_repeated")
    return by_key
