"""Rows that cannot be loaded: why, what to do, and the file they are written back to."""

import csv
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TextIO

from payerwatch.claims.formats.denial_words import known_words
from payerwatch.claims.formats.header_words import AMOUNT_FIELDS, DATE_FIELDS
from payerwatch.claims.formats.outcomes import read_outcome
from payerwatch.claims.formats.privacy import mask_numbers, mask_text, names_an_identifier

REASONS: dict[str, tuple[str, str]] = {
    "wrong_number_of_cells": (
        "The row has another number of cells than the header.",
        "Put quotes around cells that contain the delimiter, such as 1,200.50.",
    ),
    "quote_not_closed": (
        "A quotation mark opens a cell and is never closed.",
        "Close the quotation mark, or remove it.",
    ),
    "row_too_long": ("The row is longer than 100,000 characters.", "Shorten or remove its long cells."),
    "nul_character": ("The row contains a NUL character.", "Export the row again; the file was damaged here."),
    "line_not_json_object": (
        "The line is not one JSON object in UTF-8 that can be read.",
        "Write one object on each line, in UTF-8 and without a list around them.",
    ),
    "key_repeated": ("A key stands twice in the object.", "Give each key once."),
    "value_not_text": (
        "A value is an object, a list, or true or false where that answers no question.",
        "Give a text, a number or null.",
    ),
    "half_character": (
        "The row contains half of a character.",
        "Write each character whole, such as \\ud83d only with the half that follows it.",
    ),
    "payer_missing": ("The payer is blank.", "Name the payer the claim was sent to."),
    "payer_is_formula": (
        "The payer begins like a spreadsheet formula.",
        "Write the payer's name without =, +, - or @ in front.",
    ),
    "cpt_missing": ("The procedure code is blank.", "Give the CPT or HCPCS code of the row."),
    "cpt_invalid": (
        "The procedure code is not one CPT or HCPCS code.",
        "Give one code of five characters per row; a spreadsheet may have dropped leading zeros.",
    ),
    "submitted_date_missing": ("The submitted date is blank.", "Give the date the claim was sent."),
    "submitted_date_invalid": (
        "The submitted date cannot be read.",
        "Write it as YYYY-MM-DD; check that it follows the file's order of day and month.",
    ),
    "submitted_date_is_serial": (
        "The submitted date is a spreadsheet's day number.",
        "Format the column as a date in the spreadsheet and export again.",
    ),
    "submitted_date_out_of_range": ("The submitted date is before 1990.", "Correct the year."),
    "submitted_date_in_future": ("The submitted date is later than today.", "Correct the date."),
    "outcome_missing": ("The outcome is blank.", "Say whether the claim was paid, denied or is pending."),
    "outcome_unknown": (
        "The outcome is not a word we know.",
        "Write paid, partially paid, denied, appealed or pending.",
    ),
    "outcome_not_a_decision": (
        "The row is a void, a reversal, a write-off or the like, not a payer's decision.",
        "Leave it out; the claim it belongs to has its own row.",
    ),
    "rejected_before_decision": (
        "The claim was rejected without a decision date: the payer never decided it.",
        "Load it once resubmitted; if the payer did deny it, give the decision date.",
    ),
    "decided_date_missing": (
        "The claim is decided and the decision date is blank.",
        "Give the date of the remittance, or call the claim pending.",
    ),
    "decided_date_invalid": (
        "The decision date cannot be read.",
        "Write it as YYYY-MM-DD; check that it follows the file's order of day and month.",
    ),
    "decided_date_is_serial": (
        "The decision date is a spreadsheet's day number.",
        "Format the column as a date in the spreadsheet and export again.",
    ),
    "decided_date_out_of_range": ("The decision date is before 1990.", "Correct the year."),
    "decided_date_in_future": ("The decision date is later than today.", "Correct the date."),
    "decided_before_submitted": (
        "The decision date is earlier than the submitted date.",
        "Check whether the two dates are swapped, or the claim was sent twice.",
    ),
    "amount_invalid": ("An amount cannot be read.", "Write amounts as 1200.50."),
    "amount_negative": (
        "An amount is negative: take-backs and reversals are not decisions.",
        "Leave the row out, or give the amount of the decision.",
    ),
    "claim_number_reserved": (
        "The claim number begins with ~, which Payerwatch keeps for rows without one.",
        "Remove the ~, or leave the number blank.",
    ),
    "claim_number_rounded": (
        "A spreadsheet rounded the claim number (as in 1.2E+11), so that claims would be mixed up.",
        "Format the column as text in the spreadsheet and export again.",
    ),
    "claim_number_too_long": ("The claim number is longer than 80 characters.", "Check the column mapping."),
}

# Such a cell holds a code, a date or an amount; somebody may have written a sentence there all the same.
_TERSE_FIELDS = frozenset(("cpt", *DATE_FIELDS, *AMOUNT_FIELDS))
_FEWEST_WORDS_OF_TEXT = 4
_ADDED_COLUMNS = ("row", "reason_code", "reason", "fix")
_WITHOUT_CELLS = "Its cells are left out, for the file has columns of patients' data."
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def added_columns(columns: Sequence[str]) -> range:
    """The positions of the columns that `SetAsideWriter` added to a file which is now loaded corrected."""
    first = max(len(columns) - len(_ADDED_COLUMNS), 0)
    # Where the file has a column `reason` of its own, ours is read as `reason (2)`.
    names = tuple(re.sub(r" \(\d+\)$", "", column) for column in columns[first:])
    return range(first, len(columns)) if names == _ADDED_COLUMNS else range(0)


class SetAsideRow(NamedTuple):
    """A row that was not loaded: its number in a spreadsheet (the header is row 1), why, and its cells."""

    row: int
    code: str
    reason: str
    fix: str
    cells: list[str]


def set_aside_row(row: int, code: str, cells: list[str]) -> SetAsideRow:
    """The row with the sentences of its reason code."""
    reason, fix = REASONS[code]
    return SetAsideRow(row, code, reason, fix, cells)


def without_cells(row: SetAsideRow) -> SetAsideRow:
    """The same row, saying why its cells are blank."""
    return row._replace(reason=f"{row.reason} {_WITHOUT_CELLS}")


def shown_cell(field: str | None, cell: str) -> str:
    """The cell to give back: as it is where it can be corrected, masked where it is free text.

    `field` is what its column means, None where nobody asked for the column.
    """
    if field == "claim_number" and " " not in cell.strip():
        return cell
    if field == "denial_reason":
        return known_words(cell)
    if field == "payer" or (field == "outcome" and read_outcome(mask_text(cell)) != read_outcome(cell)):
        return mask_numbers(cell)
    is_terse = len(re.findall(r"[^\W\d_]+", cell)) < _FEWEST_WORDS_OF_TEXT and not names_an_identifier(cell)
    if field in _TERSE_FIELDS and is_terse:
        return mask_numbers(cell)
    return mask_text(cell) if " " in cell.strip() else mask_numbers(cell)


class SetAsideWriter:
    """Writes rows as CSV in the file's own columns, then row, reason_code, reason and fix.

    Columns with a header of patients' data are absent and others dropped as personal are blank; cells a spreadsheet
    would run as a formula get a leading apostrophe.
    """

    def __init__(self, file: TextIO, columns: Sequence[str]) -> None:
        self._writer = csv.writer(file, lineterminator="\r\n")
        self._writer.writerow([*map(neutralised, columns), *_ADDED_COLUMNS])

    def write(self, rows: Iterable[SetAsideRow]) -> None:
        """Append the rows."""
        for row in rows:
            self._writer.writerow([*map(neutralised, row.cells), row.row, row.code, row.reason, row.fix])


def neutralised(cell: str) -> str:
    """The cell, led by an apostrophe where a spreadsheet would run it as a formula."""
    return "'" + cell if cell.startswith(_FORMULA_STARTS) else cell
