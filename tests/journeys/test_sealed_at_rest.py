"""With field keys, neither a claim number nor a file's name stands anywhere in the database or its files."""

import base64
import json
import random
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.journeys.conftest import Installation, assert_cells_are_right, text_in
from tests.journeys.test_kills import kill_at, many, wait_until_gone
from tests.make import Row, claims_file, pending, row
from tests.sealing.conftest import key

pytestmark = pytest.mark.database

KILLS = 4
FILES = ("CANARYFILE", "SECONDCANARY")


def under(installation: Installation, *key_ids: str) -> Installation:
    """The same installation with field keys, newest first."""
    keys = ",".join(f"{key_id}:{base64.b64encode(key(key_id)).decode()}" for key_id in key_ids)
    return replace(installation, environment=installation.environment | {"PAYERWATCH_FIELD_KEYS": keys})


def canaries() -> list[Row]:
    return [row(number=f"CNRY{n:04}X") for n in range(40)] + [pending(number=f"CNRY{n:04}X") for n in range(40, 60)]


def use(installation: Installation, folder: Path) -> None:
    """Load, change some claims, detect."""
    first, *_ = FILES
    installation.ask("load", claims_file(folder, canaries(), name=f"{first}.csv"))
    changed = [row(number=f"CNRY{n:04}X") for n in range(40, 60)]
    done = installation.ask("load", claims_file(folder, changed, name=f"{FILES[1]}.csv"))
    assert done["updated_claims"] == 20


def found(installation: Installation) -> set[str]:
    """Which canaries stand in any column of any table, or in the bytes of any of the database's files."""
    kept = json.dumps(installation.everything(), default=str)
    kept += text_in(installation.directory.rglob("*.sqlite3*"))
    return {canary for canary in ("CNRY", *FILES) if canary in kept}


def test_a_customer_that_starts_with_keys_leaves_no_number_and_no_file_name(installation: Installation, tmp_path: Path):
    use(under(installation, "2026a"), tmp_path)
    assert found(installation) == set()


def test_without_keys_they_are_found(installation: Installation, tmp_path: Path):
    use(installation, tmp_path)
    assert found(installation) == {"CNRY", *FILES}


def test_a_customer_brought_from_plain_leaves_no_number_and_no_file_name(installation: Installation, tmp_path: Path):
    use(installation, tmp_path)
    sealed = under(installation, "2026a")
    done = sealed.run("rotate_field_keys", "--json")
    assert done.code == 0, done
    assert found(installation) == set()


@pytest.mark.sqlite
def test_what_was_deleted_before_is_wiped_from_the_file_and_its_log(installation: Installation):
    with closing(sqlite3.connect(installation.directory / "payerwatch.sqlite3", isolation_level=None)) as connection:
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("CREATE TABLE gone (number text)")
        connection.executemany("INSERT INTO gone VALUES (?)", [(f"CNRY{n}",) for n in range(1000)])
        connection.execute("DROP TABLE gone")
        assert found(installation) == {"CNRY"}
        done = under(installation, "2026a").run("rotate_field_keys")
        assert found(installation) == set()
    assert (done.code, "free space" in done.out) == (0, False)


@pytest.mark.sqlite
def test_where_a_reader_keeps_the_log_the_command_says_what_stays(installation: Installation):
    with closing(sqlite3.connect(installation.directory / "payerwatch.sqlite3", isolation_level=None)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM claims_claim").fetchone()
        done = under(installation, "2026a").run("rotate_field_keys")
    assert done.code == 0, done
    assert "free space" in done.out


def test_keys_that_cannot_be_read_stop_every_command_and_are_not_repeated(installation: Installation):
    bad = replace(installation, environment=installation.environment | {"PAYERWATCH_FIELD_KEYS": "2026a:CANARYKEY"})
    done = bad.run("events", "--customer", "Practice", "--json")
    assert done.code == 1
    assert "PAYERWATCH_FIELD_KEYS" in done.out
    assert "CANARYKEY" not in done.out + done.err


@pytest.mark.proof
def test_a_rotation_killed_anywhere_leaves_every_row_as_it_was_and_the_next_one_works(
    installation: Installation, tmp_path: Path
):
    installation.ask("load", claims_file(tmp_path, many(20_000)))
    sealed = under(installation, "2026b", "2026a")
    chance, killed = random.Random(7), 0
    while killed < KILLS:
        before = installation.stored()
        process = sealed.start("rotate_field_keys")
        still_ran = kill_at(process, "Sealing: 0", chance.uniform(0, 0.6))
        wait_until_gone(installation)
        after = installation.stored()
        if after != before:
            assert all(str(claim["sealed_number"]).startswith("pw1:2026b:") for claim in after["claims_claim"])
            sealed.run("rotate_field_keys", "--to", "plain")
            continue
        killed += still_ran
    done = sealed.run("rotate_field_keys", "--json")
    assert json.loads(done.out)["rotated"] == [{"customer": "Practice", "from": "plain", "rows": 20_001}]
    assert_cells_are_right(installation)
    again = sealed.ask("load", claims_file(tmp_path, many(20_001), name="again.csv"))
    assert (again["new_claims"], again["updated_claims"]) == (1, 0)
