"""A practice's claims as the columns of an export, each value written as practice-management systems do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from payerwatch.late import numpy as np
from payerwatch.late import polars as pl
from payerwatch.operations.practice.catalogue import REASONS
from payerwatch.operations.practice.charges import Charges, codes_of, draw_charges
from payerwatch.operations.practice.claims import NO_REASON
from payerwatch.operations.practice.drawing import Practice

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROWS_AT_ONCE = 200_000
FIRST_CLAIM_NUMBER = 1_000_001
SPELLINGS_STREAM = 2
CANONICAL_RATE = 0.93
PATIENT_SURNAMES = ("Sample", "Example", "Invented", "Fictional", "Placeholder", "Nobody", "Madeup")
PATIENT_NAMES = (
    "Alpha",
    "Bravo",
    "Charlie",
    "Delta",
    "Echo",
    "Foxtrot",
    "Golf",
    "Hotel",
    "India",
    "Juliett",
    "Kilo",
)
BIRTH_DAYS = 3650
PATIENTS = [f"{surname}, {name}" for surname in PATIENT_SURNAMES for name in PATIENT_NAMES]
REASON_TEXTS = [*(reason.text for reason in REASONS), None]
LOCATIONS = ("Main St", "North Clinic", "Riverside")
STATUSES = ("Paid", "Partially Paid", "Denied", "Appealed", "Pending")
PAID, PARTLY_PAID, DENIED, APPEALED, PENDING = range(len(STATUSES))


@dataclass(frozen=True)
class _Export:
    """A practice with what its rows show: charges, index of the status, index of the payer's spelling."""

    practice: Practice
    charges: Charges
    status: NDArray[np.int8]
    spelling: NDArray[np.int16]


def export_frames(practice: Practice) -> Iterator[pl.DataFrame]:
    """The export in order of submission, at most ROWS_AT_ONCE rows a frame; without claims, one empty frame.

    Decisions after the practice's `until` are not yet known: those rows are pending.
    """
    charges = draw_charges(practice)
    export = _Export(practice, charges, _statuses(practice, charges), _spellings(practice))
    size = practice.claims.series.size
    for first in range(0, max(size, 1), ROWS_AT_ONCE):
        yield pl.DataFrame(_columns(export, slice(first, min(first + ROWS_AT_ONCE, size))))


def _statuses(practice: Practice, charges: Charges) -> NDArray[np.int8]:
    status = np.where(practice.claims.denied, DENIED, PAID)
    status[charges.partly_paid] = PARTLY_PAID
    status[charges.appealed] = APPEALED
    status[practice.pending] = PENDING
    return status.astype(np.int8)


def _spellings(practice: Practice) -> NDArray[np.int16]:
    """Index into `_payer_names`; each payer's first claim carries the name as the product should show it."""
    rng = np.random.default_rng([practice.seed, SPELLINGS_STREAM])
    variants = len(_variants(""))
    payer = practice.payer
    other = rng.integers(1, variants, payer.size)
    variant = np.where(rng.random(payer.size) < CANONICAL_RATE, 0, other)
    variant[np.unique(payer, return_index=True)[1]] = 0
    return (payer * variants + variant).astype(np.int16)


def _variants(name: str) -> tuple[str, ...]:
    """Ways a clerk types one payer's name, which differ in case, spaces and full stops only."""
    return name, name.upper(), name.lower(), f"{name} ", f"{name}.", name.replace(" ", "  ")


def _columns(export: _Export, rows: slice) -> dict[str, pl.Series]:
    """The export's columns for these rows."""
    practice, charges, claims = export.practice, export.charges, export.practice.claims
    start, number = practice.calendar.start, np.arange(rows.start, rows.stop)
    known = export.status[rows] != PENDING
    payers = [variant for payer in practice.payers for variant in _variants(payer)]
    return {
        "Claim #": pl.Series(number + FIRST_CLAIM_NUMBER).cast(pl.String),
        "Patient Name": _words(PATIENTS, number % len(PATIENTS)),
        "Patient DOB": _dates(number * 37 % BIRTH_DAYS, date(1900, 1, 1)),
        "Payer Name ": _words(payers, export.spelling[rows]),
        "Proc Code": _words(codes_of(practice), charges.code[rows]),
        "Svc Date": _dates(charges.service_day[rows], start),
        "Date Submitted": _dates(claims.submit_day[rows], start),
        "Decision Date": _known(_dates(claims.decision_day[rows], start), known),
        "Claim Status": _words(STATUSES, export.status[rows]),
        "Billed Amt": _money(charges.billed_amount[rows]),
        "Allowed Amt": _known(_money(charges.allowed_amount[rows]), known),
        "Paid Amt": _known(_money(charges.paid_amount[rows]), known),
        "Denial Reason": _words(REASON_TEXTS, np.where(known, claims.reason[rows], NO_REASON)),
        "Location": _words(LOCATIONS, number % len(LOCATIONS)),
    }


def _words(words: Sequence[str | None], index: NDArray[np.integer]) -> pl.Series:
    """The word at each index; NO_REASON (-1) takes the last."""
    return pl.Series(words, dtype=pl.String).gather(pl.Series(index % len(words)).cast(pl.UInt32))


def _dates(day: NDArray[np.integer], start: date) -> pl.Series:
    """Month/day/year of days counted from `start`."""
    since_1970 = day + (start - date(1970, 1, 1)).days
    return pl.Series(since_1970.astype(np.int32)).cast(pl.Date).dt.strftime("%m/%d/%Y")


def _money(amount: NDArray[np.int64]) -> pl.Series:
    """Cents as "$1,234.50"; amounts stay below a million dollars."""
    dollars, cents = pl.col("amount") // 100, (pl.col("amount") % 100).cast(pl.String).str.zfill(2)
    thousands = pl.format("{},{}", dollars // 1000, (dollars % 1000).cast(pl.String).str.zfill(3))
    whole = pl.when(dollars >= 1000).then(thousands).otherwise(dollars.cast(pl.String))
    return pl.DataFrame({"amount": amount}).select(pl.format("${}.{}", whole, cents).alias("text"))["text"]


def _known(text: pl.Series, known: NDArray[np.bool_]) -> pl.Series:
    """Blank where the export cannot know yet."""
    return text.zip_with(pl.Series(known), pl.Series([None], dtype=pl.String))
