"""The run-off cells of one customer as they stood at the end of a week.

As-of is a way of reading cells, not a stored state: later submissions do not exist, later decisions are
still pending. Only the weeks that a judgement can see are read, so its cost does not grow with history.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

from django.db import connection
from django.db.models import BigIntegerField, Case, F, Min, Q, QuerySet, Sum, Value, When

from payerwatch.claims.models import Payer
from payerwatch.drift.models import RunoffCell
from payerwatch.drift.parameters import METHOD_VERSION
from payerwatch.drift.pending import check_pending
from payerwatch.drift.runoff_arrays import LAG_WEEKS, WEEKS_NEEDED, Ints, RunoffArrays
from payerwatch.late import numpy as np
from payerwatch.late import polars as pl

_KEY = ("payer_id", "cpt_group", "submit_week", "lag_weeks", "outcome", "denial_category")
_SUMS = ("claims", "payment")
_TEXTS = {"cpt_group", "outcome", "denial_category"}
# Cents that paid claims brought: what was allowed; where a file does not say, what was paid, else what was billed.
_PAYMENT = Case(
    When(~Q(outcome="paid"), then=Value(0)),
    When(allowed_amount__gt=0, then=F("allowed_amount")),
    When(paid_amount__gt=0, then=F("paid_amount")),
    default=F("billed_amount"),
    output_field=BigIntegerField(),
)
# No printable text holds these.
_FIELD_END, _ROW_END = "\x1f", "\x1e"
_DUPLICATE = "duplicate"


@dataclass(frozen=True)
class CellsAsOf:
    """Cells with week indexes: `submitted` and `decided` count weeks from `first_week`; pending is null.

    `cells` also holds what was decided after `week`; judging reads `known`, which does not.
    """

    week: date
    first_week: date
    cells: pl.DataFrame
    payer_by_id: dict[int, Payer]

    @property
    def week_index(self) -> int:
        return (self.week - self.first_week).days // 7

    @cached_property
    def known(self) -> pl.DataFrame:
        """What was known at the end of the week: of later decisions neither outcome nor amounts."""
        decided = (pl.col("decided") <= self.week_index).fill_null(value=False)
        waiting = self.cells.filter(~decided & (pl.col("submitted") >= 0))
        blank = {"lag_weeks": RunoffCell.PENDING, "outcome": "pending", "denial_category": ""}
        pending = (
            waiting.group_by("payer_id", "cpt_group", "submit_week", "submitted")
            .agg(pl.col("claims").sum())
            .with_columns(pl.lit(value).alias(name) for name, value in blank.items())
        )
        known = pl.concat([self.cells.filter(decided), pending], how="diagonal_relaxed")
        return known.with_columns(pl.col("payment").fill_null(0))

    @cached_property
    def series(self) -> list[tuple[int, str]]:
        """(payer id, CPT group) of each series, by the payer's name, whichever order they were loaded in."""
        pairs = self.known.select("payer_id", "cpt_group").unique().rows()
        return sorted(pairs, key=lambda pair: (self.payer_by_id[pair[0]].name_key, pair[1]))

    @cached_property
    def payers(self) -> list[int]:
        """Payer ids, by payer index."""
        return list(dict.fromkeys(payer for payer, _ in self.series))

    @property
    def last_submitted_week(self) -> date:
        """The last week in which claims were submitted."""
        return self.first_week + timedelta(weeks=int(self.known.select(pl.col("submitted").max()).item()))

    @cached_property
    def arrays(self) -> RunoffArrays:
        """The counts that the detectors read."""
        shape = (len(self.series), self.week_index + 1)
        placed = self._placed
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

    def data_version(self, *, pending_known: bool) -> str:
        """SHA-256 over everything the judgement of the week is made from; payers count by name."""
        cells = self._placed.with_columns(pl.col("lag").fill_null(RunoffCell.PENDING))
        said = [str(METHOD_VERSION), str(self.week), str(pending_known)]
        said += [f"{self.payer_by_id[payer].name_key}/{group}" for payer, group in self.series]
        for text in ("outcome", "denial_category"):
            names = sorted(cells[text].unique())
            said += names
            cells = cells.with_columns(pl.col(text).replace_strict(names, range(len(names)), return_dtype=pl.Int64))
        key = ["series", "submitted", "lag", "outcome", "denial_category"]
        counts = cells.select(*key, *_SUMS).sort(key)
        digest = hashlib.sha256("\n".join([*said, str(self.first_week)]).encode())
        for column in counts:
            digest.update(column.cast(pl.Int64).to_numpy().tobytes())
        return digest.hexdigest()

    @cached_property
    def _placed(self) -> pl.DataFrame:
        """What was known, with the number of its series."""
        index = pl.DataFrame(
            [(payer, group, number) for number, (payer, group) in enumerate(self.series)],
            schema={"payer_id": pl.Int64, "cpt_group": pl.String, "series": pl.Int64},
            orient="row",
        )
        return self.known.join(index, on=["payer_id", "cpt_group"], how="left")

    def _decisions(self, cells: pl.DataFrame, shape: tuple[int, int]) -> Ints:
        return _summed(_decided(cells, shape[1]), ("series", "decided", "lag"), (*shape, LAG_WEEKS))


def _decided(cells: pl.DataFrame, weeks: int) -> pl.DataFrame:
    """The cells decided in the first `weeks` weeks, lags as the detectors count them."""
    inside = cells.filter(pl.col("decided").is_between(0, weeks - 1))
    return inside.with_columns(pl.col("lag").clip(upper_bound=LAG_WEEKS - 1))


def _summed(cells: pl.DataFrame, axes: tuple[str, ...], shape: tuple[int, ...]) -> Ints:
    """Claims summed into an array whose axes are columns of indexes."""
    place = np.ravel_multi_index(tuple(cells[axis].to_numpy() for axis in axes), shape)
    counts = np.bincount(place, weights=cells["claims"].to_numpy(), minlength=int(np.prod(shape)))
    return counts.astype(np.int64).reshape(shape)


def cells_as_of(week: date) -> CellsAsOf | None:
    """The customer's cells for judging a week; None where a judgement would see none."""
    first_week = _first_week(week)
    if first_week is None:
        return None
    cells = _read(_within(first_week, week).annotate(payment=_PAYMENT), (*_KEY, *_SUMS))
    seen = CellsAsOf(week, first_week, _indexed(cells, first_week), Payer.objects.in_bulk())
    return None if seen.known.is_empty() else seen


def last_whole_week(day: date) -> date:
    """The Monday of the last week whose Sunday is not after the day."""
    return day - timedelta(days=(day.weekday() + 1) % 7 + 6)


def pending_known(cells: CellsAsOf, watermark: date) -> bool:
    """Whether what is loaded tells which claims were pending at the end of the week; see `pending`."""
    if last_whole_week(watermark) == cells.week:
        return _pending_known(cells.cells, cells.first_week, cells.week, cells.week)
    return pending_known_at(cells.week, watermark)


def pending_known_at(week: date, watermark: date) -> bool:
    """The same of a week whose cells are not read; it is none after the last whole week loaded."""
    loaded_week = last_whole_week(watermark)
    first_week = _first_week(loaded_week)
    if first_week is None:
        return True
    return _pending_known(_counts_by_week(first_week, loaded_week), first_week, loaded_week, week)


def _pending_known(counts: pl.DataFrame, first_week: date, loaded_week: date, week: date) -> bool:
    weeks = (loaded_week - first_week).days // 7 + 1
    waiting = _summed(counts.filter(pl.col("decided").is_null()), ("submitted",), (weeks,))
    decided = _summed(_decided(counts, weeks), ("decided", "lag"), (weeks, LAG_WEEKS))[None]
    none = np.zeros_like(decided)
    arrays = RunoffArrays(first_week, np.zeros(1, dtype=np.int64), none[..., 0], none, decided, none)
    return check_pending(arrays, waiting, weeks - 1).known_at((week - first_week).days // 7)


def counts_by_payer(first_week: date, week: date) -> pl.DataFrame:
    """Claims, cents and days by payer, week of submission, lag and outcome, all CPT groups of a payer together.

    Of claims submitted from `first_week` to `week`, and of older ones decided 25 weeks or more after that, as all of
    them are known now.
    """
    key = ("payer_id", "submit_week", "lag_weeks", "outcome", "denial_category")
    sums = {"count": "claims", "billed": "billed_amount", "allowed": "allowed_amount", "paid": "paid_amount"}
    rows = _within(first_week, week).values(*key)
    summed = rows.annotate(**{name: Sum(column) for name, column in sums.items()}, days=Sum("lag_days"))
    return _read(summed, (*key, *sums, "days"))


def _counts_by_week(first_week: date, week: date) -> pl.DataFrame:
    """Claims by week of submission and lag alone."""
    rows = _within(first_week, week).values("submit_week", "lag_weeks").annotate(count=Sum("claims"))
    counts = _read(rows, ("submit_week", "lag_weeks", "count"))
    return _indexed(counts.rename({"count": "claims"}), first_week)


def _first_week(week: date) -> date | None:
    """The first week a judgement of `week` looks at; None where nothing was submitted up to it."""
    earliest: date | None = RunoffCell.objects.aggregate(first=Min("submit_week"))["first"]
    if earliest is None or earliest > week:
        return None
    return max(earliest, week - timedelta(weeks=WEEKS_NEEDED - 1))


def _within(first_week: date, week: date) -> QuerySet[RunoffCell]:
    """Cells submitted from `first_week` to `week`, and older ones that may have been decided since.

    A claim decided 25 weeks or more after it was submitted is counted in its decision's week.
    """
    recent = Q(submit_week__gte=first_week) | Q(lag_weeks__gte=LAG_WEEKS - 1)
    return RunoffCell.objects.filter(recent, submit_week__lte=week)


def _indexed(cells: pl.DataFrame, first_week: date) -> pl.DataFrame:
    """Cells with weeks counted from `first_week`, without those of earlier weeks."""
    cells = cells.with_columns(
        submitted=(pl.col("submit_week") - first_week).dt.total_days() // 7,
        lag=pl.when(pl.col("lag_weeks") == RunoffCell.PENDING).then(None).otherwise(pl.col("lag_weeks")),
    ).with_columns(decided=pl.col("submitted") + pl.col("lag"))
    return cells.filter((pl.col("submitted") >= 0) | (pl.col("decided") >= 0))


def _read(rows: QuerySet, columns: tuple[str, ...]) -> pl.DataFrame:
    """A query's rows as a frame. On PostgreSQL they come as one text: row by row would take twice as long."""
    statement, parameters = rows.values_list(*columns).order_by().query.sql_with_params()
    with connection.cursor() as cursor:
        if connection.vendor != "postgresql":
            cursor.execute(statement, parameters)
            return pl.DataFrame(cursor.fetchall(), schema={name: _type(name) for name in columns}, orient="row")
        fields = ", ".join(f"{name} - DATE '1970-01-01'" if _type(name) == pl.Date else name for name in columns)
        text = f"string_agg(concat_ws(E{_FIELD_END!r}, {fields}), E{_ROW_END!r})"
        cursor.execute(f"SELECT {text} FROM ({statement}) AS cells", parameters)
        return _parsed(cursor.fetchone()[0] or "", columns)


def _parsed(text: str, columns: tuple[str, ...]) -> pl.DataFrame:
    """Rows of fields as a frame; dates are days since 1970."""
    plain = {name: pl.String if _type(name) == pl.String else pl.Int64 for name in columns}
    cells = pl.read_csv(
        text.encode(), has_header=False, schema=plain, separator=_FIELD_END, eol_char=_ROW_END, quote_char=None
    )
    return cells.with_columns(pl.col(pl.String).fill_null("")).cast({name: _type(name) for name in columns})


def _type(column: str) -> type[pl.DataType]:
    return pl.String if column in _TEXTS else pl.Date if column == "submit_week" else pl.Int64
