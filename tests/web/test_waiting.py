"""When the line of requests that wait for a thread is too long for one more."""

import pytest

from payerwatch.web.waiting import BURST_SECONDS, BURST_WAITS, Line

pytestmark = pytest.mark.pure

LONGEST = 0.5
PACE = 0.01


class Crowd:
    """A line, and how time passes for those in it."""

    def __init__(self, longest: float = LONGEST) -> None:
        self.line = Line(longest)
        self.now = 1000.0

    def come(self, seconds: float, *, each: float, answered_each: float = PACE) -> list[bool]:
        """Let one come every so often, while another is taken up every so often; who was let in."""
        end, next_taken, let_in = self.now + seconds, self.now + answered_each, []
        while self.now < end:
            let_in.append(self.line.join(self.now))
            self.now += each
            while next_taken <= self.now:
                if self.line.waiting:
                    self.line.take(next_taken)
                next_taken += answered_each
        return let_in


def test_while_as_many_are_answered_as_come_all_are_let_in():
    assert all(Crowd().come(60, each=PACE * 1.01))


def test_where_more_come_for_long_those_are_refused_who_would_wait_too_long():
    crowd = Crowd()
    crowd.come(10, each=PACE / 1.5)
    let_in = crowd.come(10, each=PACE / 1.5)
    assert sum(let_in) / len(let_in) == pytest.approx(1 / 1.5, rel=0.02)
    assert crowd.line.waiting * PACE == pytest.approx(LONGEST, rel=0.1)


def test_a_line_that_was_empty_a_moment_ago_takes_in_many():
    crowd = Crowd()
    crowd.come(1, each=PACE * 1.01)
    assert all(crowd.come(BURST_SECONDS * 0.9, each=PACE / 2))
    assert crowd.line.waiting * PACE > LONGEST
    assert not all(crowd.come(BURST_SECONDS, each=PACE / 2))


def test_but_not_so_many_that_they_wait_ten_times_as_long():
    crowd = Crowd()
    crowd.come(1, each=PACE * 1.01)
    assert not all(crowd.come(BURST_SECONDS * 0.9, each=PACE / 10))
    assert crowd.line.waiting * PACE == pytest.approx(LONGEST * BURST_WAITS, rel=0.1)


def test_once_fewer_come_all_are_let_in_again_as_soon_as_the_line_is_short():
    crowd = Crowd()
    crowd.come(10, each=PACE / 1.5)
    crowd.come(LONGEST * 4, each=PACE / 0.7)
    assert all(crowd.come(10, each=PACE / 0.7))
    assert crowd.line.waiting <= 1


def test_where_nothing_is_taken_up_any_more_the_line_is_soon_closed():
    crowd = Crowd()
    assert crowd.line.join(crowd.now)
    assert crowd.line.join(crowd.now + BURST_SECONDS * 0.9)
    assert not crowd.line.join(crowd.now + BURST_SECONDS * 1.1)


def test_who_must_be_answered_is_let_in_all_the_same():
    crowd = Crowd()
    crowd.come(10, each=PACE / 2)
    while crowd.line.join(crowd.now):
        pass
    assert crowd.line.join(crowd.now, in_any_case=True)


def test_without_a_longest_wait_all_are_let_in():
    assert all(Crowd(0).come(20, each=PACE / 3))
