"""The worker beside the server: begun while no process of the server is forked, and begun again when it has ended."""

import subprocess
import sys
import threading

import pytest

from payerwatch.operations import work_beside
from payerwatch.operations.work_beside import WorkBeside

pytestmark = pytest.mark.pure

# In a process of its own, as what is done at each fork stays for good.
FORKING = """
import os, subprocess, threading, time
from payerwatch.operations import work_beside

begun, done = threading.Event(), threading.Event()

class Slow(subprocess.Popen):
    def __init__(self, *given, **named):
        begun.set()
        time.sleep(0.5)
        super().__init__(["true"])
        done.set()

subprocess.Popen = Slow
work_beside.WorkBeside().start()
begun.wait()
child = os.fork()
if child == 0:
    os._exit(0 if done.is_set() else 3)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_process_is_forked_when_the_worker_has_begun():
    done = subprocess.run([sys.executable, "-c", FORKING], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "0\n", done.stderr


class _Lives:
    """A worker that lives for a while and ends by itself, and the clock by which it does."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._now = seconds, 0.0

    def monotonic(self) -> float:
        return self._now

    def wait(self) -> None:
        self._now += self._seconds


@pytest.mark.parametrize(
    ("seconds", "pauses"), [(work_beside._HAS_WORKED - 0.1, [1, 2, 4, 8]), (work_beside._HAS_WORKED, [1, 1, 1, 1])]
)
def test_one_that_ends_at_once_is_begun_again_later_and_later_and_one_that_has_worked_at_once(
    monkeypatch: pytest.MonkeyPatch, seconds: float, pauses: list[float]
):
    waited = list[float]()

    class Ending(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waited.append(timeout or 0)
            if len(waited) == len(pauses):
                self.set()
            return self.is_set()

    lives = _Lives(seconds)
    monkeypatch.setattr(work_beside, "time", lives)
    monkeypatch.setattr(subprocess, "Popen", lambda *_given, **_named: lives)
    beside = WorkBeside()
    beside._ending = Ending()
    beside._keep_running()
    assert waited == pauses
