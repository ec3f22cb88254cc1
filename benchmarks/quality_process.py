"""Invented histories whose truth is known: the process the detectors' quality is measured on.

10 payers x 10 CPT groups. A series denies at a rate drawn from a beta distribution, is sent a Poisson number
of claims a week, and decides after lognormal days that differ by outcome and payer. Changes are put in at a
known week.
"""

from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from payerwatch.drift.runoff_arrays import LAG_WEEKS, RunoffArrays

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SERIES, PAYERS = 100, 10
WEEKS, CHANGE_WEEK = 72, 50
FIRST_WEEK = date(2024, 1, 1)
DENIAL_RATE, DENIAL_CONCENTRATION = 0.12, 40
LOWEST_RATE, HIGHEST_RATE = 0.03, 0.35
LAG_SIGMA, PAYER_SPEED_SIGMA = 0.45, 0.25


@dataclass(frozen=True)
class Change:
    """What happens from the change week on, and to which series or payers."""

    series: tuple[int, ...] = ()
    extra_rate: float = 0.0
    """Added to the denial rate."""
    extra_days: int = 0
    """Added to every decision; at least a day remains."""
    by_decision: bool = False
    """The rate changes for claims decided, not submitted, from the change week on."""
    frozen_payers: tuple[int, ...] = ()
    """These decide nothing for three weeks, then flush what has gathered within a week."""


@dataclass(frozen=True)
class Process:
    """How claims come and are decided."""

    volume: float = 50
    """Claims a week and series."""
    paid_days: float = 15
    denied_days: float = 15
    weekly_growth: float = 0.0
    logit_sd: float = 0.0
    """How much a series' denial rate wobbles from week to week."""
    uneven: bool = False
    """Volumes as uneven as a real practice's, with holidays; for the sample process."""
    change: Change = field(default_factory=Change)


@dataclass(frozen=True)
class History:
    """Claims one by one, in days since the first Monday, and what was changed."""

    payer: Ints
    """[S] payer of each series."""
    weeks: int
    change_week: int
    change: Change
    series: Ints
    submitted_day: Ints
    decided_day: Ints
    denied: NDArray[np.bool_]

    @property
    def changed_payers(self) -> list[int]:
        """Payers with a changed series, or frozen."""
        return sorted({*self.payer[list(self.change.series)].tolist(), *self.change.frozen_payers})

    @cached_property
    def arrays(self) -> RunoffArrays:
        """The run-off counts; decisions after the last week are still pending."""
        week, decided_week = self.submitted_day // 7, self.decided_day // 7
        lag = np.minimum(decided_week - week, LAG_WEEKS - 1)
        shape = (self.payer.size, self.weeks, LAG_WEEKS)
        known = decided_week < self.weeks

        def counted(chosen: NDArray[np.bool_]) -> Ints:
            index = np.ravel_multi_index((self.series[chosen], decided_week[chosen], lag[chosen]), shape)
            return np.bincount(index, minlength=int(np.prod(shape))).reshape(shape)

        submitted = np.bincount(self.series * self.weeks + week, minlength=self.payer.size * self.weeks)
        denied, paid = counted(known & self.denied), counted(known & ~self.denied)
        return RunoffArrays(
            FIRST_WEEK,
            self.payer,
            submitted.reshape(self.payer.size, self.weeks),
            denied,
            paid,
            np.zeros_like(denied),
        )


def draw(process: Process, seed: int) -> History:
    """One history; the same seed gives the same."""
    rng = np.random.default_rng(seed)
    rates = _denial_rates(rng, process)
    speed = np.exp(PAYER_SPEED_SIGMA * rng.standard_normal(PAYERS)).repeat(SERIES // PAYERS)
    series, week, day = _submissions(rng, process)
    change = process.change
    changed = np.isin(series, change.series)
    chance = rng.random(series.size)
    extra = change.extra_rate * (changed & (week >= CHANGE_WEEK) & (not change.by_decision))
    denied = chance < rates[series, week] + extra
    days = _decision_days(rng, process, denied, speed[series])
    days = np.where(changed & (week >= CHANGE_WEEK), np.maximum(1, days + change.extra_days), days)
    decided = _thawed(rng, change, series // (SERIES // PAYERS), day + days)
    if change.by_decision:
        late = changed & (decided >= CHANGE_WEEK * 7)
        denied = chance < rates[series, week] + change.extra_rate * late
    payer = np.arange(SERIES) // (SERIES // PAYERS)
    return History(payer, WEEKS, CHANGE_WEEK, change, series, day, decided, denied)


def _denial_rates(rng: np.random.Generator, process: Process) -> Floats:
    """[S, W] chance of a denial by week of submission."""
    a, b = DENIAL_RATE * DENIAL_CONCENTRATION, (1 - DENIAL_RATE) * DENIAL_CONCENTRATION
    rate = np.clip(rng.beta(a, b, SERIES), LOWEST_RATE, HIGHEST_RATE)
    wobble = process.logit_sd * rng.standard_normal((SERIES, WEEKS))
    odds = (rate / (1 - rate))[:, None] * np.exp(wobble)
    return np.asarray(odds / (1 + odds))


def _submissions(rng: np.random.Generator, process: Process) -> tuple[Ints, Ints, Ints]:
    """Series, week and day of each claim."""
    volume = process.volume * np.exp(process.weekly_growth * np.arange(WEEKS))
    claims = rng.poisson(np.broadcast_to(volume, (SERIES, WEEKS)))
    cell = np.repeat(np.arange(SERIES * WEEKS), claims.ravel())
    series, week = cell // WEEKS, cell % WEEKS
    return series, week, week * 7 + rng.integers(0, 7, cell.size)


def _decision_days(rng: np.random.Generator, process: Process, denied: NDArray[np.bool_], speed: Floats) -> Ints:
    """Whole days to the decision, at least 1."""
    median = np.where(denied, process.denied_days, process.paid_days)
    days = speed * median * np.exp(LAG_SIGMA * rng.standard_normal(denied.size))
    return np.maximum(1, np.round(days)).astype(np.int64)


def _thawed(rng: np.random.Generator, change: Change, payer: Ints, decided: Ints) -> Ints:
    """Decision days, those of frozen payers moved from three weeks into the week after."""
    thaw = (CHANGE_WEEK + 3) * 7
    frozen = np.isin(payer, change.frozen_payers) & (decided >= CHANGE_WEEK * 7) & (decided < thaw)
    return np.where(frozen, thaw + rng.integers(0, 7, decided.size), decided)
