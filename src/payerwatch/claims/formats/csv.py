"""Claims from CSV, whatever its header, delimiter, encoding and dates, or from JSON lines: opened, settled, then read
in batches.

scanning    one pass over the bytes: what it is, digest, encoding
layout      delimiter and header;  json_lines  the keys of objects, one a line
mapping     which column means what; which columns are personal and dropped
date_order  day or month first
records     lines to cells;  values  cells to checked columns;  setaside  rows that fail, and why
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from payerwatch.claims.formats.date_order import DateEvidence, gather
from payerwatch.claims.formats.dates import DATE_ORDERS, DateOrder
from payerwatch.claims.formats.header_words import AMOUNT_FIELDS, DATE_FIELDS, FIELDS
from payerwatch.claims.formats.headers import name_weight
from payerwatch.claims.formats.json_lines import JsonLayout, JsonTable, find_json_layout
from payerwatch.claims.formats.layout import Layout, find_layout
from payerwatch.claims.formats.lines import Source, read_head, source_of
from payerwatch.claims.formats.mapping import (
    ColumnChoice,
    canonical_field,
    choose_columns,
    header_signature,
    with_remembered,
)
from payerwatch.claims.formats.money import books_with_minus
from payerwatch.claims.formats.notes import choice_notes, layout_notes
from payerwatch.claims.formats.outcomes import question_in
from payerwatch.claims.formats.privacy import is_personal_header
from payerwatch.claims.formats.records import BrokenRow, Table
from payerwatch.claims.formats.refusals import ColumnMissing, DateOrderInvalid, FileRefused, HeaderOnly
from payerwatch.claims.formats.scanning import Scan, encoding_of_head, scan_file, scan_json_lines
from payerwatch.claims.formats.setaside import SetAsideRow, added_columns, set_aside_row, shown_cell, without_cells
from payerwatch.claims.formats.values import RowChecks, accepted_schema
from payerwatch.late import polars as pl

__all__ = [
    "FIELDS",
    "FORMS",
    "Batch",
    "ClaimsFile",
    "Form",
    "Remembered",
    "form_of",
    "open_claims_file",
    "read_header_signature",
    "scan_claims",
]

Form = Literal["csv", "ndjson"]
FORMS: tuple[Form, ...] = ("csv", "ndjson")

BATCH_ROWS = 20_000
_SAMPLE_LINES = 1_000
_HEADER_LINES = 100
_COUNTED_BYTES = 50 << 20


@dataclass(frozen=True)
class Remembered:
    """What an earlier upload with the same header settled; of another header it is ignored."""

    header_signature: str
    mapping: Mapping[str, str | None]
    date_order: DateOrder | None = None


@dataclass(frozen=True)
class Batch:
    """Some rows of the file, each either accepted or set aside; `bytes_read` counts from the file's beginning."""

    accepted: pl.DataFrame
    set_aside: list[SetAsideRow]
    bytes_read: int

    @property
    def row_count(self) -> int:
        """Rows in this batch; blank lines are not rows."""
        return self.accepted.height + len(self.set_aside)


@dataclass(frozen=True)
class ClaimsFile:
    """A claims file whose every question is settled; `batches` reads it, as often as wanted.

    `digest` is the SHA-256 of the bytes in hexadecimal, `mapping` and `confidence` (0 to 1) are by field,
    `dropped_columns` are those that hold patients' data, `notes` sentences for a person.
    """

    path: Source
    scan: Scan
    layout: Layout | JsonLayout
    choice: ColumnChoice
    date_order: DateOrder | None
    today: date
    negated: frozenset[str] = frozenset()
    notes: list[str] = field(default_factory=list)

    @property
    def digest(self) -> str:
        return self.scan.digest

    @property
    def size_bytes(self) -> int:
        return self.scan.size_bytes

    @property
    def encoding(self) -> str:
        return self.scan.encoding

    @property
    def delimiter(self) -> str:
        return self.layout.delimiter

    @property
    def columns(self) -> list[str]:
        return self.layout.columns

    @property
    def mapping(self) -> dict[str, str]:
        return {name: self.columns[at] for name, at in self.choice.columns.items()}

    @property
    def confidence(self) -> dict[str, float]:
        return self.choice.confidence

    @property
    def dropped_columns(self) -> list[str]:
        return [self.columns[at] for at in self.choice.dropped]

    @property
    def kept_columns(self) -> list[str]:
        """The columns of `SetAsideRow.cells`: the file's own without those whose header promises patients' data.

        A column dropped for what its cells look like is there and blank, so that the header stays recognisable.
        """
        return [self.columns[at] for at in self._kept]

    @property
    def header_signature(self) -> str:
        return header_signature(self.columns)

    @property
    def is_numbered(self) -> bool:
        """Whether a column gives claim numbers, so that a later file can correct claims."""
        return "claim_number" in self.choice.columns

    def batches(self, rows: int = BATCH_ROWS) -> Iterator[Batch]:
        """All rows in the file's order, about `rows` at a time; memory does not grow with the file."""
        checks = RowChecks(
            self.choice.columns,
            order=self.date_order,
            asks=question_in(self.mapping["outcome"]),
            negated=self.negated,
            today=self.today,
        )
        wanted = sorted(set(self.choice.columns.values()))
        for table in self.layout.tables(self.path, self.encoding, wanted, rows):
            yield self._batch(table, checks)

    @property
    def _kept(self) -> list[int]:
        personal = {at for at in self.choice.dropped if is_personal_header(self.columns[at])}
        left_out = {*personal, *added_columns(self.columns)}
        return [at for at in range(len(self.columns)) if at not in left_out]

    def _batch(self, table: Table | JsonTable, checks: RowChecks) -> Batch:
        checked = checks.check(table.frame)
        accepted = checked.filter(pl.col("problem").is_null()).select(list(accepted_schema()))
        failed = checked.filter(pl.col("problem").is_not_null()).select("row", "record", "problem")
        kept = self._kept
        rows = [
            set_aside_row(row, code, self._shown_cells(table.cells(record), kept))
            for row, record, code in failed.iter_rows()
        ]
        rows += [self._broken_row(broken, table, kept) for broken in table.broken]
        return Batch(accepted, sorted(rows, key=lambda row: row.row), table.bytes_read)

    def _broken_row(self, broken: BrokenRow, table: Table | JsonTable, kept: Sequence[int]) -> SetAsideRow:
        """Which cell is whose cannot be told, so that none is shown of a file with columns of patients' data."""
        if self.choice.dropped:
            return without_cells(set_aside_row(broken.row, broken.code, [""] * len(kept)))
        return set_aside_row(broken.row, broken.code, self._shown_cells(table.likely_cells(broken), kept))

    def _shown_cells(self, cells: Sequence[str], kept: Sequence[int]) -> list[str]:
        fields = {at: name for name, at in self.choice.columns.items()}
        return ["" if at in self.choice.dropped else shown_cell(fields.get(at), cells[at]) for at in kept]


def form_of(name: str) -> Form:
    """The form of a name that is one of `FORMS`."""
    return next(form for form in FORMS if form == name)


def scan_claims(path: Source, form: Form = "csv") -> Scan:
    """One pass over a file of this form. Raises a FileRefused."""
    return scan_file(path) if form == "csv" else scan_json_lines(path)


def open_claims_file(
    path: Source | str,
    *,
    form: Form = "csv",
    mapping: Mapping[str, str | None] | None = None,
    date_order: str | None = None,
    remembered: Remembered | None = None,
    scan: Scan | None = None,
    today: date,
) -> ClaimsFile:
    """Settle what the file is, which column means what and how its dates are read.

    `mapping` (field to column, null for a field to be left out) and `date_order` (mdy, dmy, ymd) overrule what was
    `remembered`, which overrules the guess. A `scan` made before is not made again. Raises a FileRefused where a
    person has to decide or nothing can be read.
    """
    path = source_of(path)
    asked = dict(mapping or {})
    order = _known_order(date_order)
    scan = scan or scan_claims(path, form)
    layout, samples = _layout(path, form, scan, [name for name in asked.values() if name])
    notes = layout_notes(layout)
    order_before = None
    if remembered is not None and remembered.header_signature == header_signature(layout.columns):
        # A file loaded without decision dates was loaded so because someone had said that there are none.
        asked = with_remembered(asked, {"decided_date": None, **remembered.mapping}, layout.columns)
        order_before = remembered.date_order
        notes.append("The mapping of an earlier file with the same header was used.")
    if form == "ndjson":
        asked = _as_keys_say(layout.columns, asked)
    try:
        choice = choose_columns(layout.columns, samples, asked)
    except ColumnMissing as refusal:
        raise _with_pending_counted(refusal, path, scan, asked, date_order, today) from None
    order = order or _date_evidence(path, scan, layout, choice).order(_date_columns(layout, choice), order_before)
    amounts = {name: samples[choice.columns[name]] for name in AMOUNT_FIELDS if name in choice.columns}
    negated = frozenset(name for name, cells in amounts.items() if books_with_minus(cells))
    notes += choice_notes(layout, choice, order, negated)
    return ClaimsFile(path, scan, layout, choice, order, today, negated, notes)


def read_header_signature(path: Source | str, named_columns: Collection[str] = (), *, form: Form = "csv") -> str:
    """The signature of a file's header, from its first MiB alone; `named_columns` are those a mapping names.

    JSON lines are read whole, since a key may come late. Raises a FileRefused where there is no header.
    """
    path = source_of(path)
    if form == "ndjson":
        return header_signature(find_json_layout(path).columns)
    with path.open("rb") as file:
        encoding = encoding_of_head(file.read(1 << 16))
    lines = read_head(path, encoding, lines=_HEADER_LINES)
    return header_signature(find_layout(lines, named_columns).columns)


def _known_order(date_order: str | None) -> DateOrder | None:
    if date_order is None:
        return None
    for order in DATE_ORDERS:
        if date_order.strip().lower() == order:
            return order
    raise DateOrderInvalid("The date order is none we know", where="--date-order", fix=f"Use {', '.join(DATE_ORDERS)}.")


def _layout(
    path: Source, form: Form, scan: Scan, named_columns: Collection[str]
) -> tuple[Layout | JsonLayout, list[list[str]]]:
    """The layout, and cells of the first rows by column. Raises a FileRefused."""
    if form == "ndjson":
        found = find_json_layout(path)
        return found, found.samples(path, _SAMPLE_LINES)
    lines = read_head(path, scan.encoding, lines=_SAMPLE_LINES)
    layout = find_layout(lines, named_columns)
    table = layout.sample(lines)
    if not table.frame.height and not table.broken:
        raise HeaderOnly("The file has a header and no rows", fix="Export the claims of a longer period.")
    return layout, [table.frame[str(at)].to_list() for at in range(len(layout.columns))]


def _as_keys_say(columns: Sequence[str], asked: Mapping[str, str | None]) -> dict[str, str | None]:
    """What was asked for, and of keys that are our own names of fields what these say.

    Where no key is like a decision date there is none: an object leaves out what it does not know, and a claim that is
    decided is set aside without it.
    """
    said = {canonical_field(key): name for key, name in asked.items()}
    taken = set(said.values())
    own = {name: name for name in FIELDS if name in columns and name not in said and name not in taken}
    if "decided_date" not in {**said, **own} and not any(name_weight("decided_date", each) for each in columns):
        return {**said, **own, "decided_date": None}
    return {**said, **own}


def _date_columns(layout: Layout | JsonLayout, choice: ColumnChoice) -> list[str]:
    return [layout.columns[choice.columns[name]] for name in DATE_FIELDS if name in choice.columns]


def _date_evidence(path: Source, scan: Scan, layout: Layout | JsonLayout, choice: ColumnChoice) -> DateEvidence:
    """What the first rows prove, or all of them where the first do not."""
    dated = [choice.columns[name] for name in DATE_FIELDS if name in choice.columns]
    tables = layout.tables(path, scan.encoding, sorted(set(dated)), _SAMPLE_LINES * 5)
    return gather((table.frame for table in tables), [str(at) for at in dated])


def _with_pending_counted(
    refusal: ColumnMissing,
    path: Source,
    scan: Scan,
    asked: Mapping[str, str | None],
    date_order: str | None,
    today: date,
) -> ColumnMissing:
    """The refusal with the number of rows that would load without decision dates, where counting is cheap."""
    if refusal.fields != ("decided_date",) or scan.size_bytes > _COUNTED_BYTES:
        return refusal
    try:
        file = open_claims_file(path, mapping={**asked, "decided_date": None}, date_order=date_order, today=today)
    except FileRefused:
        return refusal
    accepted = rows = 0
    for batch in file.batches():
        accepted += batch.accepted.height
        rows += batch.row_count
    fix = f"{refusal.fix} Here that is {accepted:,} of {rows:,} rows."
    return ColumnMissing(refusal.message, where=refusal.where, fix=fix, fields=refusal.fields)
