"""The load test, on a database that is made for it and dropped:

scripts/with_postgres.py -- python -m loadtest gate [--users 5] [--seconds 30] [--customers 2] [--claims 20000]
scripts/with_postgres.py -- python -m loadtest full [--seconds 600] [--customers 20] [--claims 1000000]

`gate` lets Locust ask as people at work. `full` measures the capacity, then asks at 70 % and at 150 % of it, for as
many seconds each, whether or not it is answered, and at 70 % again. Each ends with 1 where what it measured is not
good enough, and keeps that in `--results`, loadtest/results unless given.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from loadtest import overload, people
from loadtest.seeding import seed, set_up, take_stock
from loadtest.serving import Unmeasurable


def main(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    options.results.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        set_up(Path(directory))
        callers = seed(options.customers, options.claims, options.users)
        take_stock()
        try:
            if options.what == "gate":
                found = people.run(options.results, Path(directory), callers, options.users, options.seconds)
            else:
                found = overload.run(options.results, callers, options.seconds)
        except Unmeasurable as reason:
            found = [str(reason)]
    print("\n".join(f"not good enough: {each}" for each in found) or "good enough")
    return 1 if found else 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="loadtest", description="How Payerwatch answers under load.")
    which = parser.add_subparsers(dest="what", required=True)
    gate = which.add_parser("gate", help="people at work: fast enough, and nearly nothing fails")
    gate.add_argument("--users", type=int, default=5)
    _add_common(gate, seconds=30, customers=2, claims=20_000)
    full = which.add_parser("full", help="what it can do at most, and what happens beyond")
    full.set_defaults(users=0)
    _add_common(full, seconds=600, customers=20, claims=1_000_000)
    return parser.parse_args(arguments)


def _add_common(parser: argparse.ArgumentParser, *, seconds: int, customers: int, claims: int) -> None:
    parser.add_argument("--seconds", type=int, default=seconds, help="how long they ask, or each phase takes")
    parser.add_argument("--customers", type=int, default=customers)
    parser.add_argument("--claims", type=int, default=claims, help="of all customers together")
    parser.add_argument("--results", type=Path, default=people.HERE / "results", metavar="DIR")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
