"""Which weeks a month's report covers. Everything is counted by weeks, so that a report is of whole ones."""

from dataclasses import dataclass
from datetime import date, timedelta

_WEEK = timedelta(weeks=1)


@dataclass(frozen=True)
class Weeks:
    """Some weeks that follow each other, known by the Monday of the first."""

    first: date
    count: int

    @property
    def last(self) -> date:
        """The Monday of the last."""
        return self.first + (self.count - 1) * _WEEK

    @property
    def last_day(self) -> date:
        """The Sunday of the last."""
        return self.first + self.count * _WEEK - timedelta(days=1)

    def before(self, count: int) -> "Weeks":
        """So many weeks that end where these begin."""
        return Weeks(self.first - count * _WEEK, count)


def weeks_of(month: date) -> Weeks:
    """The weeks whose Monday lies in the month of this day: four or five, and every week is of one month only."""
    first = first_monday(month)
    return Weeks(first, (first_monday(_next(month)) - first).days // 7)


def first_monday(month: date) -> date:
    first = month.replace(day=1)
    return first + timedelta(days=-first.weekday() % 7)


def month_before(month: date) -> date:
    """The first day of the month before."""
    return (month.replace(day=1) - timedelta(days=1)).replace(day=1)


def _next(month: date) -> date:
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)
