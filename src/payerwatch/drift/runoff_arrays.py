"""The run-off counts of one customer as arrays: what every detector reads, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from payerwatch.late import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LAG_WEEKS = 26
"""Lag weeks 0 to 25 between submission and decision; the last holds 25 weeks or more."""

WEEKS_NEEDED = 59
"""Weeks that decide a judgement: a baseline from 33 weeks back, whose cohorts reach 25 weeks further."""

Ints: TypeAlias = "NDArray[np.int64]"
Number = TypeVar("Number", bound="np.generic")


class MisshapenRunoffArrays(ValueError):
    """The run-off arrays do not describe the same series, weeks and lag weeks."""


@dataclass(frozen=True)
class RunoffArrays:
    """Claims of one customer by series (payer and CPT group), week and lag week.

    Weeks are consecutive Mondays; index 0 is ``first_week``. S series, W weeks, 26 lag weeks. Counts may
    be given in any integer type and are kept in 64 bits.
    A claim of lag 25 or more is counted with the cohort 25 weeks before its decision.
    """

    first_week: date
    payer: Ints
    """[S] payer index of each series, 0 to P-1."""
    submitted: Ints
    """[S, W] claims submitted in the week, those still pending included."""
    denied: Ints
    """[S, W, 26] first decisions that denied, by week of decision and lag week, duplicates excluded."""
    paid: Ints
    """[S, W, 26] first decisions that paid, by week of decision and lag week."""
    duplicate: Ints
    """[S, W, 26] denials as exact duplicate: decisions, but neither denied nor paid for the rate."""

    def __post_init__(self) -> None:
        for name in ("payer", "submitted", "denied", "paid", "duplicate"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=np.int64))
        series, weeks = self.submitted.shape
        if self.payer.shape != (series,):
            raise MisshapenRunoffArrays(f"payer is {self.payer.shape}, submitted {self.submitted.shape}")
        for name in ("denied", "paid", "duplicate"):
            shape = getattr(self, name).shape
            if shape != (series, weeks, LAG_WEEKS):
                raise MisshapenRunoffArrays(f"{name} is {shape}, submitted {self.submitted.shape}")

    @property
    def series(self) -> int:
        """Number of series, S."""
        return int(self.submitted.shape[0])

    @property
    def weeks(self) -> int:
        """Number of weeks, W."""
        return int(self.submitted.shape[1])

    @property
    def payers(self) -> int:
        """Number of payers, P."""
        return int(self.payer.max()) + 1 if self.series else 0

    @cached_property
    def decided(self) -> Ints:
        """[S, W, 26] all first decisions by week of decision, duplicates included."""
        return self.denied + self.paid + self.duplicate

    def week_of(self, index: int) -> date:
        """The Monday of a week index."""
        return self.first_week + timedelta(weeks=index)

    def with_payers(self, values: NDArray[Number]) -> NDArray[Number]:
        """[S, ...] values of the series followed by their sums per payer: [S + P, ...], one row a node."""
        return np.concatenate([values, self.sum_by_payer(values)])

    def sum_by_payer(self, values: NDArray[Number]) -> NDArray[Number]:
        """[P, ...] sums over each payer's series."""
        sums = np.zeros((self.payers, *values.shape[1:]), dtype=values.dtype)
        np.add.at(sums, self.payer, values)
        return sums


def by_submission_week(cells: Ints) -> Ints:
    """Turn counts by decision week [S, W, 26] into counts by submission week [S, W, 26].

    A cell whose submission week lies before the first week is left out, one whose decision lies after
    the last is zero.
    """
    weeks = cells.shape[1]
    cohorts = np.zeros_like(cells)
    for lag in range(min(LAG_WEEKS, weeks)):
        cohorts[:, : weeks - lag, lag] = cells[:, lag:, lag]
    return cohorts
