"""`detect` as a person and a script meet it."""

import json
import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.drift.invented import history
from tests.drift.run_off_claims import claims_of, denying_more, detect, load
from tests.make import Row, answer, claims_file, customer, pending, row, upload, words

pytestmark = pytest.mark.django_db

MONDAY = date(2024, 1, 1)


def drifting_claims(*, series: int = 4, payers: int = 2) -> pl.DataFrame:
    claims = claims_of(history(series=series, payers=payers, weeks=58, volume=20))
    return denying_more(claims, pl.col("payer") == "Aetna", MONDAY + timedelta(weeks=50), date(2030, 1, 1))


def test_it_answers_with_the_run_and_its_counts(tmp_path: Path):
    customer()
    load(tmp_path, drifting_claims())
    document = detect()
    assert document["run"].startswith("run_")
    assert document["as_of_week"] == (MONDAY + timedelta(weeks=57)).isoformat()
    assert (document["series_checked"], document["tests"]) == (4, 2 * 2 * (4 + 2))
    assert document["opened"] >= 3
    assert (document["updated"], document["closed"], document["not_judged"]) == (0, 0, {})
    flags = ("stale", "changed_events", "pending_known", "data_feed_stalled")
    assert [document[flag] for flag in flags] == [False, True, True, False]


def test_it_says_the_same_in_words(tmp_path: Path):
    customer()
    load(tmp_path, drifting_claims())
    said = words("detect")
    assert "Week of 2025-02-03: 4 pairs of payer and CPT group" in said
    assert "Judged: 6 for denials, 6 for days to decision." in said
    assert "opened, 0 updated, 0 closed." in said
    assert "Note:" not in said


def test_series_not_judged_are_counted_by_reason_and_measure(tmp_path: Path):
    customer()
    upload(tmp_path, [row(), pending(number="C2", submitted="2026-01-25")])
    document = detect()
    assert document["not_judged"] == {"learning": 4}
    assert document["tests"] == 0
    assert "Not judged: 4 times, still learning what is normal." in words("detect")


def test_an_unknown_customer_is_refused(tmp_path: Path):
    assert "no customer named 'Nobody'" in answer("detect", customer="Nobody").error["message"]


def queries_of_a_detect(tmp_path: Path, name: str, claims: pl.DataFrame) -> tuple[int, int]:
    """Queries of a detection, and how many events it wrote."""
    customer(name)
    load(tmp_path, claims, customer=name, name=f"{name}.csv")
    with CaptureQueriesContext(connection) as queries:
        document = detect(customer=name)
    return len(queries), document["opened"] + document["updated"] + document["closed"]


def test_the_number_of_queries_depends_on_events_alone(tmp_path: Path):
    few, few_events = queries_of_a_detect(tmp_path, "Few", drifting_claims())
    many, many_events = queries_of_a_detect(tmp_path, "Many", drifting_claims(series=20, payers=2))
    assert many_events > few_events
    assert many - many_events == few - few_events
    assert few - few_events <= 20


@pytest.fixture
def shell(tmp_path: Path):
    """Runs the product in a process of its own, on SQLite in a folder of its own."""
    kept = {name: value for name, value in os.environ.items() if "DATABASE_URL" not in name}

    def run(*arguments: object) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-m", "payerwatch", *map(str, arguments)],
            env=kept | {"PAYERWATCH_DATA_DIR": str(tmp_path / "data")},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run


@pytest.mark.sqlite
def test_exit_codes_and_streams_of_a_process(shell, tmp_path: Path):
    assert shell("migrate").returncode == 0
    assert shell("add_customer", "Practice").returncode == 0
    refused = shell("detect", "--customer", "Practice")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("Refused: No claims are loaded.")
    assert shell("detect", "--customer", "Practice", "--as-of", "31/03/2026").returncode == 2
    rows: list[Row] = [row(), pending(number="C2", submitted="2026-01-25")]
    assert shell("load", claims_file(tmp_path, rows), "--customer", "Practice").returncode == 0
    done = shell("detect", "--customer", "Practice", "--as-of", "2026-01-25", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["as_of_week"] == "2026-01-19"
