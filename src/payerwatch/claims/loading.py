"""Loading a claims file: read and check in batches, stage, then save in one go.

The caller has entered the customer: everything here happens in that one transaction, so a load that is
refused, or killed at any point, leaves nothing behind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from django.db import connection

from payerwatch.claims import merging, staging
from payerwatch.claims.cpt_groups import group_expression
from payerwatch.claims.formats.csv import Batch, ClaimsFile
from payerwatch.claims.formats.setaside import SetAsideWriter
from payerwatch.claims.models import CptGroupMapping, Upload
from payerwatch.claims.numbers import StoredNumbers
from payerwatch.claims.payers import PayerDirectory, PayerSuggestion
from payerwatch.late import numpy as np
from payerwatch.late import polars as pl
from payerwatch.sealing.models import customer_key_id
from payerwatch.tenancy.context import current_customer_id

BATCH_ROWS = 25_000
# Names the advisory lock under which one customer's claims change; detection does not take it.
_LOADING_LOCK = 7_001


class Progress(Protocol):
    """Told how far a stage (read, check, save, count) is, in the stage's own unit."""

    def __call__(self, stage: str, done: int, total: int) -> None: ...


@dataclass
class Tally:
    """What became of the rows of a file. Always rows = accepted + set_aside."""

    rows: int = 0
    accepted: int = 0
    set_aside: int = 0
    pending: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    first_date: date | None = None
    last_date: date | None = None

    def add(self, batch: Batch) -> None:
        self.rows += batch.row_count
        self.accepted += batch.accepted.height
        self.set_aside += len(batch.set_aside)
        self.pending += batch.accepted.filter(pl.col("outcome") == "pending").height
        self.reasons.update(row.code for row in batch.set_aside)
        dates = [batch.accepted[name] for name in ("submitted_date", "decided_date")]
        known = [day for column in dates for day in (column.min(), column.max()) if isinstance(day, date)]
        if known:
            self.first_date = min(known + ([self.first_date] if self.first_date else []))
            self.last_date = max(known + ([self.last_date] if self.last_date else []))


@dataclass(frozen=True)
class Loaded:
    """A load's upload with what is said of it once, beside what is stored."""

    upload: Upload
    suggestions: list[PayerSuggestion]
    numbered: bool
    pending: int
    """Rows that wait for a decision."""


def lock_claims() -> None:
    """Wait until no other transaction changes the customer's claims, and keep others waiting until the end.

    On SQLite the transaction itself is that lock.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, hashint8(%s))", [_LOADING_LOCK, current_customer_id()])


def load_claims(
    file: ClaimsFile, upload: Upload, *, progress: Progress, set_aside: SetAsideWriter | None, only_missing: bool
) -> Loaded:
    """Turn the rows of `file` into claims of `upload` (saved, still without counts).

    With `only_missing`, claims that are stored stay as they are.

    Steps: 1. each batch is checked, its payers are found, its rows staged or set aside; 2. service lines
    become claims; 3. what changes is kept; 4. one INSERT … ON CONFLICT; 5. the upload gets its counts.
    """
    staging.create()
    payers, tally = PayerDirectory(), Tally()
    groups = _groups()
    numbers = StoredNumbers(customer_key_id())
    repeats = _Repeats()
    numbered = True
    for batch in _ahead(file.batches(BATCH_ROWS)):
        tally.add(batch)
        if set_aside is not None:
            set_aside.write(batch.set_aside)
        if batch.accepted.height:
            rows = _staged(batch.accepted, payers, groups, numbers)
            numbered = numbered and batch.accepted["claim_number"].null_count() == 0
            repeats.add(rows)
            staging.append(rows)
        progress("check", batch.bytes_read, file.size_bytes)
    _resolve_repeats(repeats)
    claims = staging.count()
    if only_missing:
        staging.keep_only_missing()
    _save(upload, list(file.mapping), claims, tally, progress)
    staging.drop()
    return Loaded(upload, payers.suggestions(), numbered, tally.pending)


def _ahead(batches: Iterator[Batch]) -> Iterator[Batch]:
    """The same batches, each read while the one before it is being staged."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="read") as reader:
        coming = reader.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = reader.submit(next, batches, None)
            yield batch


def _groups() -> pl.Expr:
    """The CPT group of each row, the customer's own groupings first."""
    return group_expression(
        [(mapping.code_from, mapping.code_to, mapping.cpt_group) for mapping in CptGroupMapping.objects.all()]
    )


def _staged(accepted: pl.DataFrame, payers: PayerDirectory, groups: pl.Expr, numbers: StoredNumbers) -> pl.DataFrame:
    own_number = pl.concat_str(pl.lit("~"), "content_key", pl.lit(".1"))
    known = accepted.select(pl.coalesce("claim_number", own_number)).to_series()
    return payers.resolve(accepted).with_columns(
        pl.col("row").alias("row_number"), *numbers.columns(known), groups.alias("cpt_group")
    )


class _Repeats:
    """Notices, in 8 bytes a row, whether any claim stands in more than one row of the file."""

    def __init__(self) -> None:
        self._hashes: list[np.ndarray] = []

    def add(self, rows: pl.DataFrame) -> None:
        self._hashes.append(rows.select("claim_key", "submitted_date").hash_rows().to_numpy())

    def found(self) -> bool:
        hashes = np.sort(np.concatenate(self._hashes)) if self._hashes else np.empty(0)
        return bool((hashes[1:] == hashes[:-1]).any())


def _resolve_repeats(repeats: _Repeats) -> None:
    if repeats.found():
        staging.place_equal_rows()
        staging.merge_service_lines()


def _save(upload: Upload, fields: list[str], claims: int, tally: Tally, progress: Progress) -> None:
    progress("save", 0, tally.accepted)
    updated = merging.keep_replaced(upload.pk, fields)
    saved = merging.save(upload.pk, fields)
    upload.rows, upload.accepted, upload.set_aside = tally.rows, tally.accepted, tally.set_aside
    upload.reasons = dict(sorted(tally.reasons.items()))
    upload.first_date, upload.last_date = tally.first_date, tally.last_date
    upload.new_claims, upload.updated_claims = saved - updated, updated
    upload.unchanged_claims = claims - saved
    upload.save()
    progress("save", tally.accepted, tally.accepted)
