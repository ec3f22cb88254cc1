"""Seeded histories for the detectors' tests."""

from dataclasses import replace
from datetime import date

import numpy as np

from payerwatch.drift.runoff_arrays import LAG_WEEKS, WEEKS_NEEDED, RunoffArrays


def history(
    *,
    seed: int = 7,
    series: int = 20,
    payers: int = 2,
    weeks: int = 64,
    volume: float = 30,
    extra_rate: float = 0.0,
    extra_weeks: int = 0,
    change_week: int = 50,
    changed: tuple[int, ...] = (),
) -> RunoffArrays:
    """Poisson volumes, a tenth denied, payments within weeks and denials a little later."""
    rng = np.random.default_rng(seed)
    shape = (series, weeks, LAG_WEEKS)
    submitted = rng.poisson(volume, (series, weeks))
    cell = np.repeat(np.arange(series * weeks), submitted.ravel())
    row, week = np.divmod(cell, weeks)
    touched = np.isin(row, changed) & (week >= change_week)
    denied = rng.random(cell.size) < 0.1 + extra_rate * touched
    lag = rng.poisson(np.where(denied, 3.0, 2.0)) + extra_weeks * touched
    known = week + lag < weeks
    counts = [
        np.bincount(
            np.ravel_multi_index((row[m], (week + lag)[m], np.minimum(lag[m], LAG_WEEKS - 1)), shape),
            minlength=series * weeks * LAG_WEEKS,
        ).reshape(shape)
        for m in (known & denied, known & ~denied)
    ]
    payer = np.arange(series) * payers // series
    return RunoffArrays(date(2024, 1, 1), payer, submitted, *counts, np.zeros(shape, int))


def without_decisions_after(arrays: RunoffArrays, week: int) -> RunoffArrays:
    """The same weeks as they were known at the end of one: nothing submitted or decided since."""
    blank = {}
    for name in ("submitted", "denied", "paid", "duplicate"):
        counts = getattr(arrays, name).copy()
        counts[:, week + 1 :] = 0
        blank[name] = counts
    return replace(arrays, **blank)


def last_weeks(arrays: RunoffArrays, week: int) -> RunoffArrays:
    """Only the weeks that a judgement of ``week``, then the last one, may need."""
    span = slice(week + 1 - WEEKS_NEEDED, week + 1)
    counts = {name: getattr(arrays, name)[:, span] for name in ("submitted", "denied", "paid", "duplicate")}
    return replace(arrays, first_week=arrays.week_of(span.start), **counts)
