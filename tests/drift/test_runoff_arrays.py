from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from payerwatch.drift.runoff_arrays import LAG_WEEKS, MisshapenRunoffArrays, RunoffArrays, by_submission_week
from tests.drift.invented import history

pytestmark = pytest.mark.pure


def test_arrays_of_other_weeks_are_refused() -> None:
    arrays = history(weeks=10)
    with pytest.raises(MisshapenRunoffArrays, match="denied"):
        replace(arrays, denied=arrays.denied[:, 1:])


def test_a_payer_for_another_number_of_series_is_refused() -> None:
    arrays = history(weeks=10)
    with pytest.raises(MisshapenRunoffArrays, match="payer"):
        replace(arrays, payer=arrays.payer[1:])


def test_small_integers_do_not_overflow_when_added() -> None:
    cells = np.full((1, 1, LAG_WEEKS), 200, np.uint8)
    arrays = RunoffArrays(date(2024, 1, 1), np.zeros(1, int), np.ones((1, 1)), cells, cells, cells)
    assert arrays.decided[0, 0, 0] == 600


def test_weeks_are_counted_from_the_first_monday() -> None:
    assert history(weeks=10).week_of(3) == date(2024, 1, 22)


def test_payer_sums_follow_the_series() -> None:
    arrays = history(series=6, payers=3, weeks=4)
    nodes = arrays.with_payers(arrays.submitted)
    assert nodes.shape == (9, 4)
    assert (nodes[7] == arrays.submitted[2] + arrays.submitted[3]).all()


def test_cells_turn_to_the_week_of_submission_and_lose_older_cohorts() -> None:
    cells = np.zeros((1, 4, LAG_WEEKS), int)
    cells[0, 3, 1], cells[0, 1, 2] = 5, 7
    cohorts = by_submission_week(cells)
    assert cohorts[0, 2, 1] == 5
    assert cohorts.sum() == 5


def test_no_series_have_no_payers() -> None:
    nothing = np.zeros((0, 5, LAG_WEEKS), int)
    arrays = RunoffArrays(date(2024, 1, 1), np.zeros(0, int), nothing[..., 0], nothing, nothing, nothing)
    assert (arrays.series, arrays.payers) == (0, 0)
