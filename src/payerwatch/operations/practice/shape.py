"""What one may ask of an invented practice, and the words its truth is told in."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from payerwatch.operations.practice.catalogue import GROUPS, PAYERS, GroupProfile, PayerProfile
from payerwatch.refusals import Refusal

MOST_WEEKS = 1_040
FIRST_YEAR, LAST_YEAR = 1990, 2100
DriftKind = Literal["none", "denial", "delay", "both"]
Measure = Literal["denial_rate", "days_to_decision"]


class ImpossiblePractice(Refusal):
    """No practice can be drawn in the size asked for."""


def require_between(name: str, value: int, lowest: int, highest: int) -> None:
    """Raise ImpossiblePractice unless the value lies in its range, ends included."""
    if not lowest <= value <= highest:
        raise ImpossiblePractice(
            f"{name} is {value}", where="sample", fix=f"Choose a number from {lowest:,} to {highest:,}."
        )


@dataclass(frozen=True)
class PracticeShape:
    """Size and character of the practice; the defaults make a believable one.

    payers, groups: how many of the catalogue's, largest first.
    equal_shares: every series (payer x CPT group) has the same expected volume.
    weekly_growth: of the volume, 0.001 is 5 % a year. holiday_dips: fewer claims in the weeks of US holidays.
    weekly_logit_sd: how much a series' denial rate wobbles from week to week, on the logit scale.
    drifted_series: None lets a payer-wide and a few single drifts be placed; a number drifts that many single
        series, evenly spread, and no whole payer.
    rate_jump (0..1), delay_days: the size of every drift; None draws 0.12-0.18 and 7-10 days.
    weeks_after_change: submission weeks from the change on, its week included; None draws about 10-14.
    """

    payers: int = 10
    groups: int = 9
    equal_shares: bool = False
    weekly_growth: float = 0.001
    holiday_dips: bool = True
    weekly_logit_sd: float = 0.08
    drifted_series: int | None = None
    rate_jump: float | None = None
    delay_days: int | None = None
    weeks_after_change: int | None = None

    def __post_init__(self) -> None:
        """Refuse sizes the catalogue cannot fill."""
        require_between("payers", self.payers, 1, len(PAYERS))
        require_between("groups", self.groups, 1, len(GROUPS))
        require_between("drifted series", self.drifted_series or 0, 0, self.series)

    @classmethod
    def flat(cls, **options: int | float | None) -> "PracticeShape":
        """Series of one equal, steady volume, for measuring a detector; `options` override any field."""
        steady = {"equal_shares": True, "weekly_growth": 0.0, "holiday_dips": False, "weekly_logit_sd": 0.0}
        return cls(**{**steady, **options})  # type: ignore[arg-type]

    @property
    def series(self) -> int:
        """Number of payer x CPT group pairs."""
        return self.payers * self.groups

    @property
    def payer_profiles(self) -> tuple[PayerProfile, ...]:
        """The payers of this practice, largest first."""
        return PAYERS[: self.payers]

    @property
    def group_profiles(self) -> tuple[GroupProfile, ...]:
        """The CPT groups of this practice, largest first."""
        return GROUPS[: self.groups]


@dataclass(frozen=True)
class Calendar:
    """The weeks of the practice: `weeks` whole weeks from Monday `start`, the last one cut after `until`."""

    until: date
    weeks: int

    def __post_init__(self) -> None:
        """Refuse a history of no week, or of more than dates and memory hold."""
        require_between("weeks", self.weeks, 1, MOST_WEEKS)
        require_between("the year of until", self.until.year, FIRST_YEAR, LAST_YEAR)

    @property
    def start(self) -> date:
        """Monday of the first week."""
        return self.monday(0)

    @property
    def last_day(self) -> int:
        """`until` counted in days from `start`."""
        return (self.until - self.start).days

    def monday(self, week: int) -> date:
        """Monday of the week numbered from 0."""
        last_monday = self.until - timedelta(days=self.until.weekday())
        return last_monday - timedelta(weeks=self.weeks - 1 - week)


@dataclass(frozen=True)
class Drift:
    """A change put into the practice: from claims submitted in `change_week` (a Monday) on.

    size: points of denial rate (0..1) or days; cpt_group None means all groups of the payer.
    """

    measure: Measure
    payer: str
    cpt_group: str | None
    change_week: date
    size: float
    denial_category: str | None = None
