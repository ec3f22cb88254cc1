"""The record beside the changes: together or not at all when killed, and one chain however many write."""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.journeys.conftest import Installation
from tests.journeys.test_kills import wait_until_gone

pytestmark = pytest.mark.database

FULL = os.environ.get("PAYERWATCH_PROOF") == "full"
KILLS = 200 if FULL else 4
PER_PROCESS = 2_000
ROOT = Path(__file__).parents[2]
ON_POSTGRESQL = bool(os.environ.get("MIGRATOR_DATABASE_URL"))


def writers(installation: Installation, *numbers: int) -> subprocess.Popen[bytes]:
    """Begin to map codes, from a first number on; one writer alone says when it has mapped the first."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    return subprocess.Popen(
        [sys.executable, "-m", "tests.audit.writers", "Practice", *map(str, numbers)],
        env=installation.environment | {"DJANGO_SETTINGS_MODULE": "payerwatch.config.settings", "PYTHONPATH": paths},
        cwd=installation.directory,
        stdout=subprocess.PIPE,
    )


def changes(installation: Installation) -> set[str]:
    return {row["code_from"] for row in installation.everything()["claims_cptgroupmapping"]}


def on_record(installation: Installation) -> list[str]:
    """The codes that entries speak of."""
    told = [row for row in installation.everything()["audit_entry"] if row["verb"] == "map"]
    return [json.loads(row["detail"])["after"]["code_from"] for row in told]


@pytest.mark.proof
def test_killed_anywhere_there_is_never_a_change_without_its_entry_nor_the_reverse(installation: Installation):
    chance, killed, first = random.Random(7), 0, 0
    while killed < KILLS:
        process = writers(installation, first, PER_PROCESS)
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        time.sleep(chance.uniform(0, 0.2))
        process.kill()
        process.communicate()
        killed += process.returncode < 0
        wait_until_gone(installation)
        found, told = changes(installation), on_record(installation)
        assert sorted(found) == sorted(told)
        first = 1 + max(map(int, found), default=-1)
    assert len(on_record(installation)) >= KILLS
    assert_one_whole_chain(installation, 1 + len(on_record(installation)))


def test_writers_at_once_form_one_chain(installation: Installation):
    threads, each = (32, 10) if ON_POSTGRESQL else (6, 5)
    process = writers(installation, 0, each, threads)
    process.communicate(timeout=300)
    assert process.returncode == 0
    assert len(on_record(installation)) == threads * each
    assert_one_whole_chain(installation, 1 + threads * each)


def assert_one_whole_chain(installation: Installation, entries: int) -> None:
    """The customer's chain as the verifier finds it; its first entry is that the customer was added."""
    [chain] = installation.ask("verify_audit")["chains"]
    assert (chain["entries"], chain["problems"]) == (entries, [])
