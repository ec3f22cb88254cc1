"""Steps of the pipeline that run after the answer: put on the queue with the transaction that causes them.

On PostgreSQL the queue is a table: a step waits there exactly when its cause was kept, and a worker of any process
does it (`worker.py`). On SQLite the process itself does it (`in_process.py`), and what it leaves is found by its cause.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from django.db import connection

from payerwatch.jobs import in_process, queue
from payerwatch.jobs.background import attempt
from payerwatch.jobs.job import Job
from payerwatch.jobs.steps import Step as Step
from payerwatch.jobs.steps import name_of
from payerwatch.tenancy.context import current_customer_id
from payerwatch.tenancy.models import Customer


def enqueue(step: Step, public_id: str, *, at: datetime | None = None) -> None:
    """Run the step for the customer entered, not before `at`, when the transaction has been kept; never when it is not.

    However often it is put there, one waits. Raises StepNotDeclared.
    """
    put(Job(name_of(step), current_customer_id(), public_id), at, found=False)


def again(step: Step, customer_id: int, public_id: str, *, at: datetime | None = None) -> None:
    """Run the step of a cause that was found waiting, unless it is waiting, running or parked already."""
    put(Job(name_of(step), customer_id, public_id), at, found=True)


def put(job: Job, at: datetime | None, *, found: bool) -> None:
    """Where this database keeps what waits. `found`: nothing new happened, it is merely made sure that it waits."""
    if connection.vendor != "postgresql":
        in_process.put(job, at)
    elif found:
        queue.make_sure(job, at)
    else:
        queue.put(job, at)


def for_each_customer(work: Callable[[int], None]) -> None:
    """Look for what waits, of one customer after the other by its id: what stands in the way of one keeps no other."""
    for customer_id in list(Customer.objects.order_by("pk").values_list("pk", flat=True)):
        attempt("looking for what waits", partial(work, customer_id))
