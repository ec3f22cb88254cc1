"""When what people found to be noise holds the next alert, and when it does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payerwatch.alerts.suppression import held_back

pytestmark = pytest.mark.pure

KINDS = st.lists(st.sampled_from(["real", "noise", "needs_follow_up"]), max_size=8)


@given(KINDS)
def test_after_what_was_real_two_that_were_noise_are_needed_anew(older: list[str]):
    assert not held_back(["real", *older])
    assert not held_back(["noise", "real", *older])
    assert held_back(["noise", "noise", "real", *older])


@given(KINDS)
def test_what_is_still_looked_into_neither_holds_nor_lets_go(kinds: list[str]):
    assert held_back(kinds) == held_back([each for each in kinds if each != "needs_follow_up"])


def test_one_that_was_noise_holds_nothing():
    assert not held_back([])
    assert not held_back(["noise"])
    assert held_back(["noise", "noise"])
