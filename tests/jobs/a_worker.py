"""A worker as a process of its own: `python -m tests.jobs.a_worker THREADS [--unheld]`, with times that tests have."""

import importlib
import os
import signal
import sys
from contextlib import nullcontext

import django


def main(threads: int, *, held: bool) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()
    importlib.import_module("tests.jobs.declared")
    worker_module = importlib.import_module("payerwatch.jobs.worker")
    if not held:  # as if no transaction had to prove that its job is the worker's
        worker_module.holding = nullcontext  # type: ignore[attr-defined]
    steps = importlib.import_module("payerwatch.jobs.steps")
    worker = worker_module.Worker({steps.WORK: threads, steps.SENDING: 1}, times=worker_module.Times(**TIMES))
    signal.signal(signal.SIGTERM, lambda _number, _frame: worker.stop())
    if not worker.run():
        os._exit(3)


TIMES = {"look": 0.5, "beat": 0.3, "dead": 1.5, "grace": 5.0}

if __name__ == "__main__":
    main(int(sys.argv[1]), held="--unheld" not in sys.argv)
