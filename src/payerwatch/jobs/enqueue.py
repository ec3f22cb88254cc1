"""Steps of the pipeline that run after the answer: put on the queue with the transaction that causes them.

A step is told the customer and the public id of its cause, and enters the customer itself. That its cause is stored
as waiting is the queue's memory: a step finds it so and does it, or finds it done and does nothing, so that it may be
put on the queue as often as one likes.
"""

from collections.abc import Callable
from functools import partial

from django.db import transaction

from payerwatch.jobs.background import BackgroundWorker
from payerwatch.tenancy.context import current_customer_id

MOST_WAITING = 10_000
Step = Callable[[int, str], None]

worker = BackgroundWorker("steps", most=MOST_WAITING)


def enqueue(step: Step, public_id: str) -> None:
    """Run the step for the customer entered, when the transaction has been kept; never when it is taken back."""
    again(step, current_customer_id(), public_id)


def again(step: Step, customer_id: int, public_id: str) -> None:
    """Run the step of a cause that was found waiting, as after the server was stopped."""
    transaction.on_commit(partial(worker.do, partial(step, customer_id, public_id)))
