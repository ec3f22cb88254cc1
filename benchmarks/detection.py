"""Detection at two sizes of one practice: its cells drive the cost, not its claims.

    scripts/with_postgres.py -- python benchmarks/detection.py [--claims 200000 1000000] [--rounds 7]

Two customers hold the same payers, CPT groups and weeks; the larger has more claims a week. Each round judges
one week of both, over consecutive weeks so that no answer is an earlier run's; who goes first alternates.
Printed are medians: `detect` within a running process (reading cells, judging, carrying events, commit), their
ratio, and the whole command from start to exit as a share of the time the whole command `load` took.
"""

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import django
from django.core.management import call_command
from throwaway import refuse_unless_throwaway

from payerwatch.operations.sample import draw_practice, write_sample

WEEKS, UNTIL = 80, date(2026, 8, 30)
CUSTOMERS = ("Smaller practice", "Larger practice")


def main() -> None:
    options = _options()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "payerwatch.config.settings")
    django.setup()
    refuse_unless_throwaway()
    _payerwatch("migrate", "--verbosity", "0")
    sizes = dict(zip(CUSTOMERS, options.claims, strict=True))
    with tempfile.TemporaryDirectory() as directory:
        loads = {customer: _load(customer, Path(directory), claims) for customer, claims in sizes.items()}
    inside: dict[str, list[float]] = {customer: [] for customer in CUSTOMERS}
    whole: dict[str, list[float]] = {customer: [] for customer in CUSTOMERS}
    _detect(CUSTOMERS[0], UNTIL - timedelta(weeks=2 * options.rounds))  # connects, imports
    for number in range(options.rounds):
        day = UNTIL - timedelta(weeks=2 * (options.rounds - number) - 1)
        for customer in CUSTOMERS if number % 2 else CUSTOMERS[::-1]:
            inside[customer].append(_detect(customer, day))
            whole[customer].append(_timed("detect", "--customer", customer, "--as-of", str(day + timedelta(weeks=1))))
    _report(sizes, inside, whole, loads)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Detection at two sizes of one practice.")
    parser.add_argument("--claims", type=int, nargs=2, metavar=("SMALL", "LARGE"), default=[200_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=7)
    return parser.parse_args()


def _load(customer: str, directory: Path, claims: int) -> float:
    """Seconds to load a practice of about this many claims; its payers, groups, rates and drifts never change."""
    practice = draw_practice(seed=1, weeks=WEEKS, claims_per_week=claims // WEEKS, until=UNTIL, drift="both")
    path = write_sample(directory / customer, practice).claims
    _payerwatch("add_customer", customer)
    return _timed("load", str(path), "--customer", customer, "--json")


def _detect(customer: str, day: date) -> float:
    """Seconds of one `detect` in this process."""
    answer = io.StringIO()
    began = time.perf_counter()
    call_command("detect", customer=customer, as_of=day, json=True, stdout=answer)
    seconds = time.perf_counter() - began
    if not json.loads(answer.getvalue())["tests"]:
        sys.exit(f"Nothing was judged as of {day}.")
    return seconds


def _timed(*arguments: str) -> float:
    began = time.perf_counter()
    _payerwatch(*arguments)
    return time.perf_counter() - began


def _payerwatch(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", "payerwatch", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"payerwatch {' '.join(arguments)}: {done.stdout}{done.stderr}")


def _report(
    sizes: dict[str, int], inside: dict[str, list[float]], whole: dict[str, list[float]], loads: dict[str, float]
) -> None:
    small, large = CUSTOMERS
    print(f"{len(inside[small])} rounds, one week of both each, medians")
    for customer, claims in sizes.items():
        command = statistics.median(whole[customer])
        print(
            f"{claims:>9,} claims: load {loads[customer]:6.1f} s, detect {statistics.median(inside[customer]):5.2f} s "
            f"({', '.join(f'{seconds:.2f}' for seconds in inside[customer])}), as a command {command:5.2f} s "
            f"= {command / loads[customer]:.1%} of the load"
        )
    ratio = statistics.median(inside[large]) / statistics.median(inside[small])
    share = statistics.median(whole[large]) / loads[large]
    print(f"ratio {ratio:.2f} (at most 1.5); share of the load {share:.1%} (under 5 %)")


if __name__ == "__main__":
    main()
