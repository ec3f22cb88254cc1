"""The load test, on a database that is made for it and dropped:

scripts/with_postgres.py -- python -m loadtest gate [--users 5] [--seconds 30] [--customers 2] [--claims 20000]

`gate` lets Locust ask as people at work and ends with 1 where that is not good enough. What was measured is kept in
`--results`, loadtest/results unless given.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from loadtest.gate import judged, table
from loadtest.seeding import seed, set_up, take_stock
from loadtest.serving import Unmeasurable, refuse_unless_answered, serving
from loadtest.tasks import Caller, keep_callers

HERE = Path(__file__).parent
LONGER = 120  # seconds more than its run that Locust may take


def main(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    options.results.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        try:
            set_up(Path(directory))
            callers = seed(options.customers, options.claims, options.users)
            take_stock()
            return _gate(options, Path(directory), callers)
        except Unmeasurable as reason:
            print(f"loadtest: {reason}", file=sys.stderr)
            return 1


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="loadtest", description="How Payerwatch answers under load.")
    parser.add_argument("what", choices=["gate"])
    parser.add_argument("--users", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=30, help="how long they ask")
    parser.add_argument("--customers", type=int, default=2)
    parser.add_argument("--claims", type=int, default=20_000, help="of all customers together")
    parser.add_argument("--results", type=Path, default=HERE / "results", metavar="DIR")
    return parser.parse_args(arguments)


def _gate(options: argparse.Namespace, directory: Path, callers: Sequence[Caller]) -> int:
    _forget(options.results)
    with serving(options.results / "gate_server.log") as port:
        refuse_unless_answered(port, callers)
        ended = _ask_by_locust(options, port, directory / "callers.json", callers)
    measured, found = judged(options.results / "gate", ended)
    print(table(measured))
    print("\n".join(["", *(f"not good enough: {each}" for each in found)]) if found else "\ngood enough")
    return 1 if found else 0


def _forget(results: Path) -> None:
    """What an earlier run has left, which would pass for this one's."""
    for each in results.glob("gate*"):
        each.unlink()


def _ask_by_locust(options: argparse.Namespace, port: int, kept: Path, callers: Sequence[Caller]) -> int:
    """Locust's exit code, which says nothing of failures: only whether it came to its end."""
    keep_callers(kept, callers)
    command = [sys.executable, "-m", "locust", "--locustfile", HERE / "locustfile.py", "--headless", "--only-summary"]
    command += ["--users", options.users, "--spawn-rate", 1, "--run-time", f"{options.seconds}s"]
    command += ["--host", f"http://127.0.0.1:{port}", "--exit-code-on-error", 0, "--loglevel", "WARNING"]
    command += ["--csv", options.results / "gate", "--html", options.results / "gate.html"]
    environment = os.environ | {"LOADTEST_CALLERS": str(kept), "PYTHONPATH": str(HERE.parent)}
    with (options.results / "gate_locust.log").open("wb") as log:
        try:
            return subprocess.run(
                [str(word) for word in command],
                env=environment,
                stdout=log,
                stderr=log,
                timeout=options.seconds + LONGER,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired as late:
            raise Unmeasurable(f"Locust did not end within {late.timeout:g} s.") from None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
