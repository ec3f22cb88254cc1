"""Done twice at once, it is done once: the last owner stays, a link, an invitation and a code work one time."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.members.trials import EXPECTED, TRIALS


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.__name__)
def test_on_postgresql(trial: Callable[[], list[Any]]):
    assert trial() == EXPECTED[trial.__name__]


@pytest.mark.sqlite
@pytest.mark.database
def test_on_sqlite(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.members.together", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == EXPECTED
