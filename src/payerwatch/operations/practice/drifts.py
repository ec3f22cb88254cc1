"""Where and when a practice's payers change their ways."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from payerwatch.late import numpy as np
from payerwatch.operations.practice.shape import Calendar, Drift, DriftKind, Measure, PracticeShape

if TYPE_CHECKING:
    from numpy.typing import NDArray

WEEKS_OF_BASELINE = 35
USUAL_WEEKS_AFTER = (10, 14)
FEWEST_WEEKS_AFTER = 6
BETTER_FILLED = 12
WIDE_PAYERS = 6
NEW_POLICIES = ("authorization", "medical_necessity", "coding_bundling", "missing_info")
MEASURES: dict[DriftKind, tuple[Measure, ...]] = {
    "none": (),
    "denial": ("denial_rate",),
    "delay": ("days_to_decision",),
    "both": ("denial_rate", "days_to_decision"),
}
Site = tuple[int, int | None]
Floats: TypeAlias = "NDArray[np.float64]"


@dataclass(frozen=True)
class Placement:
    """A drift in indices: `group` None is the whole payer; `week` counts from the practice's first."""

    measure: Measure
    payer: int
    group: int | None
    week: int
    size: float
    denial_category: str | None

    def series(self, groups: int) -> NDArray[np.int64]:
        """The series it touches."""
        first = self.payer * groups
        return np.arange(first, first + groups) if self.group is None else np.array([first + self.group])


def place_drifts(
    rng: np.random.Generator, shape: PracticeShape, calendar: Calendar, kind: DriftKind, share: Floats
) -> list[Placement]:
    """Choose the drifts: never two at one payer unless `shape.drifted_series` asks for many."""
    measures = _measures(rng, kind, shape)
    if shape.drifted_series is None:
        sites = _mixed_sites(rng, shape, share, wide=len(MEASURES[kind]))
    else:
        sites = _spread_sites(rng, shape, shape.drifted_series)
    return [_placement(rng, shape, calendar, measure, site) for measure, site in zip(measures, sites, strict=False)]


def describe(placements: Iterable[Placement], shape: PracticeShape, calendar: Calendar) -> list[Drift]:
    """The same drifts in the words of the product."""
    return [
        Drift(
            measure=drift.measure,
            payer=shape.payer_profiles[drift.payer].name,
            cpt_group=None if drift.group is None else shape.group_profiles[drift.group].key,
            change_week=calendar.monday(drift.week),
            size=drift.size,
            denial_category=drift.denial_category,
        )
        for drift in placements
    ]


def _measures(rng: np.random.Generator, kind: DriftKind, shape: PracticeShape) -> list[Measure]:
    """One measure per drift, in the order of the sites."""
    drifting = MEASURES[kind]
    usual = 2 * len(drifting) if len(drifting) != 1 else int(rng.integers(2, 4))
    count = usual if shape.drifted_series is None or not drifting else shape.drifted_series
    return [drifting[turn % len(drifting)] for turn in range(count)]


def _mixed_sites(rng: np.random.Generator, shape: PracticeShape, share: Floats, wide: int) -> list[Site]:
    """`wide` larger payers as a whole, then single better-filled series, each at a payer of its own."""
    by_payer = share.reshape(shape.payers, shape.groups).sum(axis=1)
    larger = np.argsort(-by_payer, kind="stable")[:WIDE_PAYERS]
    taken = [int(payer) for payer in rng.permutation(larger)[:wide]]
    sites: list[Site] = [(payer, None) for payer in taken]
    fullest = np.argsort(-share, kind="stable")
    for series in [*rng.permutation(fullest[:BETTER_FILLED]), *fullest]:
        payer, group = divmod(int(series), shape.groups)
        if payer not in taken:
            sites.append((payer, group))
            taken.append(payer)
    return sites


def _spread_sites(rng: np.random.Generator, shape: PracticeShape, count: int) -> list[Site]:
    first = int(rng.integers(shape.series))
    chosen = [(first + turn * shape.series // count) % shape.series for turn in range(count)]
    return [divmod(series, shape.groups) for series in chosen]


def _placement(
    rng: np.random.Generator, shape: PracticeShape, calendar: Calendar, measure: Measure, site: Site
) -> Placement:
    payer, group = site
    week = max(calendar.weeks - _weeks_after(rng, shape, calendar.weeks), 0)
    if measure == "days_to_decision":
        days = int(rng.integers(7, 11)) if shape.delay_days is None else shape.delay_days
        return Placement(measure, payer, group, week, days, None)
    jump = round(float(rng.uniform(0.12, 0.18)), 2) if shape.rate_jump is None else shape.rate_jump
    return Placement(measure, payer, group, week, jump, str(rng.choice(NEW_POLICIES)))


def _weeks_after(rng: np.random.Generator, shape: PracticeShape, weeks: int) -> int:
    """Keep 35 weeks of baseline where the history allows, else change as late as can still be seen."""
    drawn = int(rng.integers(USUAL_WEEKS_AFTER[0], USUAL_WEEKS_AFTER[1] + 1))
    if shape.weeks_after_change is not None:
        return shape.weeks_after_change
    fewest = min(FEWEST_WEEKS_AFTER, max(weeks // 3, 1))
    return int(np.clip(weeks - WEEKS_OF_BASELINE, fewest, drawn))
