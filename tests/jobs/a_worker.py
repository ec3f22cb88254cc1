"""A worker as a process of its own, with times that tests have: `python -m tests.jobs.a_worker THREADS [--unheld]
[--patient]`. One that is patient takes no other for dead, for however long that does not come to say that it lives.
"""

import importlib
import os
import signal
import sys
from contextlib import nullcontext

import django


def main(threads: int, *, held: bool, patient: bool) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()
    importlib.import_module("tests.jobs.declared")
    worker_module = importlib.import_module("payerwatch.jobs.worker")
    if not held:  # as if no transaction had to prove that its job is the worker's
        worker_module.holding = nullcontext  # type: ignore[attr-defined]
    steps = importlib.import_module("payerwatch.jobs.steps")
    times = worker_module.Times(**TIMES | ({"dead": 600.0} if patient else {}))
    worker = worker_module.Worker({steps.WORK: threads, steps.SENDING: 1}, times=times)
    signal.signal(signal.SIGTERM, lambda _number, _frame: worker.stop())
    if not worker.run():
        os._exit(3)


TIMES = {"look": 0.5, "beat": 0.3, "dead": 1.5, "grace": 20.0}

if __name__ == "__main__":
    main(int(sys.argv[1]), held="--unheld" not in sys.argv, patient="--patient" in sys.argv)
