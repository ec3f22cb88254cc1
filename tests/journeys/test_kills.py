"""A load killed at any point leaves nothing, and the next one works. Two loads at once lose nothing."""

import itertools
import json
import os
import random
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.conftest import Installation, assert_cells_are_right
from tests.make import Row, claims_file, denied, pending, row

pytestmark = [pytest.mark.database, pytest.mark.proof]

KILLS = 50 if os.environ.get("PAYERWATCH_PROOF") == "full" else 2
STAGES = ("Reading: 0", "Reading: 100", "Checking: 50", "Checking: 100", "Saving: 0", "Saving: 100", "Counting: 0")


def many(count: int, *, first: int = 0) -> list[Row]:
    kinds = (row, denied, pending)
    payers = ("Aetna", "Cigna", "Humana", "Medicaid")
    days = [f"2026-0{month}-{day:02}" for month in range(1, 5) for day in range(1, 29)]
    return [
        kinds[n % 3](number=f"C{n}", payer=payers[n % 4], submitted=days[n % 100], cpt=("99213", "97110")[n % 2])
        | ({} if n % 3 == 2 else {"decided": "2026-05-01"})
        for n in range(first, first + count)
    ]


def kill_at(process: subprocess.Popen[bytes], stage: str, delay: float) -> bool:
    """Kill the process `delay` seconds after it said that it reached the stage; whether it still ran."""
    assert process.stderr is not None
    for line in process.stderr:
        if line.decode().startswith(stage):
            time.sleep(delay)
            break
    process.kill()
    process.communicate()
    return process.returncode < 0


def wait_until_gone(installation: Installation) -> None:
    """Until the server has noticed that its clients are gone, and keeps nothing for them any more.

    A table that one had made is seen by others only once it is kept, so that looking for such would tell nothing.
    """
    deadline = time.monotonic() + 120
    while installation.connected():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_load_killed_anywhere_leaves_nothing_and_the_next_one_works(installation: Installation, tmp_path: Path):
    installation.ask("load", claims_file(tmp_path, [each | {"payer": "Oscar"} for each in many(50)]))
    installation.ask("map_payer", "Humana", "Cigna")
    path = claims_file(tmp_path, many(40_000), name="big.csv")
    before = installation.stored()
    chance = random.Random(7)
    stages = itertools.cycle(STAGES if len(STAGES) < KILLS else ("Checking: 50", "Saving: 0", "Counting: 0"))
    killed = 0
    while killed < KILLS:
        process = installation.start("load", path, "--customer", "Practice")
        still_ran = kill_at(process, next(stages), chance.uniform(0, 0.15) * chance.random())
        wait_until_gone(installation)
        if len(installation.stored()["claims_upload"]) > len(before["claims_upload"]):
            before = whole_and_taken_back(installation)
            continue
        assert installation.stored() == before
        killed += still_ran
    loaded = installation.ask("load", path)
    assert (loaded["rows"], loaded["accepted"]) == (40_000, 40_000)
    assert (loaded["new_claims"], loaded["updated_claims"]) == (40_000 - 50, 50)
    assert installation.temporary_tables() == []
    assert_cells_are_right(installation)


def whole_and_taken_back(installation: Installation) -> dict[str, list[dict[str, Any]]]:
    """The signal came after the commit: all of the file is there. What is stored once it is taken back."""
    stored = installation.stored()
    upload = stored["claims_upload"][-1]
    assert (upload["rows"], len(stored["claims_claim"])) == (40_000, 40_000)
    assert_cells_are_right(installation)
    installation.ask("undo", upload["public_id"])
    return installation.stored()


def test_two_loads_at_once_lose_nothing(installation: Installation, tmp_path: Path):
    """Different files that overlap: the second waits, then changes what the first brought."""
    first = claims_file(tmp_path, many(4_000), name="first.csv")
    second = claims_file(tmp_path, [row(number=f"C{n}", paid="7.00") for n in range(2_000, 6_000)], name="second.csv")
    for done in together(installation, first, second):
        assert done["rows"] == done["accepted"] == 4_000
    stored = installation.stored()
    known = {(claim["claim_key"], str(claim["submitted_date"])) for claim in stored["claims_claim"]}
    wanted = {(each["number"], each["submitted"]) for each in many(4_000)}
    assert known == wanted | {(f"C{n}", "2026-01-05") for n in range(2_000, 6_000)}
    assert len(stored["claims_claim"]) == len(known)
    assert_cells_are_right(installation)


def test_one_file_loaded_twice_at_once_is_loaded_once(installation: Installation, tmp_path: Path):
    path = claims_file(tmp_path, many(4_000))
    documents = together(installation, path, path)
    assert sorted(document["already_loaded"] for document in documents) == [False, True]
    assert len({document["upload"] for document in documents}) == 1
    assert len(installation.stored()["claims_claim"]) == 4_000
    assert_cells_are_right(installation)


def together(installation: Installation, *paths: Path) -> list[dict]:
    """Load files at the same time; what each load answered."""
    running = [installation.start("load", path, "--customer", "Practice", "--json") for path in paths]
    answers = [process.communicate(timeout=300) for process in running]
    assert [process.returncode for process in running] == [0] * len(paths), answers
    return [json.loads(out) for out, _ in answers]
