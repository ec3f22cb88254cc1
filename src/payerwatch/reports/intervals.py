"""How far chance alone may have moved a share: intervals of 95 %. Pure functions of counts.

They take decisions as made one by one. Payers decide in batches, so that shares vary somewhat more than this; whether
a change is one is for the detectors to say, which measure how much more.
"""

from math import sqrt
from typing import NamedTuple

_Z = 1.959963984540054
"""Of the normal distribution, 2.5 % lies above."""


class Interval(NamedTuple):
    low: float
    high: float


def share_interval(count: int, of: int) -> Interval:
    """Wilson's score interval of the share `count` / `of` (1927, J. Am. Stat. Assoc. 22, 209-212); not of none.

    For small counts too it covers near to what it says (Brown, Cai and DasGupta 2001, Stat. Sci. 16, 101-133).
    """
    share, squared = count / of, _Z * _Z
    middle = (share + squared / (2 * of)) / (1 + squared / of)
    reach = _Z * sqrt(share * (1 - share) / of + squared / (4 * of * of)) / (1 + squared / of)
    return Interval(max(0.0, middle - reach), min(1.0, middle + reach))


def difference_interval(count: int, of: int, count_before: int, of_before: int) -> Interval:
    """Of the first share less the second: Newcombe's hybrid of two score intervals (1998, Stat. Med. 17, 873-890,
    method 10). Neither is of none.
    """
    share, before = count / of, count_before / of_before
    now, then = share_interval(count, of), share_interval(count_before, of_before)
    low = sqrt((share - now.low) ** 2 + (then.high - before) ** 2)
    high = sqrt((now.high - share) ** 2 + (before - then.low) ** 2)
    return Interval(share - before - low, share - before + high)
