import numpy as np
import pytest

from payerwatch.drift.detectors import Detectors
from payerwatch.drift.explanations import median_days, most_grown_category
from tests.drift.invented import history

pytestmark = pytest.mark.pure


def test_about_nine_in_ten_steady_weeks_stay_in_the_band() -> None:
    weekly = Detectors(history()).weekly("denial_rate", 60, 26)
    inside = []
    for node in range(20):
        band = weekly.band(node)
        inside.append((band.observed >= band.lower) & (band.observed <= band.upper))
    assert 0.88 <= np.mean(inside) <= 0.99


def test_the_band_is_wider_where_claims_are_fewer() -> None:
    weekly = Detectors(history()).weekly("denial_rate", 60, 26)
    series, payer = weekly.band(0), weekly.band(20)
    assert np.mean(series.upper - series.lower) > 2 * np.mean(payer.upper - payer.lower)


def test_weeks_without_claims_have_no_rate() -> None:
    arrays = history()
    arrays.denied[0, 60], arrays.paid[0, 60] = 0, 0
    band = Detectors(arrays).weekly("denial_rate", 60, 2).band(0)
    assert np.isnan(band.observed).tolist() == [False, True]


def test_median_days_fall_where_half_are_decided() -> None:
    assert median_days(np.array([0.0, 50, 50]), np.array([100.0, 100, 50])) == pytest.approx(10.5)
    assert median_days(np.array([0.0, 100]), np.array([100.0, 100])) == pytest.approx(7.0)


def test_median_days_are_unknown_while_most_claims_wait() -> None:
    assert median_days(np.array([0.0, 10]), np.array([100.0, 100])) is None


def test_the_category_that_grew_most_is_not_the_largest() -> None:
    baseline = {"coding_bundling": 80, "authorization": 20}
    change = most_grown_category(baseline, {"coding_bundling": 42, "authorization": 38}, expected=50)
    assert change is not None
    assert (change.category, change.observed, change.excess) == ("authorization", 38, pytest.approx(28))


def test_a_new_category_counts_in_full() -> None:
    change = most_grown_category({"eligibility": 10}, {"eligibility": 4, "missing_info": 3}, expected=4)
    assert change is not None
    assert (change.category, change.expected) == ("missing_info", 0)


def test_no_denials_have_no_category() -> None:
    assert most_grown_category({"eligibility": 10}, {}, expected=4) is None
