"""Whether an export holds its pending claims, judged from how many should be waiting.

Many exports list decided claims only. The share decided at each age follows from the decided claims alone
(chain ladder development factors, Mack 1993), so the number that should still be waiting can be foretold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from payerwatch.drift.runoff_arrays import LAG_WEEKS, Ints, RunoffArrays, by_submission_week
from payerwatch.late import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Floats: TypeAlias = "NDArray[np.float64]"

RECENT_WEEKS = 12
EXPECTED_MINIMUM = 10
"""Fewer claims expected to be waiting say nothing either way."""
PRESENT_SHARE_MINIMUM = 0.10
TELLING_SHARE = 0.10
"""A cohort less decided than this foretells nothing: its few decisions would be multiplied too often."""
COMPLETE_SHARE = 0.95
"""A cohort so far decided has no pending claims to miss."""


@dataclass(frozen=True)
class PendingCheck:
    """Claims that should be waiting at the watermark, those that are, and how fast cohorts are decided."""

    watermark_week: int
    """Index of the last whole week loaded."""
    expected: float
    present: int
    share_decided: Floats
    """[26] share of a cohort decided by the end of each lag week."""

    @property
    def missing(self) -> bool:
        """Whether the export left its pending claims out."""
        return self.expected >= EXPECTED_MINIMUM and self.present < PRESENT_SHARE_MINIMUM * self.expected

    def known_at(self, week_index: int) -> bool:
        """Whether a judgement of that week knows what was pending then.

        Long before the watermark it does even if pending claims are missing: what was pending in that week
        has been decided since.
        """
        age = min(self.watermark_week - week_index, LAG_WEEKS - 1)
        return not self.missing or bool(self.share_decided[age] >= COMPLETE_SHARE)


def check_pending(arrays: RunoffArrays, pending: Ints, watermark_week: int) -> PendingCheck:
    """Compare the pending claims of the 12 weeks up to the watermark with those their ages foretell.

    ``pending`` [W] or [S, W] are the claims without a decision, by submission week, in all that is loaded.
    What a cohort still waits for is foretold from its own decisions, so that weeks in which nothing was
    submitted ask for no pending claims; cohorts too young to have shown a tenth of them say nothing.
    """
    first = max(0, watermark_week + 1 - RECENT_WEEKS)
    recent = slice(first, watermark_week + 1)
    cohorts = by_submission_week(arrays.decided[:, : watermark_week + 1]).sum(axis=0)
    share = share_decided_by_lag(cohorts)
    by_age = share[watermark_week - np.arange(first, watermark_week + 1)]
    telling = np.where(by_age >= TELLING_SHARE, by_age, 1.0)
    return PendingCheck(
        watermark_week=watermark_week,
        expected=float((cohorts[recent].sum(axis=1) * (1 - telling) / telling).sum()),
        present=int(pending[..., recent].sum()),
        share_decided=share,
    )


def share_decided_by_lag(cohorts: Ints) -> Floats:
    """[26] share of decisions made by the end of each lag week, from counts [W, 26] by submission week.

    Each step from one lag week to the next uses the cohorts old enough to have seen both.
    """
    decided = cohorts.cumsum(axis=1)
    share = np.ones(LAG_WEEKS)
    for lag in range(LAG_WEEKS - 2, -1, -1):
        old_enough = decided[: max(0, decided.shape[0] - lag - 1)]
        later = old_enough[:, lag + 1].sum()
        share[lag] = share[lag + 1] * (old_enough[:, lag].sum() / later if later else 1.0)
    return share
