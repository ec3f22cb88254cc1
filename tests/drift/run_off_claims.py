"""Claims files whose run-off counts are known: made from arrays, changed by rule, loaded by the product's command."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from payerwatch.drift.runoff_arrays import RunoffArrays, by_submission_week
from tests.make import HEADERS, answer

# One code of each of ten CPT groups.
CODES = ("99213", "97110", "80053", "70450", "71046", "90837", "93000", "11102", "96413", "98940")
PAYERS = ("Aetna", "Cigna", "Humana", "Medicare", "Medicaid", "Molina", "Tricare", "Oscar", "Centene", "Kaiser")


def claims_of(arrays: RunoffArrays, *, seed: int = 1) -> pl.DataFrame:
    """One row a claim: as many per series, week and lag as the arrays count, on any day of their weeks."""
    rng = np.random.default_rng(seed)
    decided = by_submission_week(arrays.decided).sum(axis=2)
    parts = [
        _counted(by_submission_week(arrays.denied), "Denied"),
        _counted(by_submission_week(arrays.paid), "Paid"),
        _counted((arrays.submitted - decided)[..., None], "Pending"),
    ]
    claims = pl.concat(parts).sort("series", "week", "lag", "status")
    first_day = rng.integers(0, 7, claims.height)
    last_day = rng.integers(0, 7, claims.height)
    same_week = claims["lag"].to_numpy() == 0
    last_day = np.where(same_week, np.maximum(first_day, last_day), last_day)
    group = np.array([int((arrays.payer[:row] == payer).sum()) for row, payer in enumerate(arrays.payer)])
    series = claims["series"].to_numpy()
    start = pl.lit(arrays.first_week)
    return claims.select(
        number=pl.format("C{}", pl.int_range(pl.len())),
        payer=pl.Series(np.array(PAYERS)[arrays.payer[series]]),
        cpt=pl.Series(np.array(CODES)[group[series]]),
        submitted=start + pl.duration(days=7 * pl.col("week") + pl.Series(first_day)),
        decided=pl.when(pl.col("status") != "Pending").then(
            start + pl.duration(days=7 * (pl.col("week") + pl.col("lag")) + pl.Series(last_day))
        ),
        status="status",
        billed=pl.lit("200.00"),
        allowed=pl.when(pl.col("status") == "Paid").then(pl.lit("100.00")).otherwise(pl.lit("0.00")),
        reason=pl.when(pl.col("status") == "Denied").then(pl.lit("CO-197")).otherwise(pl.lit("")),
    )


def _counted(counts: np.ndarray, status: str) -> pl.DataFrame:
    """A row for each claim of [series, week of submission, lag]."""
    series, week, lag = (np.repeat(axis, counts[counts > 0]) for axis in np.nonzero(counts > 0))
    return pl.DataFrame({"series": series, "week": week, "lag": lag}).with_columns(status=pl.lit(status))


def as_known_on(claims: pl.DataFrame, day: date) -> pl.DataFrame:
    """The export as it would have been made on that evening."""
    later = pl.col("decided") > day
    return claims.filter(pl.col("submitted") <= day).with_columns(
        decided=pl.when(later).then(None).otherwise(pl.col("decided")),
        status=pl.when(later).then(pl.lit("Pending")).otherwise(pl.col("status")),
        allowed=pl.when(later).then(pl.lit("0.00")).otherwise(pl.col("allowed")),
        reason=pl.when(later).then(pl.lit("")).otherwise(pl.col("reason")),
    )


def denying_more(claims: pl.DataFrame, who: pl.Expr, first: date, last: date, *, share: float = 0.5) -> pl.DataFrame:
    """Of the paid claims of `who` submitted between two days, this share is denied instead."""
    turned = (pl.int_range(pl.len()) * 0.618 % 1 < share) & who & pl.col("submitted").is_between(first, last)
    turned &= pl.col("status") == "Paid"
    return claims.with_columns(
        status=pl.when(turned).then(pl.lit("Denied")).otherwise(pl.col("status")),
        allowed=pl.when(turned).then(pl.lit("0.00")).otherwise(pl.col("allowed")),
        reason=pl.when(turned).then(pl.lit("CO-50")).otherwise(pl.col("reason")),
    )


def slower(claims: pl.DataFrame, who: pl.Expr, first: date, *, days: int) -> pl.DataFrame:
    """Claims of `who` submitted from a day on are decided so many days later."""
    touched = who & (pl.col("submitted") >= first)
    later = pl.col("decided").dt.offset_by(f"{days}d")
    return claims.with_columns(decided=pl.when(touched).then(later).otherwise(pl.col("decided")))


def written(folder: Path, claims: pl.DataFrame, name: str = "claims.csv") -> Path:
    path = folder / name
    claims.rename({column: HEADERS[column] for column in claims.columns}).write_csv(path)
    return path


def load(folder: Path, claims: pl.DataFrame, *, customer: str = "Practice", name: str = "claims.csv") -> Any:
    """Load the claims by the command; the document it answered with. Every row is accepted."""
    done = answer("load", written(folder, claims, name), customer=customer)
    assert done.code == 0, done.document
    assert done.document["set_aside"] == 0, done.document["reasons"]
    return done.document


def detect(*arguments: object, customer: str = "Practice") -> Any:
    """Judge a week by the command; the document it answered with."""
    done = answer("detect", *arguments, customer=customer)
    assert done.code == 0, done.document
    return done.document


def sunday(first_week: date, index: int) -> date:
    """The last day of a week counted from the first."""
    return first_week + timedelta(weeks=index, days=6)
