"""Test databases are made, kept, reused and dropped by the migrator, while tests run as the application."""

import os
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.database, pytest.mark.postgresql]


def run_tests(*options: str) -> str:
    """One run of a few tests on a test database of its own."""
    renamed = {
        name: os.environ[name].rpartition("/")[0] + "/reused" for name in ("DATABASE_URL", "MIGRATOR_DATABASE_URL")
    }
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-k",
            "near_name",
            *options,
            "tests/tenancy/test_customers.py",
        ],
        env=os.environ | renamed,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_test_database_is_kept_reused_and_made_anew():
    for options in (["--reuse-db"], ["--reuse-db"], ["--create-db"]):
        assert "passed" in run_tests(*options)
