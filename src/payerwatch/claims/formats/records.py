"""Lines into rows of cells: vectorised where a row is simple, one by one where its quotation marks are not.

Nothing is swallowed: a quotation mark that never closes costs its own row only, and the lines after it are read
as rows again.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from payerwatch.claims.formats.lines import LineBlock
from payerwatch.late import polars as pl

_LONGEST_RECORD_LINES = 100
LONGEST_RECORD = 100_000  # characters; the csv module itself gives up at 131,072 in one cell


class BrokenRow(NamedTuple):
    """A row whose cells cannot be told apart: where it stands, the reason code, its position in the block."""

    row: int
    code: str
    record: int


@dataclass(frozen=True)
class Grid:
    """How rows divide into cells: the delimiter, the number of columns, and of blank cells after the last one.

    Such blank cells count only where the file's rows have them throughout: in a single row they mean that a comma
    within a cell has moved the others.
    """

    delimiter: str
    width: int
    trailing: int = 0

    def cells(self, text: str) -> list[str] | None:
        """The cells of one record; None where it cannot be divided into as many as there are columns."""
        try:
            reader = csv.reader([text], delimiter=self.delimiter, skipinitialspace=True, strict=True)
            cells = next(reader, [])
        except csv.Error:
            return None
        if len(cells) == self.width + self.trailing and not "".join(cells[self.width :]).strip():
            cells = cells[: self.width]
        return [_without_formula(cell) for cell in cells] if len(cells) == self.width else None

    def likely_cells(self, text: str) -> list[str]:
        """What the cells of a broken record may be, cut or filled up with blank ones to the number of columns.

        A quotation mark that never closes is taken for none; a NUL becomes the mark of a lost character.
        """
        plain = text.replace("\x00", "\ufffd")
        try:
            *cells, last = next(csv.reader([plain], delimiter=self.delimiter, skipinitialspace=True), [""])
        except csv.Error:
            return [""] * self.width
        cells += [last] if len(cells) + 1 >= self.width else last.split(self.delimiter)
        return (cells + [""] * self.width)[: self.width]


def _without_formula(cell: str) -> str:
    """`="00123"` is how a spreadsheet is told to leave a number alone."""
    return cell[2:-1] if cell.startswith('="') and cell.endswith('"') and len(cell) > 2 else cell


@dataclass(frozen=True)
class Table:
    """Rows of one block.

    `frame` holds `row` (as a spreadsheet counts, blank lines too), `record` (position in the block) and the wanted
    columns as text, named by their position: "0", "3".
    """

    frame: pl.DataFrame
    broken: list[BrokenRow]
    bytes_read: int
    grid: Grid
    records: list[str]

    def cells(self, record: int) -> list[str]:
        """All cells of a row of the frame."""
        text = self.records[record]
        if '"' not in text and text.count(self.grid.delimiter) == self.grid.width - 1:
            return text.split(self.grid.delimiter)
        return self.grid.cells(text) or [""] * self.grid.width

    def likely_cells(self, broken: BrokenRow) -> list[str]:
        """What the cells of a broken row may be; blank ones where it is too long to be looked at."""
        text = self.records[broken.record]
        return self.grid.likely_cells(text) if len(text) <= LONGEST_RECORD else [""] * self.grid.width


def read_tables(blocks: Iterable[LineBlock], grid: Grid, wanted: list[int], *, first_row: int) -> Iterator[Table]:
    """A table for each block; a row whose lines continue in the next block goes there whole."""
    carried: list[str] = []
    row = first_row
    for block in blocks:
        joined = _join_quoted_lines(carried + block.lines, grid, is_last=block.is_last)
        carried = joined.carried
        yield _table(joined, grid, wanted, row, block.bytes_read)
        row += len(joined.records)


class _Joined(NamedTuple):
    records: list[str]
    unclosed: set[int]
    carried: list[str]


def _join_quoted_lines(lines: list[str], grid: Grid, *, is_last: bool) -> _Joined:
    """Lines into records: a cell in quotation marks may hold line ends."""
    odd = [at for at, line in enumerate(lines) if '"' in line and line.count('"') % 2]
    if not odd:
        return _Joined(lines, set(), [])
    records: list[str] = []
    unclosed: set[int] = set()
    position = 0
    for here, at in enumerate(odd):
        if at < position:
            continue
        records += lines[position:at]
        closing = odd[here + 1] if here + 1 < len(odd) else None
        if closing is None and not is_last and _may_be_one_record(lines[at:]):
            return _Joined(records, unclosed, lines[at:])
        position = _end_of_record(lines, at, closing, grid)
        if position == at:
            unclosed.add(len(records))
            position = at + 1
        records.append("\n".join(lines[at:position]))
    return _Joined(records + lines[position:], unclosed, [])


def _end_of_record(lines: list[str], at: int, closing: int | None, grid: Grid) -> int:
    """The line after the record that begins at line `at`; `at` itself where its quotation mark never closes."""
    if grid.cells(lines[at]) is not None:
        return at + 1
    if closing is None or not _may_be_one_record(lines[at : closing + 1]):
        return at
    # A line within that is a whole row by itself shows that the quotation mark was left open by mistake.
    if any(grid.cells(line) is not None for line in lines[at + 1 : closing]):
        return at
    return closing + 1 if grid.cells("\n".join(lines[at : closing + 1])) is not None else at


def _may_be_one_record(lines: list[str]) -> bool:
    return len(lines) <= _LONGEST_RECORD_LINES and sum(map(len, lines)) <= LONGEST_RECORD


def _table(joined: _Joined, grid: Grid, wanted: list[int], first_row: int, bytes_read: int) -> Table:
    records = joined.records
    frame = pl.DataFrame({"text": pl.Series(records, dtype=pl.String)}).with_row_index("record")
    frame = frame.with_columns(pl.col("record").cast(pl.Int64)).with_columns(
        (pl.col("record") + first_row).alias("row"), _kind(grid, joined.unclosed).alias("kind")
    )
    together, rest = _together(frame, grid, wanted)
    other, broken = _one_by_one(rest, grid, wanted, joined.unclosed)
    parts = [_plain(frame, grid, wanted), _boxed(frame, grid, wanted), together, other]
    parts = [part for part in parts if part.height] or parts[:1]
    whole = parts[0] if len(parts) == 1 else pl.concat(parts).sort("record")
    return Table(whole, broken, bytes_read, grid, records)


def _kind(grid: Grid, unclosed: set[int]) -> pl.Expr:
    text, between = pl.col("text"), f'"{grid.delimiter}"'
    delimiters = text.str.count_matches(grid.delimiter, literal=True)
    quotes = text.str.count_matches('"', literal=True)
    boxed = (
        (quotes == 2 * grid.width)
        & (text.str.count_matches(between, literal=True) == grid.width - 1)
        & text.str.starts_with('"')
        & text.str.ends_with('"')
    )
    return (
        pl.when(text.str.strip_chars(' \t\r\u00a0"' + grid.delimiter) == "")
        .then(pl.lit("blank"))
        .when(text.str.contains("\x00", literal=True) | pl.col("record").is_in(sorted(unclosed)))
        .then(pl.lit("other"))
        .when((quotes == 0) & (delimiters == grid.width - 1))
        .then(pl.lit("plain"))
        .when(boxed)
        .then(pl.lit("boxed"))
        .when((quotes % 2 == 0) & ~text.str.contains('[\r\n]|="') & (text.str.len_chars() <= LONGEST_RECORD))
        .then(pl.lit("paired"))
        .otherwise(pl.lit("other"))
    )


def _plain(frame: pl.DataFrame, grid: Grid, wanted: list[int]) -> pl.DataFrame:
    rows = frame.filter(pl.col("kind") == "plain")
    return _divided(rows, pl.col("text"), grid.delimiter, grid.width, wanted)


def _boxed(frame: pl.DataFrame, grid: Grid, wanted: list[int]) -> pl.DataFrame:
    """Rows with every cell in quotation marks and none within a cell."""
    rows = frame.filter(pl.col("kind") == "boxed")
    inner = pl.col("text").str.slice(1).str.head(-1)
    return _divided(rows, inner, f'"{grid.delimiter}"', grid.width, wanted)


def _divided(rows: pl.DataFrame, text: pl.Expr, between: str, width: int, wanted: list[int]) -> pl.DataFrame:
    cells = rows.select("row", "record", text.str.split_exact(between, width - 1).alias("cells"))
    return cells.select("row", "record", *(pl.col("cells").struct.field(f"field_{at}").alias(str(at)) for at in wanted))


def _together(frame: pl.DataFrame, grid: Grid, wanted: list[int]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows whose quotation marks pair up within the line, read in one go; and the rows that must be looked at singly.

    One go is right only if it gives one row of cells for each line: otherwise a quotation mark has misled it.
    """
    rows = frame.filter(pl.col("kind") == "paired")
    try:
        cells = list(csv.reader(rows["text"], delimiter=grid.delimiter, skipinitialspace=True, strict=True))
    except csv.Error:
        cells = []
    if len(cells) != rows.height:
        cells = [[] for _ in range(rows.height)]
    fits = pl.Series([len(row) == grid.width for row in cells], dtype=pl.Boolean)
    columns = list(zip(*(row for row in cells if len(row) == grid.width), strict=True)) or [()] * grid.width
    read = rows.filter(fits).select("row", "record")
    read = read.with_columns(pl.Series(str(at), columns[at], dtype=pl.String) for at in wanted)
    return read, pl.concat([frame.filter(pl.col("kind") == "other"), rows.filter(~fits)])


def _one_by_one(
    frame: pl.DataFrame, grid: Grid, wanted: list[int], unclosed: set[int]
) -> tuple[pl.DataFrame, list[BrokenRow]]:
    rows: list[tuple[object, ...]] = []
    broken = []
    for record, row, text in frame.select("record", "row", "text").iter_rows():
        cells = None if "\x00" in text or len(text) > LONGEST_RECORD else grid.cells(text)
        if record in unclosed or cells is None:
            broken.append(BrokenRow(row, _why_broken(text, record in unclosed), record))
        else:
            rows.append((row, record, *(cells[at] for at in wanted)))
    schema = {"row": pl.Int64, "record": pl.Int64} | {str(at): pl.String for at in wanted}
    return pl.DataFrame(rows, schema=schema, orient="row"), broken


def _why_broken(text: str, is_unclosed: bool) -> str:
    if "\x00" in text:
        return "nul_character"
    if len(text) > LONGEST_RECORD:
        return "row_too_long"
    return "quote_not_closed" if is_unclosed else "wrong_number_of_cells"
