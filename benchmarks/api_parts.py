"""What the parts of an answer cost, for benchmarks/api.py."""

import os
import statistics
import time
from collections.abc import Callable, Mapping

Work = Callable[[], object]


def report_parts(rounds: int, requests: int, headers: Mapping[str, str], address: str) -> None:
    """What the parts cost by themselves, in this process: CPU of Python alone, less that of an empty transaction."""
    # What needs Django set up.
    from django.urls import resolve

    from payerwatch.throttling.taking import take

    empty = _in_process(_in_transaction(lambda: None), rounds, requests)
    print("Parts of it, CPU of Python\n")
    print(f"{'the throttle':<30}{_in_process(lambda: take([('api', 'benchmark')]), rounds, requests):>7.3f} ms")
    print(f"{'the route':<30}{_in_process(lambda: resolve(address), rounds, requests):>7.3f} ms")
    print(f"{'the transaction':<30}{empty:>7.3f} ms")
    for name, work in _parts(headers, address).items():
        print(f"{name:<30}{_in_process(_in_transaction(work), rounds, requests) - empty:>7.3f} ms")
    print()


def _parts(headers: Mapping[str, str], address: str) -> dict[str, Work]:
    """What is done within the customer's transaction."""
    from django.test import RequestFactory
    from rest_framework.request import Request

    from payerwatch.audit.actors import Actor
    from payerwatch.audit.record import Thing, record
    from payerwatch.members.callers import recognise
    from payerwatch.members.presented import presented_by
    from payerwatch.members.secrets import Origin
    from payerwatch.web.api.claims import Claims
    from payerwatch.web.api.paging import CursorPages
    from payerwatch.web.api.rendering import QuickJSON

    actor, ids = Actor("key", "key_benchmark", "Benchmark", "key"), [f"clm_{number}" for number in range(50)]
    asked = RequestFactory(headers=dict(headers)).get(address)
    credential, view = presented_by(asked).credential, Claims(action="list")
    assert credential is not None

    def page() -> None:
        rows = CursorPages().paginate_queryset(Claims.queryset.all(), Request(asked), view)
        QuickJSON().render(view.documents(rows))

    return {
        "recognising the key": lambda: recognise(credential, Origin("127.0.0.1")),
        "the page: query, rows, JSON": page,
        "the entry and its checkpoint": lambda: record(
            "read", Thing("claim"), actor=actor, after={"filter": {}, "count": 50, "claims": ids}
        ),
    }


def _in_transaction(work: Work) -> Work:
    from payerwatch.tenancy.context import acting_in

    customer = int(os.environ["BENCHMARK_CUSTOMER"])

    def run() -> None:
        with acting_in(customer):
            work()

    return run


def _in_process(work: Work, rounds: int, requests: int) -> float:
    """Median of the rounds, milliseconds."""
    taken = []
    for _ in range(rounds):
        start = time.thread_time()
        for _ in range(requests):
            work()
        taken.append((time.thread_time() - start) * 1000 / requests)
    return statistics.median(taken)
