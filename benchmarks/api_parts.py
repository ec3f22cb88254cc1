"""What the parts of an answer cost, for benchmarks/api.py."""

import os
import statistics
import time
from collections.abc import Callable, Mapping


def report_parts(rounds: int, requests: int, headers: Mapping[str, str], address: str) -> None:
    """What the parts cost by themselves, in this process: CPU of Python alone, less that of an empty transaction."""
    # What needs Django set up.
    from django.test import RequestFactory
    from django.urls import resolve
    from rest_framework.request import Request

    from payerwatch.audit.actors import Actor
    from payerwatch.audit.record import Thing, record
    from payerwatch.members.callers import recognise
    from payerwatch.members.presented import presented_by
    from payerwatch.members.secrets import Origin
    from payerwatch.tenancy.context import acting_in
    from payerwatch.throttling.taking import take
    from payerwatch.web.api.claims import Claims
    from payerwatch.web.api.paging import CursorPages
    from payerwatch.web.api.rendering import QuickJSON

    customer, actor = int(os.environ["BENCHMARK_CUSTOMER"]), Actor("key", "key_benchmark", "Benchmark", "key")
    asked = RequestFactory(headers=dict(headers)).get(address)
    credential = presented_by(asked).credential
    assert credential is not None
    view, ids = Claims(action="list"), [f"clm_{number}" for number in range(50)]

    def page() -> None:
        rows = CursorPages().paginate_queryset(Claims.queryset.all(), Request(asked), view)
        QuickJSON().render(view.documents(rows))

    def entry() -> None:
        record("read", Thing("claim"), actor=actor, after={"filter": {}, "count": 50, "claims": ids})

    def in_transaction(work: Callable[[], object]) -> Callable[[], None]:
        def run() -> None:
            with acting_in(customer):
                work()

        return run

    empty = _in_process(in_transaction(lambda: None), rounds, requests)
    works = {
        "recognising the key": in_transaction(lambda: recognise(credential, Origin("127.0.0.1"))),
        "the page: query, rows, JSON": in_transaction(page),
        "the entry and its checkpoint": in_transaction(entry),
    }
    print("Parts of it, CPU of Python\n")
    print(f"{'the throttle':<30}{_in_process(lambda: take([('api', 'benchmark')]), rounds, requests):>7.3f} ms")
    print(f"{'the route, found twice':<30}{2 * _in_process(lambda: resolve(address), rounds, requests):>7.3f} ms")
    print(f"{'the transaction':<30}{empty:>7.3f} ms")
    for name, work in works.items():
        print(f"{name:<30}{_in_process(work, rounds, requests) - empty:>7.3f} ms")
    print()


def _in_process(work: Callable[[], object], rounds: int, requests: int) -> float:
    """Median of the rounds, milliseconds."""
    taken = []
    for _ in range(rounds):
        start = time.thread_time()
        for _ in range(requests):
            work()
        taken.append((time.thread_time() - start) * 1000 / requests)
    return statistics.median(taken)
