"""Steps that tests declare: what they did is told by the rows and lists they leave."""

import os
import signal
import threading
import time
from collections import defaultdict

from django.db import InterfaceError, OperationalError

from payerwatch.claims.models import Payer
from payerwatch.jobs.enqueue import enqueue
from payerwatch.jobs.steps import sending_step, step, when_parked
from payerwatch.tenancy.context import acting_in

ROWS = 30
LONG_SECONDS = "LONG_SECONDS"
"""The variable by which a process is told for how many seconds what takes long does; else two."""
SECRET = "Mrs Example, born 1950-01-01"
RUNS: list[tuple[int, str]] = []
TOLD: list[tuple[int, str]] = []
FAILURES: dict[str, list[Exception]] = defaultdict(list)
"""By the id of its cause, what a step fails by, in turn, before it is done."""
MAY_END = threading.Event()
"""Cleared, nothing that takes long comes to its end in this process."""
MAY_END.set()


@step
def note(customer_id: int, public_id: str) -> None:
    """Fail as it is to, then note that it was run."""
    RUNS.append((customer_id, public_id))
    if FAILURES[public_id]:
        raise FAILURES[public_id].pop(0)


@when_parked(note)
def note_parked(customer_id: int, public_id: str) -> None:
    TOLD.append((customer_id, public_id))


@step
def cause_another(customer_id: int, public_id: str) -> None:
    """Put another on the queue, and go on after that was kept."""
    with acting_in(customer_id):
        enqueue(note, f"{public_id}-of")
    note(customer_id, public_id)


@step
def leave_a_row(customer_id: int, public_id: str) -> None:
    """One row each time it comes to its end, which takes a moment."""
    time.sleep(0.05)
    leave(customer_id, public_id)


@step
def take_long(customer_id: int, public_id: str) -> None:
    """A row when it begins, and one when it ends seconds later, if it may."""
    leave(customer_id, f"{public_id} begun")
    time.sleep(float(os.environ.get(LONG_SECONDS, 2)))
    MAY_END.wait(60)
    leave(customer_id, f"{public_id} ended")


@step
def leave_many(customer_id: int, public_id: str) -> None:
    """Row after row, each in a transaction of its own that takes a moment, and says which process it was."""
    for number in range(ROWS):
        with acting_in(customer_id):
            leave(customer_id, f"{public_id} {os.getpid()} {number}")
            time.sleep(0.01)
        time.sleep(0.01)


@sending_step
def send(customer_id: int, public_id: str) -> None:
    note(customer_id, public_id)


@sending_step
def send_long(customer_id: int, public_id: str) -> None:
    take_long(customer_id, public_id)


@step
def always_fail(_customer_id: int, _public_id: str) -> None:
    raise ValueError(SECRET)


@when_parked(always_fail)
def say_so(customer_id: int, public_id: str) -> None:
    leave(customer_id, f"{public_id} failed")


@step
def kill_whoever_runs_it(_customer_id: int, _public_id: str) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@when_parked(kill_whoever_runs_it)
def say_that_it_killed(customer_id: int, public_id: str) -> None:
    leave(customer_id, f"{public_id} killed too often")


def away(times: int) -> list[Exception]:
    """A database that does not answer so many times."""
    return [(OperationalError, InterfaceError)[each % 2]() for each in range(times)]


def leave(customer_id: int, words: str) -> None:
    with acting_in(customer_id):
        Payer.objects.create(name=words, name_key=str(time.monotonic_ns()))


def left(customer_id: int) -> list[str]:
    """What steps left, in order."""
    with acting_in(customer_id, reading=True):
        return list(Payer.objects.order_by("pk").values_list("name", flat=True))
