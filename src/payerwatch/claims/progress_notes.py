"""How far a load is, told to those who watch it from outside of its transaction."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from django.db import connection

from payerwatch.claims.arrivals import note_progress
from payerwatch.claims.loading import Progress
from payerwatch.tenancy.beginnings import begin_with, beginning
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer

SECONDS_BETWEEN = 0.5


@contextmanager
def noted_progress(customer: Customer, public_id: str) -> Iterator[Progress]:
    """Notes on the upload's row, now and then, by a thread with a connection of its own.

    SQLite has one writer, which is the load: there its state is all that is told.
    """
    if connection.vendor == "sqlite":
        yield _told_to_nobody
        return
    with ThreadPoolExecutor(1, "progress", initializer=begin_with, initargs=(beginning(),)) as writer:
        yield _Notes(customer, public_id, writer)


class _Notes:
    def __init__(self, customer: Customer, public_id: str, writer: ThreadPoolExecutor) -> None:
        self._customer = customer
        self._public_id = public_id
        self._writer = writer
        self._noted_at = 0.0
        self._note: Future[None] | None = None

    def __call__(self, stage: str, done: int, total: int) -> None:
        under_way = self._note is not None and not self._note.done()
        if not under_way and time.monotonic() - self._noted_at >= SECONDS_BETWEEN:
            self._noted_at = time.monotonic()
            self._note = self._writer.submit(self._write, stage, done, total)

    def _write(self, stage: str, done: int, total: int) -> None:
        try:
            with acting_in(self._customer):
                note_progress(self._public_id, stage, done, total)
        finally:
            connection.close()  # the writer's own, with which the notes of other loads are written too


def _told_to_nobody(stage: str, done: int, total: int) -> None:
    """There is nobody who could see it."""
