"""Many changes of one customer, until killed or done: `python -m tests.audit.writers CUSTOMER FIRST [COUNT [THREADS]]`.

Each maps one code of its own to a CPT group, so that what was changed and what is on record can be compared.
"""

import sys
import threading

import django
from django.db import connection

django.setup()  # the tables can be imported only then

from payerwatch import pipeline  # noqa: E402
from payerwatch.audit.actors import Actor  # noqa: E402
from payerwatch.tenancy.queries import customer_named  # noqa: E402

ACTOR = Actor("job", name="writers")


def main(name: str, first: int, count: int = 1_000, threads: int = 1) -> None:
    practice = customer_named(name)

    def write(numbers: range) -> None:
        for number in numbers:
            code = f"{number:05}"
            pipeline.map_cpt_group(practice, code, code, "mapped", actor=ACTOR)
        connection.close()

    if threads == 1:
        write(range(first, first + 1))
        sys.stdout.write("begun\n")
        sys.stdout.flush()
        write(range(first + 1, first + count))
        return
    starts = range(first, first + threads * count, count)
    workers = [threading.Thread(target=write, args=(range(start, start + count),)) for start in starts]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
