"""People at work, played by Locust, and whether the product was good enough for them."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from loadtest.gate import judged, table
from loadtest.serving import Unmeasurable, refuse_unless_answered, serving
from loadtest.tasks import Caller, keep_callers

HERE = Path(__file__).parent
ALL_HERE_AFTER = 5  # seconds, in which they come one by one
LONGER = 120  # seconds more than its run that Locust may take


def run(results: Path, directory: Path, callers: Sequence[Caller], users: int, seconds: int) -> list[str]:
    """Let them work, say and keep what was measured; what is not good enough. Raises Unmeasurable."""
    _forget(results)
    with serving(results / "gate_server.log") as port:
        refuse_unless_answered(port, callers)
        keep_callers(directory / "callers.json", callers)
        ended = _locust(results, directory / "callers.json", port, users, seconds)
    measured, found = judged(results / "gate", ended)
    print(table(measured))
    return found


def _forget(results: Path) -> None:
    """What an earlier run has left, which would pass for this one's."""
    for each in results.glob("gate*"):
        each.unlink()


def _locust(results: Path, callers: Path, port: int, users: int, seconds: int) -> int:
    """Its exit code, which says nothing of failures: only whether it came to its end."""
    command = [sys.executable, "-m", "locust", "--locustfile", HERE / "locustfile.py", "--headless", "--only-summary"]
    command += ["--users", users, "--spawn-rate", users / ALL_HERE_AFTER, "--run-time", f"{seconds}s"]
    command += ["--host", f"http://127.0.0.1:{port}", "--exit-code-on-error", 0, "--loglevel", "WARNING"]
    command += ["--csv", results / "gate", "--html", results / "gate.html"]
    environment = os.environ | {"LOADTEST_CALLERS": str(callers), "PYTHONPATH": str(HERE.parent)}
    with (results / "gate_locust.log").open("wb") as log:
        try:
            return subprocess.run(
                list(map(str, command)),
                env=environment,
                stdout=log,
                stderr=log,
                timeout=seconds + LONGER,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired as late:
            raise Unmeasurable(f"Locust did not end within {late.timeout:g} s.") from None
