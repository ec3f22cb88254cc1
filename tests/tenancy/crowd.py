"""Four readers and three writers on one SQLite file: `python -m tests.tenancy.crowd DIRECTORY SECONDS`.

Prints one JSON document: reads, writes, the rows stored, the journal's mode, and every database error.
"""

import json
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable

import django
from django.apps import apps
from django.core.management import call_command
from django.db import DatabaseError, connection

from payerwatch.tenancy.context import acting_in

READERS = 4
WRITERS = 3


def main(directory: str, seconds: float) -> None:
    os.environ.pop("DATABASE_URL", None)
    os.environ.update(PAYERWATCH_DATA_DIR=directory, DJANGO_SETTINGS_MODULE="tests.settings")
    django.setup()
    call_command("migrate", verbosity=0)
    customer = apps.get_model("tenancy", "Customer").objects.create(name="Crowd")
    shelf = apps.get_model("shelf", "Shelf")
    counts, errors = together(customer.pk, shelf, time.monotonic() + seconds)
    with acting_in(customer.pk, reading=True), connection.cursor() as cursor:
        journal = cursor.execute("PRAGMA journal_mode").fetchone()[0]
        stored = shelf.objects.count()
    json.dump({**counts, "errors": errors, "stored": stored, "journal": journal}, sys.stdout)


def together(customer_id: int, shelf: type, deadline: float) -> tuple[Counter, list[str]]:
    """Run readers and writers until the deadline; what they did, and the errors they met."""
    counts: Counter = Counter()
    errors: list[str] = []

    def repeat(kind: str, act: Callable[[int], None]) -> None:
        done = 0
        while time.monotonic() < deadline:
            try:
                act(done)
            except DatabaseError as error:
                errors.append(str(error))
            done += 1
        counts[kind] += done
        connection.close()

    def read(_: int) -> None:
        with acting_in(customer_id, reading=True):
            shelf.objects.count()

    def write(number: int) -> None:
        with acting_in(customer_id):
            shelf.objects.count()
            shelf.objects.create(name=f"{threading.get_ident()} {number}")

    threads = [threading.Thread(target=repeat, args=("reads", read)) for _ in range(READERS)]
    threads += [threading.Thread(target=repeat, args=("writes", write)) for _ in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return counts, errors


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
