"""A worker as a process of its own: `python -m tests.jobs.a_worker THREADS`, with times that tests have."""

import importlib
import os
import signal
import sys

import django


def main(threads: int) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()
    importlib.import_module("tests.jobs.declared")
    worker_module = importlib.import_module("payerwatch.jobs.worker")
    steps = importlib.import_module("payerwatch.jobs.steps")
    worker = worker_module.Worker({steps.WORK: threads, steps.SENDING: 1}, times=worker_module.Times(**TIMES))
    signal.signal(signal.SIGTERM, lambda _number, _frame: worker.stop())
    if not worker.run():
        os._exit(3)


TIMES = {"look": 0.5, "beat": 0.3, "dead": 1.5, "grace": 5.0}

if __name__ == "__main__":
    main(int(sys.argv[1]))
