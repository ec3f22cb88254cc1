"""The product on one page: a file of claims in, a named drift out.

    receive   the file is known by its digest: the same file twice changes nothing
    load      its rows become claims
    count     what the load changed is added to the run-off cells
    detect    the cells of one week are judged; drift events open, change and close

Receive, load and count are one transaction, so a file is loaded whole or not at all; detect is another.
Undo and re-mapping go the same road: claims are counted out, changed, and counted in again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TextIO, cast

from django.db import transaction

from payerwatch.claims import actions as claims
from payerwatch.claims.formats.csv import ClaimsFile, Remembered, open_claims_file, read_header_signature
from payerwatch.claims.formats.dates import DATE_ORDERS
from payerwatch.claims.formats.setaside import SetAsideWriter
from payerwatch.claims.loading import Loaded, Progress, load_claims, lock_claims
from payerwatch.claims.models import CptGroupMapping, PayerMapping, Upload
from payerwatch.claims.queries import (
    earlier_upload_of,
    latest_upload_with,
    stands_whole,
    upload_with_id,
    uploads_that_repeated_claims_since,
)
from payerwatch.drift import runoff
from payerwatch.drift.actions import Detected, detect_drift, lock_findings, withdraw_findings
from payerwatch.refusals import Refusal
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer


class FileNotReadable(Refusal):
    """The file is not there, is a directory or a pipe, or may not be read."""


class SetAsideNotWritable(Refusal):
    """The file for rows set aside cannot be written there."""


class NothingAccepted(Refusal):
    """Every row of the file was set aside; nothing was stored."""

    def __init__(self, upload: Upload, set_aside: Path | None) -> None:
        super().__init__(
            f"None of the {upload.rows:,} rows could be loaded; nothing was stored.",
            where=", ".join(f"{code}: {count:,}" for code, count in upload.reasons.items()),
            fix="Use --set-aside FILE to get the rows back with a reason and a fix for each."
            if set_aside is None
            else f"The rows are in {set_aside}, each with its reason and fix.",
        )
        self.upload = upload

    def document(self) -> dict[str, Any]:
        upload = self.upload
        counts = {"rows": upload.rows, "accepted": upload.accepted, "set_aside": upload.set_aside}
        found = {"reasons": upload.reasons, "mapping": upload.mapping, "dropped_columns": upload.dropped_columns}
        return super().document() | counts | found


@dataclass(frozen=True)
class LoadOrder:
    """What is asked of a load. `mapping` and `date_order` overrule what the file's header suggests."""

    path: Path
    mapping: dict[str, str | None] | None = None
    date_order: str | None = None
    dry_run: bool = False
    set_aside: Path | None = None


@dataclass(frozen=True)
class LoadResult:
    """The upload; with `already_loaded`, the earlier one of the same bytes. A dry run's is not stored."""

    upload: Upload
    file: ClaimsFile
    already_loaded: bool
    loaded: Loaded | None = None


def load(customer: Customer, order: LoadOrder, *, progress: Progress, today: date) -> LoadResult:
    """Receive, load and count one file. Of a file loaded before, only what an undo took since is loaded again.

    Raises FileNotReadable, SetAsideNotWritable, FileRefused or NothingAccepted; nothing is then stored.
    """
    _refuse_unusable_paths(order)
    with acting_in(customer):
        progress("read", 0, 1)
        lock_claims()
        file = open_claims_file(
            order.path,
            mapping=order.mapping,
            date_order=order.date_order,
            remembered=_remembered(order),
            today=today,
        )
        progress("read", file.size_bytes, file.size_bytes)
        earlier = earlier_upload_of(file.digest)
        if earlier is not None and stands_whole(earlier):
            _give_back_again(order.set_aside, file)
            return LoadResult(earlier, file, already_loaded=True)
        upload = claims.receive_upload(file, order.path.name)
        with _set_aside_file(order.set_aside, file) as set_aside:
            loaded = load_claims(file, upload, progress=progress, set_aside=set_aside, only_missing=earlier is not None)
        if not upload.accepted:
            raise NothingAccepted(upload, order.set_aside)
        if earlier is not None and not upload.new_claims:
            transaction.set_rollback(True)
            return LoadResult(earlier, file, already_loaded=True)
        progress("count", 0, 1)
        runoff.count_upload(upload)
        progress("count", 1, 1)
        if order.dry_run:
            transaction.set_rollback(True)
        return LoadResult(upload, file, already_loaded=False, loaded=loaded)


@dataclass(frozen=True)
class Undone:
    """The upload taken back, and later ones that may have repeated its claims, which have gone with it."""

    upload: Upload
    repeated_by: list[Upload]
    events_set_back: int
    """Drift events that had been judged on weeks beyond the data that remain."""


def undo(customer: Customer, upload_id: str) -> Undone:
    """Take an upload back. Raises UnknownUpload, UploadAlreadyUndone or UploadChangedSince."""
    with acting_in(customer):
        lock_claims()
        lock_findings()
        upload = upload_with_id(upload_id)
        claims.refuse_unless_undoable(upload)
        runoff.count_upload(upload, sign=-1)
        undone = claims.undo_upload(upload)
        return Undone(undone, list(uploads_that_repeated_claims_since(upload)), withdraw_findings())


def map_payer(customer: Customer, raw_name: str, payer_name: str) -> PayerMapping:
    """Map a spelling to a payer; claims and cells follow. Raises PayerNameUnusable."""
    with acting_in(customer):
        lock_claims()
        spelling = claims.payer_spelling(raw_name)
        if spelling is not None:
            runoff.count_spelling(spelling.pk, sign=-1)
        mapping = claims.map_payer(raw_name, payer_name)
        if spelling is not None:
            runoff.count_spelling(mapping.pk, sign=1)
        return mapping


def map_cpt_group(customer: Customer, code_from: str, code_to: str, group: str) -> CptGroupMapping:
    """Group a range of codes the customer's own way; claims and cells follow.

    Raises CodeRangeUnusable or CptGroupNameUnusable.
    """
    with acting_in(customer):
        lock_claims()
        codes = claims.code_range(code_from, code_to)
        runoff.count_codes(*codes, sign=-1)
        mapping = claims.map_cpt_group(*codes, group)
        runoff.count_codes(*codes, sign=1)
        return mapping


def detect(customer: Customer, as_of: date | None = None) -> Detected:
    """Judge one week of a customer's cells. Raises NothingToJudge."""
    with acting_in(customer):
        return detect_drift(as_of)


def _remembered(asked: LoadOrder) -> Remembered | None:
    """What the customer said of an earlier file with the same header."""
    named = [column for column in (asked.mapping or {}).values() if column]
    signature = read_header_signature(asked.path, named)
    upload = latest_upload_with(signature)
    if upload is None:
        return None
    order = next((order for order in DATE_ORDERS if order == upload.date_order), None)
    return Remembered(signature, upload.mapping, order)


def _refuse_unusable_paths(order: LoadOrder) -> None:
    """Before anything is asked of the database. Raises FileNotReadable or SetAsideNotWritable."""
    path, target = order.path, order.set_aside
    try:
        if path.exists() and not path.is_file():
            kind = "a directory" if path.is_dir() else "no ordinary file"
            raise FileNotReadable(f"{path} is {kind}", fix="Name the claims file itself, saved on disk.")
        path.open("rb").close()
    except (OSError, ValueError) as error:
        raise FileNotReadable(f"{path} cannot be read: {_why(error)}", fix="Check the path and try again.") from None
    if target is not None and target.exists() and target.samefile(path):
        raise SetAsideNotWritable(
            "--set-aside names the claims file itself, which would be overwritten", fix="Name another file."
        )


def _why(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or "the path is not one"


def _give_back_again(path: Path | None, file: ClaimsFile) -> None:
    """Write the rows set aside when this very file was loaded before."""
    with _set_aside_file(path, file) as set_aside:
        if set_aside is not None:
            for batch in file.batches():
                set_aside.write(batch.set_aside)


@contextmanager
def _set_aside_file(path: Path | None, file: ClaimsFile) -> Iterator[SetAsideWriter | None]:
    if path is None:
        yield None
        return
    target = _SetAsideFile(path)
    try:
        yield SetAsideWriter(cast(TextIO, target), file.kept_columns)
    finally:
        target.close()


class _SetAsideFile:
    """The file for rows set aside. A full disk may show on writing or only on closing: SetAsideNotWritable."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = path.open("w", encoding="utf-8-sig", newline="")
        except (OSError, ValueError) as error:
            raise self._refusal(error) from None

    def write(self, text: str) -> int:
        try:
            return self._file.write(text)
        except OSError as error:
            raise self._refusal(error) from None

    def close(self) -> None:
        try:
            self._file.close()
        except OSError as error:
            raise self._refusal(error) from None

    def _refusal(self, error: OSError | ValueError) -> SetAsideNotWritable:
        return SetAsideNotWritable(
            f"{self._path} cannot be written: {_why(error)}",
            where="--set-aside",
            fix="Name a file in a directory that exists, on a disk with room for it.",
        )
