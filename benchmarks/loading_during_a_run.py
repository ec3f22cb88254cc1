"""Whether loading waits for a judgement: small files loaded while the customer is judged, and while nobody is.

    scripts/with_postgres.py -- python benchmarks/loading_during_a_run.py [--claims 200000] [--loads 30] [--rounds 6]

Two customers hold the same claims. In each round as many files of twenty rows are loaded for the first while nobody
judges, while the second is judged, and while the first itself is; which goes first takes turns. A process of its own
judges without a pause, each time anew. Printed are the median and the 95th percentile of one load, and two ratios: to
loading while nobody judges, and to loading while the other customer is judged, which has the same work going on beside
it and no lock in common.
"""

import argparse
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import django
from django.core.management import call_command
from throwaway import refuse_unless_throwaway

from payerwatch.operations.sample import draw_practice, write_sample

WEEKS, UNTIL = 80, date(2026, 8, 30)
LOADED, OTHER = "Practice", "Other practice"
NOBODY, OTHERS, OWN = "nobody is judged", "the other is judged", "it is judged itself"
JUDGED = {NOBODY: "", OTHERS: OTHER, OWN: LOADED}
COLUMNS = (
    "Claim ID", "Payer Name", "CPT", "Date of Service", "Submission Date", "Decision Date", "Claim Status",
    "Total Charge", "Allowed Amount",
)  # fmt: skip
MOST = 1.2


def main() -> None:
    options = _options()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "payerwatch.config.settings")
    os.environ.setdefault("PAYERWATCH_DATA_DIR", tempfile.mkdtemp(prefix="payerwatch-during-"))
    django.setup()
    refuse_unless_throwaway()
    if options.judge:
        _judge_on_and_on(options.judge)
        return
    call_command("migrate", verbosity=0)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        _prepare(directory, options.claims)
        _load(directory)  # imports, and makes its plans
        seconds: dict[str, list[float]] = {each: [] for each in JUDGED}
        for number in range(options.rounds):
            turns = list(JUDGED)[number % 3 :] + list(JUDGED)[: number % 3]
            for each in turns:
                with _judging(JUDGED[each]):
                    seconds[each] += [_load(directory) for _ in range(options.loads)]
    _report(options.claims, seconds)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Whether loading waits for a judgement.")
    parser.add_argument("--claims", type=int, default=200_000)
    parser.add_argument("--loads", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--judge", help=argparse.SUPPRESS)
    return parser.parse_args()


def _prepare(directory: Path, claims: int) -> None:
    practice = draw_practice(seed=1, weeks=WEEKS, claims_per_week=claims // WEEKS, until=UNTIL, drift="both")
    path = write_sample(directory / "sample", practice).claims
    for customer in (LOADED, OTHER):
        call_command("add_customer", customer, stdout=io.StringIO())
        call_command("load", path, customer=customer, stdout=io.StringIO(), stderr=io.StringIO())


def _load(directory: Path) -> float:
    """Seconds to load twenty claims that are new."""
    mark = time.monotonic_ns()
    rows = [f"N{mark}-{n},Aetna,99213,2026-08-01,2026-08-03,2026-08-20,Paid,120.00,80.00\n" for n in range(20)]
    path = directory / "new.csv"
    path.write_text(",".join(COLUMNS) + "\n" + "".join(rows))
    began = time.perf_counter()
    call_command("load", path, customer=LOADED, stdout=io.StringIO(), stderr=io.StringIO())
    return time.perf_counter() - began


@contextmanager
def _judging(customer: str) -> Iterator[None]:
    """A process that judges the customer again and again; none without a name."""
    if not customer:
        yield
        return
    command = [sys.executable, __file__, "--judge", customer]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()  # it has judged once
        yield
        process.kill()


def _judge_on_and_on(name: str) -> None:
    from payerwatch.drift.models import DriftRun  # the settings come first
    from payerwatch.tenancy.context import acting_in
    from payerwatch.tenancy.models import Customer

    customer = Customer.objects.get(name=name)
    while True:
        with acting_in(customer):
            DriftRun.objects.all().delete()
        call_command("detect", customer=name, json=True, stdout=io.StringIO())
        print("judged", flush=True)


def _report(claims: int, seconds: dict[str, list[float]]) -> None:
    print(f"{claims:,} claims; {len(seconds[OWN])} loads of twenty rows each way, taking turns")
    slow = {each: statistics.quantiles(found, n=20)[-1] for each, found in seconds.items()}
    for each, found in seconds.items():
        print(f"while {each:20} median {statistics.median(found) * 1e3:6.1f} ms, p95 {slow[each] * 1e3:6.1f} ms")
    alone, beside = slow[OWN] / slow[NOBODY], slow[OWN] / slow[OTHERS]
    print(f"p95 of the last to the first {alone:.2f}, to the second {beside:.2f} (at most {MOST})")


if __name__ == "__main__":
    main()
