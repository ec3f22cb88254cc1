"""What is done without anybody asking for it, in one table: a name for the queue, how often, and what is done.

Importing it makes every step known to whoever takes jobs.
"""

from datetime import timedelta

from payerwatch import receiving
from payerwatch.drift import asked_runs
from payerwatch.jobs.periodic import Periodic

LOOK = timedelta(minutes=5)
PERIODIC = (
    Periodic("take up what waits to be loaded", timedelta(minutes=5), receiving.take_up_waiting, finds_waiting=True),
    Periodic(
        "take up runs that were asked for", timedelta(minutes=5), asked_runs.take_up_waiting_runs, finds_waiting=True
    ),
)
