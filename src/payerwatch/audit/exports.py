"""The record as a file: JSON Lines, or CSV for spreadsheets, each with its proof on the last line for the verifier.

    export = begin_export(customer, actor=actor, form="jsonl")
    for text in export.lines(): ...

The export is itself recorded, first and in a transaction of its own: a reader who stops halfway has read all
the same. Lines are read in short transactions, so an export holds no lock and may run after a request has ended.
"""

import csv
import io
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from django.db import transaction
from django.db.models import Max, Min

from payerwatch.audit.actors import Actor
from payerwatch.audit.checkpointing import checkpoint_directory, public_key_path, signature
from payerwatch.audit.record import Thing, record, record_for_installation
from payerwatch.audit.stored import chain_head, entered, rows, stored_entries
from payerwatch.audit.verifying.checkpoints import Checkpoint, read_checkpoints
from payerwatch.audit.verifying.definition import GENESIS, StoredEntry, chain_name
from payerwatch.audit.verifying.exported import COLUMNS, CSV_PROOF, harmless, signed_bytes
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer

Form = Literal["jsonl", "csv"]
_AT_ONCE = 2_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Export:
    """Entries `first` to `last` of a customer's chain, or with None of the installation's, without a gap.

    There are none where last is below first. `previous` is the digest before the first, `digest` that of the last.
    """

    customer: int | None
    form: Form
    first: int
    last: int
    previous: bytes
    digest: bytes

    def lines(self) -> Iterator[str]:
        """The file, line by line; the last is the proof."""
        if self.form == "csv":
            yield _csv_line(COLUMNS)
        for entry in self._entries():
            yield _csv_line(_cells(entry).values()) if self.form == "csv" else _json_line(_cells(entry))
        proof = self._proof()
        yield _csv_line([CSV_PROOF, json.dumps(proof)]) if self.form == "csv" else _json_line({"proof": proof})

    def _proof(self) -> dict[str, Any]:
        """What a verifier holds the entries against: range and both ends, signed; newest checkpoint; public key."""
        chain = chain_name(self.customer)
        known = [each for each in read_checkpoints(checkpoint_directory(), chain) if each.position <= self.last]
        said = {
            "chain": chain,
            "first": self.first,
            "last": self.last,
            "previous": self.previous.hex(),
            "digest": self.digest.hex(),
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        return said | {
            "signature": _signature(said),
            "checkpoint": _told(known[-1]) if known else None,
            "public_key": public_key_path().read_text() if public_key_path().exists() else None,
        }

    def _entries(self) -> Iterator[StoredEntry]:
        """In pieces, each read within the customer and given out when the customer is left again."""
        for start in range(self.first, self.last + 1, _AT_ONCE):
            with entered(self.customer):
                piece = list(stored_entries(self.customer, start, min(start + _AT_ONCE - 1, self.last)))
            yield from piece


def begin_export(
    customer: Customer | None, *, actor: Actor, form: Form, since: datetime | None = None, until: datetime | None = None
) -> Export:
    """Record the export and say what it holds: from the first entry at or after `since` to the last before `until`.

    Without a customer it is the installation's record, and recorded there.
    """
    number = None if customer is None else customer.pk
    with transaction.atomic() if customer is None else acting_in(customer):
        first, last = _range(number, since, until)
        export = Export(number, form, first, last, _digest_of(number, first - 1), _digest_of(number, last))
        after = {"form": form, "since": since, "until": until, "first": first, "last": last, "count": last - first + 1}
        recording = record_for_installation if customer is None else record
        recording("export", Thing("entry" if customer else "installation_entry"), actor=actor, after=after)
    return export


def _digest_of(customer: int | None, position: int) -> bytes:
    return bytes(rows(customer).get(position=position).digest) if position else GENESIS


def _signature(said: dict[str, Any]) -> str:
    """Empty where the key is missing: the verifier then asks for a checkpoint of the last entry."""
    try:
        return signature(signed_bytes(said))
    except (OSError, ValueError) as error:
        logger.error("An export could not be signed: %s. `payerwatch migrate` makes the key.", type(error).__name__)
        return ""


def _range(customer: int | None, since: datetime | None, until: datetime | None) -> tuple[int, int]:
    """Positions, so that the part exported has no gap even where a clock was set back."""
    length = chain_head(customer).length
    first, last = 1, length
    if since is not None:
        first = rows(customer).filter(at__gte=since).aggregate(first=Min("position"))["first"] or length + 1
    if until is not None:
        last = rows(customer).filter(at__lt=until).aggregate(last=Max("position"))["last"] or 0
    return first, max(last, first - 1)


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
    csv.writer(target).writerow(["" if cell is None else harmless(str(cell)) for cell in cells])
    return target.getvalue()
