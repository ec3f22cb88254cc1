"""A practice drawn whole: its claims, its people's money and the truth of what changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from payerwatch.late import numpy as np
from payerwatch.operations.practice.claims import Claims, Ways, draw_claims
from payerwatch.operations.practice.drifts import describe, place_drifts
from payerwatch.operations.practice.shape import Calendar, Drift, DriftKind, PracticeShape, require_between
from payerwatch.operations.practice.traits import draw_traits

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_CLAIMS = 10_000_000
LARGEST_SEED = 2**63 - 1


@dataclass(frozen=True)
class Practice:
    """An invented practice: what was asked for, every claim with its true decision, and the drifts put in."""

    seed: int
    claims_per_week: int
    kind: DriftKind
    shape: PracticeShape
    calendar: Calendar
    claims: Claims
    drifts: list[Drift]

    @property
    def payers(self) -> tuple[str, ...]:
        """Names by payer index."""
        return tuple(profile.name for profile in self.shape.payer_profiles)

    @property
    def cpt_groups(self) -> tuple[str, ...]:
        """Keys by group index."""
        return tuple(profile.key for profile in self.shape.group_profiles)

    @property
    def payer(self) -> NDArray[np.int32]:
        """Payer index of each claim."""
        return self.claims.series // np.int32(self.shape.groups)

    @property
    def pending(self) -> NDArray[np.bool_]:
        """Claims not yet decided on the day of the export."""
        return self.claims.decision_day > self.calendar.last_day


def draw_practice(
    *,
    seed: int,
    weeks: int,
    claims_per_week: int,
    until: date,
    drift: DriftKind = "none",
    shape: PracticeShape | None = None,
) -> Practice:
    """Invent a practice; the same arguments give the same claims.

    weeks, until: the history is `weeks` Monday weeks, the last one holding `until` and cut after it.
    claims_per_week: of the whole practice, on average. Raises ImpossiblePractice for sizes that make none.
    """
    shape, calendar = shape or PracticeShape(), Calendar(until, weeks)
    require_between("claims per week", claims_per_week, 1, MOST_CLAIMS // weeks)
    require_between("seed", seed, 0, LARGEST_SEED)
    streams = np.random.SeedSequence(seed).spawn(3)
    character, change, fate = (np.random.default_rng(stream) for stream in streams)
    traits = draw_traits(character, shape)
    placements = place_drifts(change, shape, calendar, drift, traits.share)
    claims = draw_claims(fate, Ways(shape, calendar, traits, placements), claims_per_week)
    drifts = describe(placements, shape, calendar)
    return Practice(seed, claims_per_week, drift, shape, calendar, claims, drifts)
