"""That every statement which the API and the jobs send can be answered by an index.

The benchmark of plans is run in a small size, on a server of its own that is told to read no table from its beginning
where an index can be used at all. So this shows that each statement on a table of customers' rows names its customer so
that an index finds the rows, and that no index is needless beside another. That the server would choose the index is
shown by the benchmark's full size alone.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.database, pytest.mark.postgresql]

_OF_THE_TESTS = ("DATABASE_URL", "MIGRATOR_DATABASE_URL", "DJANGO_SETTINGS_MODULE", "PAYERWATCH_CHECKPOINT_DIR")
SMALL = ("--claims", "2000", "--customers", "3", "--as", "middle", "--scans-off")


def planned(*more: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in _OF_THE_TESTS}
    command = [sys.executable, "scripts/with_postgres.py", "--fast", "--", sys.executable, "benchmarks/plans.py"]
    return subprocess.run(
        [*command, *SMALL, *more], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_an_index_finds_the_rows_of_every_statement():
    done = planned()
    told = "\n".join(line for line in done.stdout.splitlines() if not line.startswith("{"))
    assert done.returncode == 0, told + done.stderr[-2_000:]
    assert "any table: none" in told
    assert "Needless beside another: none" in told
