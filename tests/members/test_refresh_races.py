"""Of any number of refreshes at once one wins, the session lives on, and a reuse later ends it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.members import races


def expected(threads: int) -> dict[str, object]:
    return {
        "done": 1,
        "refresh_superseded": threads - 1,
        "the winner's token": 1,
        "the old token": 1,
        "ended_because": "refresh_reused",
    }


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_of_32_refreshes_at_once_one_wins_and_the_session_lives():
    for _ in range(3):
        assert races.refreshes(32) == expected(32)


@pytest.mark.sqlite
@pytest.mark.database
def test_of_8_refreshes_at_once_on_one_file_one_wins_and_the_session_lives(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.members.races_on_a_file", str(tmp_path), "8"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == expected(8)
