"""Sentences for the person who loads a file: what was decided about it that she may want to know."""

from payerwatch.claims.formats.dates import DateOrder
from payerwatch.claims.formats.json_lines import JsonLayout
from payerwatch.claims.formats.layout import Layout
from payerwatch.claims.formats.mapping import ColumnChoice


def layout_notes(layout: Layout | JsonLayout) -> list[str]:
    """Where the header is, if not at the top."""
    return [f"The header was found in row {layout.header_row}."] if layout.header_row > 1 else []


def choice_notes(
    layout: Layout | JsonLayout, choice: ColumnChoice, order: DateOrder | None, negated: frozenset[str]
) -> list[str]:
    """How dates are read, what was dropped, and what the file cannot give."""
    notes = []
    if order in ("mdy", "dmy"):
        first = "month" if order == "mdy" else "day"
        notes.append(f"Dates are read with the {first} first ({order}).")
    if choice.dropped:
        dropped = ", ".join(layout.columns[at] for at in choice.dropped)
        notes.append(f"Dropped as patients' data: {dropped}.")
    if "claim_number" not in choice.columns:
        notes.append("There is no claim number: corrections in a later file cannot be matched to these claims.")
    if "decided_date" not in choice.columns:
        notes.append("There is no decision date: only pending rows can be loaded.")
    for name in sorted(negated):
        notes.append(
            f"Column {layout.columns[choice.columns[name]]} books amounts with a minus; they are read without."
        )
    return notes
