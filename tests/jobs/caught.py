"""Steps caught where they would be put on the queue, once their cause is kept: the same on every database."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

import pytest
from django.db import transaction

from payerwatch.jobs import enqueue
from payerwatch.jobs.job import Job

Work = Callable[[], None]


def catch_steps(patch: pytest.MonkeyPatch, do: Callable[[Work], object]) -> None:
    """Let this be done with each step that is put, and nothing else."""

    def put(job: Job, _at: datetime | None, *, found: bool) -> None:
        transaction.on_commit(partial(do, job.run))

    patch.setattr(enqueue, "put", put)
