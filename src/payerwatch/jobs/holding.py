"""A job is the worker's that took it until another takes it up: from then on the first can keep nothing of it.

A worker that is silent for too long is taken for dead, though it may merely have been stopped, and go on later. So each
transaction of a job proves as it begins that the job is still the worker's, and keeps it so until it ends: its number
and the worker's are a token that nobody gets twice, and the job's row stays locked as far as that nobody takes it up.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError

from payerwatch.jobs.queue import Taken, holding_statement
from payerwatch.jobs.trouble import taken_away
from payerwatch.tenancy.beginnings import transactions_begin_with


class JobTakenAway(Exception):
    """Another does the job by now, because this worker was silent for too long."""

    def __init__(self, number: int) -> None:
        super().__init__(f"Job {number} was taken away from this worker, which was silent for too long.")


@contextmanager
def holding(taken: Taken) -> Iterator[None]:
    """Let the transactions within, of this thread, be kept only while the job is the worker's. Raises JobTakenAway."""
    try:
        with transactions_begin_with(holding_statement(taken)):
            yield
    except DatabaseError as error:
        if not taken_away(error):
            raise
        raise JobTakenAway(taken.number) from error
