"""Which weeks a month's report covers."""

from datetime import date, timedelta

import pytest

from payerwatch.reports.months import Weeks, month_before, weeks_of

pytestmark = pytest.mark.pure


def test_a_month_covers_the_weeks_whose_monday_lies_in_it():
    covered = weeks_of(date(2026, 10, 1))
    assert (covered.first, covered.count, covered.last) == (date(2026, 10, 5), 4, date(2026, 10, 26))
    assert covered.last_day == date(2026, 11, 1)
    assert weeks_of(date(2026, 11, 30)) == Weeks(date(2026, 11, 2), 5)


def test_each_week_of_forty_years_is_of_one_month_and_no_other():
    month, monday = date(1990, 1, 1), weeks_of(date(1990, 1, 1)).first
    while month < date(2030, 1, 1):
        covered = weeks_of(month)
        assert (covered.first, covered.count in (4, 5)) == (monday, True)
        monday = covered.last + timedelta(weeks=1)
        assert covered.first.month == covered.last.month == month.month
        following = (month + timedelta(days=31)).replace(day=1)
        assert month_before(following) == month
        month = following
