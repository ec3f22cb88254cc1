"""Where the header is and what divides its columns, from the first lines of a file."""

import csv
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from payerwatch.claims.formats.codes import read_cpt
from payerwatch.claims.formats.dates import take_apart
from payerwatch.claims.formats.headers import recognised_fields
from payerwatch.claims.formats.lines import LineBlock, Source, printable, read_lines
from payerwatch.claims.formats.records import Grid, Table, read_tables
from payerwatch.claims.formats.refusals import FileEmpty, HeaderMissing, TooManyColumns

DELIMITERS = (",", ";", "\t", "|")
MAX_COLUMNS = 1_000
_HEADER_WITHIN = 10
_FIX_HEADER = "Put one row with the names of the columns above the claims."


@dataclass(frozen=True)
class Layout:
    """The grid, the names of its columns, and the lines and rows up to and with the header.

    `columns` are unique: a blank name becomes `column 5`, a repeated one `Date (2)`.
    """

    grid: Grid
    columns: list[str]
    header_lines: int
    header_row: int

    @property
    def delimiter(self) -> str:
        return self.grid.delimiter

    def tables(self, source: Source, encoding: str, wanted: Sequence[int], rows: int) -> Iterator[Table]:
        """A table for each block of about `rows` lines below the header."""
        blocks = read_lines(source, encoding, rows=rows, skip=self.header_lines)
        return read_tables(blocks, self.grid, list(wanted), first_row=self.header_row + 1)

    def sample(self, lines: Sequence[str]) -> Table:
        """All columns of the rows among a file's first lines."""
        block = LineBlock(list(lines[self.header_lines :]), 0, is_last=True)
        return next(read_tables([block], self.grid, list(range(self.grid.width)), first_row=self.header_row + 1))


def find_layout(lines: Sequence[str], named_columns: Collection[str] = ()) -> Layout:
    """The layout, the header being sought in the first ten rows; `named_columns` are those a mapping names."""
    if not any(line.strip() for line in lines):
        raise FileEmpty("The file holds no text", fix="Export the claims again.")
    delimiter = _delimiter(lines)
    rows = _first_rows(lines, delimiter)
    at = _header_at([cells for cells, _ in rows], named_columns)
    cells, line_count = rows[at]
    while len(cells) > 1 and not cells[-1].strip() and _trailing_is_empty(rows[at + 1 :], len(cells)):
        cells.pop()
    if len(cells) > MAX_COLUMNS:
        raise TooManyColumns(
            f"The header has {len(cells):,} columns; at most {MAX_COLUMNS:,} can be read",
            where=f"row {at + 1}",
            fix="Export only the columns of claims.",
        )
    grid = Grid(delimiter, len(cells), _trailing_blanks(rows[at + 1 :], len(cells)))
    return Layout(grid, unique_names(cells), line_count, at + 1)


def looks_like_data(cells: Sequence[str]) -> bool:
    """Whether a row holds values, so that it cannot be the header."""
    filled = [cell for cell in cells if cell.strip()]
    if any(take_apart(cell) is not None for cell in filled):
        return True
    values = sum(read_cpt(cell)[0] is not None or _is_plain_number(cell) for cell in filled)
    return values > 0.3 * len(filled)


def _is_plain_number(cell: str) -> bool:
    return re.fullmatch(r"[$(]?-?[\d,]*\.?\d+\)?", cell.strip()) is not None


def _delimiter(lines: Sequence[str]) -> str:
    if announced := re.fullmatch(r"sep=(.)", lines[0].strip("\ufeff \r"), re.IGNORECASE):
        return announced[1]
    unquoted = [re.sub(r'"[^"]*"', "", line) for line in lines[:40] if line.strip()]
    return max(DELIMITERS, key=lambda mark: _regularity(unquoted, mark))


def _regularity(lines: Sequence[str], mark: str) -> tuple[float, int]:
    """How many cells the delimiter makes of most lines, weighed by how many lines agree."""
    counts = Counter(line.count(mark) for line in lines)
    counts.pop(0, None)
    if not counts:
        return 0.0, 0
    count, agreeing = max(counts.items(), key=lambda pair: (pair[1], pair[0]))
    return count * agreeing / len(lines), count


def _first_rows(lines: Sequence[str], delimiter: str) -> list[tuple[list[str], int]]:
    """The cells of the first rows, each with the number of lines read up to its end."""
    rows: list[tuple[list[str], int]] = []
    consumed = 0
    while consumed < len(lines) and len(rows) <= _HEADER_WITHIN + 20:
        reader = csv.reader(
            (line + "\n" for line in lines[consumed : consumed + 10]), delimiter=delimiter, skipinitialspace=True
        )
        try:
            cells = next(reader, [])
            consumed += max(1, reader.line_num)
        except csv.Error:
            cells = []
            consumed += 1
        rows.append(([cell.strip("\ufeff\x00 \t\r\n") for cell in cells], consumed))
    return rows


def _header_at(rows: Sequence[Sequence[str]], named_columns: Collection[str]) -> int:
    named = {name.strip().lower() for name in named_columns}
    candidates = [
        (recognised_fields(cells) + 2 * len(named & {cell.lower() for cell in cells}), -at)
        for at, cells in enumerate(rows[:_HEADER_WITHIN])
        if len(cells) > 1 and len(cells) <= MAX_COLUMNS and not looks_like_data(cells)
    ]
    best, place = max(candidates, default=(0, 0))
    if best >= 2:
        return -place
    return _unrecognised_header_at(rows)


def _unrecognised_header_at(rows: Sequence[Sequence[str]]) -> int:
    at = next((at for at, cells in enumerate(rows) if len(cells) > 1), None)
    if at is None:
        raise HeaderMissing(
            "No comma, semicolon, tab or bar divides the first rows into columns",
            fix="Export the claims as CSV with a header.",
        )
    if len(rows[at]) <= MAX_COLUMNS and looks_like_data(rows[at]):
        raise HeaderMissing(
            "The first row looks like data: the file has no header", where=f"row {at + 1}", fix=_FIX_HEADER
        )
    return at


def _trailing_is_empty(rows: Sequence[tuple[list[str], int]], width: int) -> bool:
    return all(len(cells) < width or not cells[width - 1].strip() for cells, _ in rows)


def _trailing_blanks(rows: Sequence[tuple[list[str], int]], width: int) -> int:
    """How many blank cells most rows have after the last column."""
    extras = Counter(len(cells) - width for cells, _ in rows if any(cell.strip() for cell in cells))
    extra, times = extras.most_common(1)[0] if extras else (0, 0)
    return extra if extra > 0 and times > 0.5 * extras.total() else 0


def unique_names(cells: Sequence[str]) -> list[str]:
    """Names of columns: none is blank, and none is there twice."""
    names: list[str] = []
    for place, cell in enumerate(cells, start=1):
        own = name = printable(cell)[:100] or f"column {place}"
        repeats = 2
        while name in names:
            name = f"{own} ({repeats})"
            repeats += 1
        names.append(name)
    return names
