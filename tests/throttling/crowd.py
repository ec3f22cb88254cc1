"""Many threads that ask one store at once: `python -m tests.throttling.crowd STORE THREADS TIMES`, once per process.

STORE is a SQLite file or, as JSON, how to connect to PostgreSQL. Starts when a line comes on stdin; prints how many
passed, as seen by those who asked.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

from payerwatch.throttling.postgresql import PostgresqlStore
from payerwatch.throttling.rates import Rate
from payerwatch.throttling.sqlite import SqliteStore
from payerwatch.throttling.stores import Store
from payerwatch.throttling.verdict import Bucket
from tests.throttling.counts import PATIENT, waiting

LIMIT = 60
BUCKETS = [Bucket("crowd", Rate(LIMIT, 3_600), bytes([number]) * 32) for number in (7, 3)]


def passed_together(store: Store, threads: int, times: int) -> int:
    """How many of threads x times passed; every other thread names the two buckets the other way round."""
    together = Barrier(threads)

    def ask(number: int) -> int:
        together.wait()
        buckets = BUCKETS if number % 2 else BUCKETS[::-1]
        return sum(store.take(1 + number * times + each, buckets).allowed for each in range(times))

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(ask, range(threads)))


def main(where: str, threads: int, times: int) -> None:
    store = PostgresqlStore(json.loads(where)) if where.startswith("{") else SqliteStore(Path(where))
    print("ready", flush=True)  # noqa: T201
    sys.stdin.readline()
    with waiting(PATIENT, PATIENT):
        print(passed_together(store, threads, times))  # noqa: T201
    store.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
