"""SQLite has one writer: processes that read beside it never wait for it, and see each load whole or not at all."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.conftest import Installation
from tests.make import claims_file, row

pytestmark = [pytest.mark.database, pytest.mark.sqlite, pytest.mark.proof]

FILES, ROWS = (60, 10_000) if os.environ.get("PAYERWATCH_PROOF") == "full" else (2, 1_000)
READERS = 8
ROOT = Path(__file__).parents[2]


@contextmanager
def reading(installation: Installation, how: str, *, readers: int = READERS) -> Iterator[list[Any]]:
    """Processes read; after the block what each of them saw is in the list."""
    seen: list[Any] = []
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.journeys.reading", how, str(readers)],
        env=installation.environment | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
        cwd=installation.directory,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "reading\n"
        yield seen
        process.stdin.close()
        seen.extend(json.loads(process.stdout.read()))
    assert process.returncode == 0


def load(installation: Installation, folder: Path, number: int) -> None:
    rows = [row(number=f"C{number}-{each}") for each in range(ROWS)]
    installation.ask("load", claims_file(folder, rows, name=f"{number}.csv"))


def test_eight_readers_beside_a_writer_wait_for_nothing(installation: Installation, tmp_path: Path):
    with reading(installation, "as it does") as seen:
        for number in range(FILES):
            load(installation, tmp_path, number)
    assert [each["errors"] for each in seen] == [{}] * READERS
    assert all(each["reads"] > FILES and each["in_order"] for each in seen)
    assert {count for each in seen for count in each["seen"]} <= {ROWS * number for number in range(FILES + 1)}


def test_a_reader_in_a_transaction_would_find_the_database_locked(installation: Installation, tmp_path: Path):
    """What the test above would see if reading were to take part in the queue of writers."""
    with reading(installation, "in a transaction", readers=1) as seen:
        load(installation, tmp_path, 0)
    assert seen[0]["errors"]["database is locked"]
