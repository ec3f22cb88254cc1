"""The worker beside the server is begun while no process of the server is forked."""

import subprocess
import sys

import pytest

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
