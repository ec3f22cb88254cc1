"""Processes that judge when they are told to: `python -m tests.drift.starting COUNT [--unlocked]`.

For each line that comes in, which names a customer, each of them runs `payerwatch detect`, all beginning together; the
exit codes and documents go out as one line. They are forked from one that has read the program, as gunicorn's are.
"""

import argparse
import importlib
import json
import multiprocessing
import os
import sys
from typing import Any

import django

SECONDS = 60


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("count", type=int)
    options.add_argument("--unlocked", action="store_true", help="without the customer's lock")
    chosen = options.parse_args()
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()
    make = importlib.import_module("tests.make")
    detecting = importlib.import_module("payerwatch.drift.actions")
    importlib.import_module("payerwatch.operations.management.commands.detect")
    if chosen.unlocked:
        detecting.lock_findings = lambda: None  # type: ignore[attr-defined]
    forked = multiprocessing.get_context("fork")
    together, done = forked.Barrier(chosen.count), forked.SimpleQueue()
    orders = [forked.SimpleQueue() for _ in range(chosen.count)]
    for each in orders:
        forked.Process(target=judge, args=(make, together, each, done), daemon=True).start()
    for line in sys.stdin:
        for each in orders:
            each.put(line.strip())
        sys.stdout.write(json.dumps([done.get() for _ in orders]) + "\n")
        sys.stdout.flush()


def judge(make: Any, together: Any, orders: Any, done: Any) -> None:
    while True:
        name = orders.get()
        together.wait(SECONDS)
        answered = make.answer("detect", customer=name)
        done.put((answered.code, answered.document))


if __name__ == "__main__":
    main()
