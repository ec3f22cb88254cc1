"""A practice of which one payer has begun to deny half of its claims, as its export was on a Sunday."""

from datetime import date, timedelta
from functools import cache
from pathlib import Path

import polars as pl

from tests.drift.invented import history
from tests.drift.run_off_claims import as_known_on, claims_of, denying_more, sunday
from tests.make import HEADERS

MONDAY = date(2024, 1, 1)
CHANGED, LAST = 52, 60
PAYER = "Aetna"
CANARY = "Zanzabelle"  # in every claim's number and patient's name, and nowhere else


@cache
def export(last: int = LAST) -> bytes:
    """Three payers over the weeks up to this one, of which Aetna denies half from week 52 on."""
    claims = claims_of(history(seed=3, series=6, payers=3, weeks=LAST + 5, volume=25))
    since = MONDAY + timedelta(weeks=CHANGED)
    claims = denying_more(claims, pl.col("payer") == PAYER, since, sunday(MONDAY, LAST + 4))
    known = as_known_on(claims, sunday(MONDAY, last))
    known = known.with_columns(number=pl.format(f"{CANARY}-{{}}", "number"))
    named = known.rename({name: HEADERS[name] for name in known.columns})
    return named.with_columns(pl.lit(f"{CANARY} Feather").alias("Patient Name")).write_csv().encode()


def export_file(folder: Path, last: int = LAST) -> Path:
    path = folder / f"export-{last}.csv"
    path.write_bytes(export(last))
    return path
