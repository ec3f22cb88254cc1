"""One thread does what waits; whatever becomes of one piece of work, the next is done."""

import threading
import time

import pytest

from payerwatch.jobs.background import BackgroundWorker, every

pytestmark = pytest.mark.django_db(transaction=True)


class Panic(BaseException):
    """As a library written in another language raises it, which is no Exception."""


@pytest.mark.parametrize("fault", [ZeroDivisionError, Panic])
def test_a_fault_in_one_piece_of_work_keeps_no_other_from_being_done(
    fault: type[BaseException], caplog: pytest.LogCaptureFixture
):
    def broken() -> None:
        raise fault

    worker, done = BackgroundWorker("tests", most=10), threading.Event()
    worker.do(broken)
    worker.do(done.set)
    assert done.wait(10)
    assert worker.finish(10)
    [line] = [each for each in caplog.records if each.name == "payerwatch.jobs.background"]
    assert line.getMessage() == "tests failed."
    assert line.exc_info
    assert line.exc_info[0] is fault


def test_what_is_done_again_and_again_goes_on_after_a_fault():
    times: list[float] = []

    def work() -> None:
        times.append(time.monotonic())
        if len(times) == 3:
            threading.Event().wait()  # for ever, in a thread that ends with the process
        raise ZeroDivisionError

    every(0.01, work)
    until = time.monotonic() + 10
    while len(times) < 3 and time.monotonic() < until:
        time.sleep(0.01)
    assert len(times) == 3
