"""Intervals of shares: as published, and as good as they say."""

import numpy as np
import pytest
from scipy.stats import binom

from payerwatch.reports.intervals import difference_interval, share_interval

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_shares_are_as_newcombe_gives_them(count: int, of: int, low: float, high: float):
    """Newcombe 1998, Stat. Med. 17, 857-872, table I, method 3."""
    assert share_interval(count, of) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((5, 56), (0, 29), -0.0381, 0.1926),
    ],
)
def test_differences_are_as_newcombe_gives_them(
    first: tuple[int, int], second: tuple[int, int], low: float, high: float
):
    """Newcombe 1998, Stat. Med. 17, 873-890, table II, method 10."""
    assert difference_interval(*first, *second) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize("of", [10, 40, 200])
def test_on_average_the_share_lies_in_it_95_times_in_100(of: int):
    counts = np.arange(of + 1)
    bounds = np.array([share_interval(int(count), of) for count in counts])
    covered = [
        binom.pmf(counts, of, share)[(bounds[:, 0] <= share) & (share <= bounds[:, 1])].sum()
        for share in np.linspace(0.02, 0.98, 97)
    ]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.01)
