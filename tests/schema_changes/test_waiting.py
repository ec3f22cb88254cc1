"""Nobody waits behind a migration: the benchmark in small, with the controls that show what it can see."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.database, pytest.mark.postgresql, pytest.mark.minutes]

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "migrations.py"
SMALL = ("--claims", "20000", "--clients", "3", "--noise", "2", "--open", "1")
# Who takes a table beside a vacuum waits until the server looks for deadlocks, after a second: one statement, so long.
OF_A_BUSY_MACHINE = ("--limit", "450", "--statement", "5000", "--slack", "60000", "--control", "2", "--rounds", "50")


def test_migrations_go_on_beside_traffic(tmp_path: Path):
    found = tmp_path / "found.json"
    command = [sys.executable, BENCHMARK, *SMALL, *OF_A_BUSY_MACHINE, "--json", found]
    done = subprocess.run(command, cwd=BENCHMARK.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    chains = [each for each in json.loads(found.read_text()) if "forward" in each["name"] or "back" in each["name"]]
    assert len(chains) == 4
    assert all(each["transactions"] > 50 and each["errors"] == 0 for each in chains)
