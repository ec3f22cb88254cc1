"""Looking within a time: whoever asks is answered, whatever hangs, and many who ask are one look."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from payerwatch.health.lookout import GIVEN_UP_AFTER, Lookout

pytestmark = pytest.mark.pure


class Looked:
    """What is looked at: counted, and held back while the gate is shut."""

    def __init__(self) -> None:
        self.times = 0
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self) -> str:
        self.times += 1
        self.gate.wait(30)
        return f"look {self.times}"


@pytest.fixture
def looked() -> Iterator[Looked]:
    looked = Looked()
    yield looked
    looked.gate.set()


def over(looked: Any, **times: float) -> Lookout[str]:
    return Lookout(looked, lambda: "no answer", **times)


def soon(is_so: Callable[[], bool]) -> bool:
    """Whether it becomes so, for which a thread that was begun may need a while."""
    until = time.monotonic() + 30
    while not is_so() and time.monotonic() < until:
        time.sleep(0.01)
    return is_so()


def test_what_was_found_is_told(looked: Looked):
    assert over(looked, within=20).found() == "look 1"


def test_many_who_ask_at_a_time_are_one_look(looked: Looked):
    looked.gate.clear()
    out = over(looked, within=20, fresh_for=20)
    with ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(out.found) for _ in range(20)]
        time.sleep(0.2)
        looked.gate.set()
        assert {each.result() for each in asked} == {"look 1"}
    assert looked.times == 1


def test_what_was_found_is_told_for_a_time_and_then_looked_for_again(looked: Looked):
    out, asked = over(looked, within=20, fresh_for=1), time.monotonic()
    assert [out.found(asked + later) for later in (0, 0.5, 0.9)] == ["look 1"] * 3
    assert out.found(asked + 1.1) == "look 2"


def test_a_look_that_hangs_keeps_nobody(looked: Looked):
    looked.gate.clear()
    out = over(looked, within=0.1)
    began = time.monotonic()
    assert [out.found() for _ in range(3)] == ["no answer"] * 3
    assert time.monotonic() - began < 5
    assert soon(lambda: looked.times > 0)
    assert looked.times == 1, "as long as one look hangs no other is begun"


def test_what_comes_late_is_told_to_those_who_ask_then(looked: Looked):
    looked.gate.clear()
    out = over(looked, within=0.05, fresh_for=20)
    assert out.found() == "no answer"
    looked.gate.set()
    deadline = time.monotonic() + 10
    while out.found() != "look 1":
        assert time.monotonic() < deadline


def test_one_that_hangs_for_ever_is_left_to_itself(looked: Looked):
    looked.gate.clear()
    out, asked = over(looked, within=0.01), time.monotonic()
    for later in (0, GIVEN_UP_AFTER - 0.1):
        out.begin(asked + later)
    assert soon(lambda: looked.times > 0)
    assert looked.times == 1
    out.begin(asked + GIVEN_UP_AFTER + 0.1)
    assert soon(lambda: looked.times > 1)
    assert looked.times == 2


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_look_that_fails_is_no_answer_and_the_next_is_begun():
    results = iter([ZeroDivisionError, "look 2"])

    def look() -> str:
        result = next(results)
        if isinstance(result, type):
            raise result
        return result

    out, asked = over(look, within=0.2), time.monotonic()
    assert out.found(asked) == "no answer"
    assert soon(lambda: out.found(asked + GIVEN_UP_AFTER - 0.1) == "look 2")


def test_two_that_are_begun_together_take_the_time_of_one(looked: Looked):
    looked.gate.clear()
    first, second = over(looked, within=20), over(looked, within=20)
    asked = time.monotonic() - 19.8  # of which all but a fifth of a second is over
    second.begin(asked)
    assert [first.found(asked), second.found(asked)] == ["no answer"] * 2
    assert time.monotonic() - asked < 30
