"""Steps of the pipeline that run after the answer: put on the queue with the transaction that causes them.

A step is told the customer and the public id of its cause, and enters the customer itself. That its cause is stored
as waiting is the queue's memory: a step finds it so and does it, or finds it done and does nothing, so that it may be
put on the queue as often as one likes.
"""

import logging
import time
from collections.abc import Callable
from functools import partial

from django.db import InterfaceError, OperationalError, connection, transaction

from payerwatch.jobs.background import BackgroundWorker, attempt
from payerwatch.tenancy.context import current_customer_id
from payerwatch.tenancy.models import Customer

MOST_WAITING = 10_000
PAUSES = (0.2, 1.0, 5.0, 15.0, 30.0)
Step = Callable[[int, str], None]

logger = logging.getLogger(__name__)
worker = BackgroundWorker("steps", most=MOST_WAITING)


def enqueue(step: Step, public_id: str) -> None:
    """Run the step for the customer entered, when the transaction has been kept; never when it is taken back."""
    again(step, current_customer_id(), public_id)


def again(step: Step, customer_id: int, public_id: str) -> None:
    """Run the step of a cause that was found waiting, as after the server was stopped.

    Where no thread can be started that is logged: what was kept is not told as failed, and is found waiting again.
    """

    def put_on() -> None:
        worker.do(partial(persist, step, customer_id, public_id))

    transaction.on_commit(put_on, robust=True)


def for_each_customer(work: Callable[[int], None]) -> None:
    """Look for what waits, of one customer after the other by its id: what stands in the way of one keeps no other."""
    for customer_id in list(Customer.objects.order_by("pk").values_list("pk", flat=True)):
        attempt("looking for what waits", partial(work, customer_id))


def persist(step: Step, customer_id: int, public_id: str) -> None:
    """Do the step, again after a while if the database is busy or gone: nobody who waits would ask for it again."""
    for seconds in PAUSES:
        try:
            return step(customer_id, public_id)
        except (OperationalError, InterfaceError) as error:
            logger.warning("A step waits for the database.", exc_info=error)
            connection.close()
            time.sleep(seconds)
    return step(customer_id, public_id)
