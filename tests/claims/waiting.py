"""Until something is so, and whether another connection waits for what this one holds."""

import time
from collections.abc import Callable

from django.db import connection

LONGEST_SECONDS = 60


def wait_until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + LONGEST_SECONDS
    while not true():
        assert time.monotonic() < until
        time.sleep(0.02)


def another_waits_for_us() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
        )
        return cursor.fetchone() > (0,)
