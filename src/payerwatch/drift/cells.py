"""The run-off cells of one customer as they stood at the end of a week.

As-of is a way of reading cells, not a stored state: later submissions do not exist, later decisions are
still pending. Only the weeks that a judgement can see are read, so its cost does not grow with history.
"""

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import polars as pl
from django.db.models import Min, Q

from payerwatch.claims.models import Payer
from payerwatch.drift.models import RunoffCell
from payerwatch.drift.pending import check_pending
from payerwatch.drift.runoff_arrays import LAG_WEEKS, WEEKS_NEEDED, Ints, RunoffArrays

_COLUMNS = (
    "payer_id",
    "cpt_group",
    "submit_week",
    "lag_weeks",
    "outcome",
    "denial_category",
    "claims",
    "billed_amount",
    "allowed_amount",
    "paid_amount",
)
_SCHEMA = {
    name: pl.String if name in {"cpt_group", "outcome", "denial_category"} else pl.Int64 for name in _COLUMNS
} | {"submit_week": pl.Date}
_DUPLICATE = "duplicate"


@dataclass(frozen=True)
class CellsAsOf:
    """Cells with week indexes: `submitted` and `decided` count weeks from `first_week`; pending is null.

    `cells` also holds what was loaded and happened after `week`; judging reads `known`, which does not.
    """

    week: date
    first_week: date
    cells: pl.DataFrame

    @property
    def week_index(self) -> int:
        return (self.week - self.first_week).days // 7

    @cached_property
    def known(self) -> pl.DataFrame:
        """What was known at the end of the week."""
        unknown = pl.col("decided") > self.week_index
        return self.cells.filter(pl.col("submitted") <= self.week_index).with_columns(
            decided=pl.when(unknown).then(None).otherwise(pl.col("decided")),
            lag=pl.when(unknown).then(None).otherwise(pl.col("lag")),
            outcome=pl.when(unknown).then(pl.lit("pending")).otherwise(pl.col("outcome")),
            denial_category=pl.when(unknown).then(pl.lit("")).otherwise(pl.col("denial_category")),
        )

    @cached_property
    def series(self) -> list[tuple[int, str]]:
        """(payer id, CPT group) of each series, in a fixed order."""
        pairs = self.known.select("payer_id", "cpt_group").unique().sort("payer_id", "cpt_group")
        return [(int(payer), str(group)) for payer, group in pairs.rows()]

    @cached_property
    def payers(self) -> list[int]:
        """Payer ids, by payer index."""
        return sorted({payer for payer, _ in self.series})

    @cached_property
    def arrays(self) -> RunoffArrays:
        """The counts that the detectors read."""
        shape = (len(self.series), self.week_index + 1)
        placed = self._placed(self.known)
        duplicate = pl.col("denial_category") == _DUPLICATE
        denied = pl.col("outcome") == "denied"
        payer_index = {payer: index for index, payer in enumerate(self.payers)}
        return RunoffArrays(
            first_week=self.first_week,
            payer=np.array([payer_index[payer] for payer, _ in self.series], dtype=np.int64),
            submitted=_summed(placed.filter(pl.col("submitted") >= 0), ("series", "submitted"), shape),
            denied=self._decisions(placed.filter(denied & ~duplicate), shape),
            paid=self._decisions(placed.filter(pl.col("outcome") == "paid"), shape),
            duplicate=self._decisions(placed.filter(denied & duplicate), shape),
        )

    @property
    def pending(self) -> Ints:
        """[W] claims without a decision in all that is loaded, by week of submission."""
        undecided = self.cells.filter(pl.col("decided").is_null() & (pl.col("submitted") <= self.week_index))
        return np.bincount(
            undecided["submitted"], weights=undecided["claims"], minlength=self.week_index + 1
        ).astype(np.int64)

    def data_version(self, *, pending_known: bool) -> str:
        """SHA-256 over everything the judgement of the week is made from."""
        counts = (
            self.known.group_by("payer_id", "cpt_group", "submit_week", "lag", "outcome", "denial_category")
            .agg(pl.col("claims", "billed_amount", "allowed_amount", "paid_amount").sum())
            .sort(pl.all())
        )
        said = f"{self.week}|{pending_known}|{counts.write_csv()}"
        return hashlib.sha256(said.encode()).hexdigest()

    def _placed(self, cells: pl.DataFrame) -> pl.DataFrame:
        index = pl.DataFrame(
            [(payer, group, number) for number, (payer, group) in enumerate(self.series)],
            schema={"payer_id": pl.Int64, "cpt_group": pl.String, "series": pl.Int64},
            orient="row",
        )
        return cells.join(index, on=["payer_id", "cpt_group"], how="left")

    def _decisions(self, cells: pl.DataFrame, shape: tuple[int, int]) -> Ints:
        inside = cells.filter(pl.col("decided") >= 0).with_columns(pl.col("lag").clip(upper_bound=LAG_WEEKS - 1))
        return _summed(inside, ("series", "decided", "lag"), (*shape, LAG_WEEKS))


def _summed(cells: pl.DataFrame, axes: tuple[str, ...], shape: tuple[int, ...]) -> Ints:
    """Claims summed into an array whose axes are columns of indexes."""
    place = np.ravel_multi_index(tuple(cells[axis].to_numpy() for axis in axes), shape)
    counts = np.bincount(place, weights=cells["claims"].to_numpy(), minlength=int(np.prod(shape)))
    return counts.astype(np.int64).reshape(shape)


def cells_as_of(week: date) -> CellsAsOf | None:
    """The customer's cells for judging a week; None where nothing was submitted up to it."""
    start = week - timedelta(weeks=WEEKS_NEEDED - 1)
    earliest = RunoffCell.objects.aggregate(first=Min("submit_week"))["first"]
    if earliest is None or earliest > week:
        return None
    first_week = max(start, earliest)
    # A claim decided 25 weeks or more after it was submitted is counted in its decision's week.
    seen = Q(submit_week__gte=first_week) | Q(lag_weeks__gte=LAG_WEEKS - 1)
    rows = list(RunoffCell.objects.filter(seen).values_list(*_COLUMNS))
    cells = pl.DataFrame(rows, schema=_SCHEMA, orient="row").with_columns(
        submitted=(pl.col("submit_week") - first_week).dt.total_days() // 7,
        lag=pl.when(pl.col("lag_weeks") == RunoffCell.PENDING).then(None).otherwise(pl.col("lag_weeks")),
    )
    cells = cells.with_columns(decided=pl.col("submitted") + pl.col("lag"))
    return CellsAsOf(week, first_week, cells.filter((pl.col("submitted") >= 0) | (pl.col("decided") >= 0)))


def last_whole_week(day: date) -> date:
    """The Monday of the last week whose Sunday is not after the day."""
    return day - timedelta(days=(day.weekday() + 1) % 7 + 6)


def pending_known(cells: CellsAsOf, watermark: date) -> bool:
    """Whether what is loaded tells which claims were pending at the end of the week; see `pending`."""
    loaded_week = last_whole_week(watermark)
    loaded = cells if loaded_week == cells.week else cells_as_of(loaded_week)
    if loaded is None:
        return True
    check = check_pending(loaded.arrays, loaded.pending, loaded.week_index)
    return check.known_at(loaded.week_index - (loaded_week - cells.week).days // 7)


def payer_names(payer_ids: list[int]) -> dict[int, str]:
    """Names by payer id."""
    return dict(Payer.objects.filter(pk__in=payer_ids).values_list("pk", "name"))
