"""Processes that read a practice's claims until they are told to stop: `python -m tests.journeys.reading HOW READERS`.

They have no patience at all: whatever keeps them waiting is an error. HOW is `as it does`, or `in a transaction`, which
is how nothing in the product reads on SQLite. It says `reading` when all have begun, stops when its input ends, and
then says, as JSON, what each of them saw.
"""

import importlib
import json
import multiprocessing
import os
import sys
from collections import Counter
from typing import Any

import django

PAUSE = 0.005
"""Seconds between two readings: the one who writes is to have its share of the machine."""


def main(how: str, readers: int) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "payerwatch.config.settings"
    django.setup()
    forking = multiprocessing.get_context("fork")
    begun, ended, told = forking.Barrier(readers + 1), forking.Event(), forking.Queue()
    given = (how == "in a transaction", begun, ended, told)
    processes = [forking.Process(target=read_until_told, args=given) for _ in range(readers)]
    for each in processes:
        each.start()
    begun.wait()
    sys.stdout.write("reading\n")
    sys.stdout.flush()
    sys.stdin.read()
    ended.set()
    json.dump([told.get() for _ in processes], sys.stdout)


def read_until_told(in_a_transaction: bool, begun: Any, ended: Any, told: Any) -> None:
    claims = importlib.import_module("tests.journeys.reading_claims")  # models need the settings
    read = claims.reader(in_a_transaction=in_a_transaction)
    seen: list[int] = []
    errors: Counter[str] = Counter()
    begun.wait()
    while not ended.wait(PAUSE):
        try:
            seen.append(read())
        except claims.DatabaseError as error:
            errors[str(error)] += 1
    told.put({"reads": len(seen), "errors": errors, "seen": sorted(set(seen)), "in_order": seen == sorted(seen)})


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
