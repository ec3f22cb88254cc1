"""The record as a file: JSON Lines that the verifier reads, or CSV for spreadsheets, each with its proof.

    export = begin_export(customer, actor=actor, form="jsonl")
    for text in export.lines(): ...

The export is itself recorded, first and in a transaction of its own: a reader who stops halfway has read all
the same. Lines are read in short transactions, so an export holds no lock and may run after a request has ended.
"""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from django.db.models import Max, Min

from payerwatch.audit.actors import Actor
from payerwatch.audit.checkpointing import checkpoint_directory, public_key_path
from payerwatch.audit.models import Entry
from payerwatch.audit.record import Thing, record
from payerwatch.audit.stored import ChainHead, chain_head, stored_entries
from payerwatch.audit.verifying.checkpoints import Checkpoint, read_checkpoints
from payerwatch.audit.verifying.definition import CONTENT, StoredEntry, chain_name
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer

Form = Literal["jsonl", "csv"]
COLUMNS = ("customer", "position", "at", *CONTENT, "previous", "digest")
_AT_ONCE = 2_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Export:
    """Entries `first` to `last` of a customer's chain, without a gap; none where last is below first."""

    customer: int
    form: Form
    first: int
    last: int
    head: ChainHead

    def lines(self) -> Iterator[str]:
        """The file, line by line. JSON Lines end with the proof; a CSV's proof is `proof()`, to be kept beside it."""
        if self.form == "csv":
            yield _csv_line(COLUMNS)
        for entry in self._entries():
            yield _csv_line(_cells(entry).values()) if self.form == "csv" else _json_line(_cells(entry))
        if self.form == "jsonl":
            yield _json_line({"proof": self.proof()})

    def proof(self) -> dict[str, Any]:
        """What a verifier holds the entries against: range, head, newest checkpoint of the range, public key."""
        chain = chain_name(self.customer)
        known = [each for each in read_checkpoints(checkpoint_directory(), chain) if each.position <= self.last]
        return {
            "chain": chain,
            "first": self.first,
            "last": self.last,
            "head": {"length": self.head.length, "digest": self.head.digest.hex()},
            "checkpoint": _told(known[-1]) if known else None,
            "public_key": public_key_path().read_text() if public_key_path().exists() else None,
        }

    def _entries(self) -> Iterator[StoredEntry]:
        """In pieces, each read within the customer and given out when the customer is left again."""
        for start in range(self.first, self.last + 1, _AT_ONCE):
            with acting_in(self.customer, reading=True):
                piece = list(stored_entries(self.customer, start, min(start + _AT_ONCE - 1, self.last)))
            yield from piece


def begin_export(
    customer: Customer, *, actor: Actor, form: Form, since: datetime | None = None, until: datetime | None = None
) -> Export:
    """Record the export and say what it holds: from the first entry at or after `since` to the last before `until`."""
    with acting_in(customer):
        head = chain_head(customer.pk)
        first, last = _range(since, until, head.length)
        after = {"form": form, "since": since, "until": until, "first": first, "last": last}
        record("export", Thing("entry"), actor=actor, after=after | {"count": max(0, last - first + 1)})
    return Export(customer.pk, form, first, last, head)


def _range(since: datetime | None, until: datetime | None, length: int) -> tuple[int, int]:
    """Positions, so that the part exported has no gap even where a clock was set back."""
    first, last = 1, length
    if since is not None:
        first = Entry.objects.filter(at__gte=since).aggregate(first=Min("position"))["first"] or length + 1
    if until is not None:
        last = Entry.objects.filter(at__lt=until).aggregate(last=Max("position"))["last"] or 0
    return first, last


def _cells(entry: StoredEntry) -> dict[str, Any]:
    at = (_EPOCH + timedelta(microseconds=entry.at)).isoformat(timespec="microseconds").replace("+00:00", "Z")
    place = (entry.customer, entry.position, at)
    return dict(zip(COLUMNS, (*place, *entry.content, entry.previous.hex(), entry.digest.hex()), strict=True))


def _told(checkpoint: Checkpoint) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(checkpoint.line())
    return told


def _json_line(said: dict[str, Any]) -> str:
    return json.dumps(said, ensure_ascii=False) + "\n"


def _csv_line(cells: Any) -> str:
    target = io.StringIO()
    csv.writer(target).writerow([_harmless(str(cell)) for cell in cells])
    return target.getvalue()


def _harmless(cell: str) -> str:
    """A spreadsheet takes a cell that begins so for a formula; an apostrophe makes it text."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
