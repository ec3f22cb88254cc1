"""The claims of a practice as arrays: when each is submitted, when and how it is first decided, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, TypeAlias

from payerwatch.late import numpy as np
from payerwatch.operations.practice.catalogue import REASONS
from payerwatch.operations.practice.drifts import Placement
from payerwatch.operations.practice.shape import Calendar, PracticeShape
from payerwatch.operations.practice.traits import Traits

if TYPE_CHECKING:
    from numpy.typing import NDArray

Ints: TypeAlias = "NDArray[np.int32]"
Flags: TypeAlias = "NDArray[np.bool_]"
DAYS = 7
SUBMITTED_ON = (0.20, 0.21, 0.20, 0.19, 0.16, 0.03, 0.01)
LAG_SIGMA = 0.45
WEEKEND_WAITS_RATE = 0.85
NEW_POLICY_RATE = 0.85
HOLIDAYS = ((1, 1, 0.75), (7, 4, 0.80), (11, 25, 0.70), (12, 25, 0.60))
NO_REASON = -1


@dataclass(frozen=True)
class Ways:
    """All that decides how claims come and go: the standing character and the drifts put into it."""

    shape: PracticeShape
    calendar: Calendar
    traits: Traits
    drifts: list[Placement]


@dataclass(frozen=True)
class Claims:
    """One row per claim in order of submission; days count from the practice's first Monday.

    series = payer * groups + group. decision_day is the true one, even when it lies after the export.
    denied: the first decision. reason: index into the catalogue's REASONS, -1 where not denied.
    """

    series: Ints
    submit_day: Ints
    decision_day: Ints
    denied: Flags
    reason: NDArray[np.int16]


@dataclass(frozen=True)
class _Sent:
    """Claims as submitted, before any decision."""

    series: Ints
    payer: Ints
    week: Ints
    day: Ints


def draw_claims(rng: np.random.Generator, ways: Ways, claims_per_week: int) -> Claims:
    """Every claim submitted up to the calendar's `until`."""
    sent = _submissions(rng, ways, claims_per_week)
    denied, by_policy = _outcomes(rng, ways, sent)
    decision_day = _decision_days(rng, ways, sent, denied)
    reason = _reasons(rng, ways, sent, denied, by_policy)
    return Claims(sent.series, sent.day, decision_day, denied, reason)


def _submissions(rng: np.random.Generator, ways: Ways, claims_per_week: int) -> _Sent:
    """Weekly Poisson volumes; within a day claims come in no order."""
    expected = claims_per_week * np.outer(ways.traits.share, _rhythm(ways))
    claims = rng.poisson(expected).ravel()
    cell = rng.permutation(np.repeat(np.arange(claims.size, dtype=np.int32), claims))
    week = cell % ways.calendar.weeks
    day = week * DAYS + rng.choice(DAYS, cell.size, p=SUBMITTED_ON).astype(np.int32)
    order = np.argsort(day, kind="stable")
    order = order[: np.searchsorted(day, ways.calendar.last_day, side="right", sorter=order)]
    series = cell[order] // ways.calendar.weeks
    return _Sent(series, series // ways.shape.groups, week[order], day[order])


def _rhythm(ways: Ways) -> NDArray[np.float64]:
    """Volume of each week as a multiple of the average week."""
    weeks = np.arange(ways.calendar.weeks)
    rhythm = np.exp(ways.shape.weekly_growth * weeks)
    if ways.shape.holiday_dips:
        rhythm = rhythm * np.array([_holiday_dip(ways.calendar.monday(week)) for week in weeks.tolist()])
    return np.asarray(rhythm / rhythm.mean())


def _holiday_dip(monday: date) -> float:
    """Share of the usual volume in this week; Thanksgiving is taken as 25 November."""
    for month, day, share in HOLIDAYS:
        for year in (monday.year, monday.year + 1):
            if 0 <= (date(year, month, day) - monday).days < DAYS:
                return share
    return 1.0


def _outcomes(rng: np.random.Generator, ways: Ways, sent: _Sent) -> tuple[Flags, NDArray[np.int16]]:
    """Whether each claim is denied, and the drift (index, else -1) without which it would have been paid."""
    size = (ways.shape.series, ways.calendar.weeks)
    wobble = ways.shape.weekly_logit_sd * rng.standard_normal(size)
    usual = 1 / (1 + np.exp(-(ways.traits.denial_logit[:, None] + wobble)))
    jump, policy = np.zeros(size), np.full(size, -1, np.int16)
    for index, drift in enumerate(ways.drifts):
        if drift.measure == "denial_rate":
            rows = drift.series(ways.shape.groups)
            jump[rows, drift.week :] = drift.size
            policy[rows, drift.week :] = index
    luck = rng.random(sent.series.size)
    would_be = luck < usual[sent.series, sent.week]
    denied = luck < (usual + jump)[sent.series, sent.week]
    by_policy = np.where(denied & ~would_be, policy[sent.series, sent.week], np.int16(-1))
    return denied, by_policy


def _decision_days(rng: np.random.Generator, ways: Ways, sent: _Sent, denied: Flags) -> Ints:
    """Lognormal days by payer and outcome; payments keep the payer's floor, weekends mostly wait."""
    traits = ways.traits
    floor = np.where(denied, 1.0, traits.floor_days[sent.payer])
    median = np.where(denied, traits.denied_days[sent.payer], traits.paid_days[sent.payer])
    lag = floor + np.maximum(median - floor, 1.0) * np.exp(LAG_SIGMA * rng.standard_normal(denied.size))
    lag += _extra_days(ways)[sent.series, sent.week]
    decided = sent.day + np.maximum(np.rint(lag), 1).astype(np.int32)
    weekday = decided % DAYS
    waits = (weekday >= 5) & (rng.random(denied.size) < WEEKEND_WAITS_RATE)
    decided[waits] += DAYS - weekday[waits]
    return np.asarray(decided, np.int32)


def _extra_days(ways: Ways) -> NDArray[np.float64]:
    extra = np.zeros((ways.shape.series, ways.calendar.weeks))
    for drift in ways.drifts:
        if drift.measure == "days_to_decision":
            extra[drift.series(ways.shape.groups), drift.week :] = drift.size
    return extra


def _reasons(
    rng: np.random.Generator, ways: Ways, sent: _Sent, denied: Flags, by_policy: NDArray[np.int16]
) -> NDArray[np.int16]:
    """A reason for each denial from its payer's mix; most denials a new policy adds carry its category."""
    reason = np.full(denied.size, NO_REASON, np.int16)
    rows = np.flatnonzero(denied)
    reason[rows] = _pick(rng, ways.traits.reason_rate, sent.payer[rows])
    telling = (by_policy >= 0) & (rng.random(denied.size) < NEW_POLICY_RATE)
    for index, drift in enumerate(ways.drifts):
        rows = np.flatnonzero(telling & (by_policy == index))
        if rows.size:
            named = np.array([entry.category == drift.denial_category for entry in REASONS])
            reason[rows] = _pick(rng, ways.traits.reason_rate * named, sent.payer[rows])
    return reason


def _pick(rng: np.random.Generator, rate: NDArray[np.float64], payer: Ints) -> NDArray[np.int16]:
    """One index per row of `payer`, drawn in proportion to that payer's row of `rate`."""
    upto = rate.cumsum(axis=1)
    picked = np.zeros(payer.size, np.int16)
    for one in np.unique(payer):
        rows = np.flatnonzero(payer == one)
        picked[rows] = np.searchsorted(upto[one], rng.random(rows.size) * upto[one, -1], side="right")
    return picked
