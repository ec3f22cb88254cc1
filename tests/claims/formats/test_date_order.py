"""Whether the day or the month comes first."""

from datetime import date
from pathlib import Path

import pytest

from payerwatch.claims.formats import refusals
from tests.claims.formats.files import accepted, codes, lines, opened, read, row, write

pytestmark = pytest.mark.pure


def dated(*days: str) -> str:
    return lines(*[row(service=day, submitted=day, decided=day) for day in days])


def test_nothing_to_tell_day_from_month_is_refused_with_both_readings(tmp_path: Path) -> None:
    with pytest.raises(refusals.DateOrderAmbiguous) as refused:
        opened(write(tmp_path, dated("03/04/2025", "05/06/2025")))
    assert "March 4, 2025" in str(refused.value)
    assert "April 3, 2025" in str(refused.value)
    assert "--date-order" in refused.value.fix
    assert "Submission Date" in refused.value.where


@pytest.mark.parametrize(
    ("order", "day"), [("mdy", date(2025, 3, 4)), ("dmy", date(2025, 4, 3)), ("DMY", date(2025, 4, 3))]
)
def test_the_order_asked_for_is_used(tmp_path: Path, order: str, day: date) -> None:
    found = accepted(read(write(tmp_path, dated("03/04/2025")), date_order=order))
    assert found[0]["submitted_date"] == day


def test_one_date_at_the_end_of_a_long_file_settles_it(tmp_path: Path) -> None:
    path = write(tmp_path, dated(*["03/04/2025"] * 8_000, "25/12/2024"))
    assert opened(path).date_order == "dmy"


def test_a_date_that_does_not_fit_the_order_is_set_aside(tmp_path: Path) -> None:
    path = write(tmp_path, dated("03/25/2025", "25/03/2025", "2025-03-25"))
    batches = read(path, date_order="mdy")
    assert codes(batches) == {3: "submitted_date_invalid"}
    assert len(accepted(batches)) == 2


def test_a_few_contrary_dates_are_set_aside_and_many_refuse_the_file(tmp_path: Path) -> None:
    batches = read(write(tmp_path, dated(*["03/25/2025"] * 60, "25/03/2025")))
    assert codes(batches) == {62: "submitted_date_invalid"}
    with pytest.raises(refusals.DateOrderContradictory, match="month first"):
        opened(write(tmp_path, dated(*["03/25/2025"] * 6, "25/03/2025")))


def test_days_equal_to_their_month_need_no_order(tmp_path: Path) -> None:
    assert accepted(read(write(tmp_path, dated("02/02/2025", "2025-03-01"))))[0]["submitted_date"] == date(2025, 2, 2)


def test_an_unknown_order_is_refused(tmp_path: Path) -> None:
    with pytest.raises(refusals.DateOrderInvalid):
        opened(write(tmp_path, dated("2025-01-01")), date_order="ydm")
