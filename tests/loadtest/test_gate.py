"""The gate of the load test: it opens for what is good enough, and for nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from loadtest.gate import ALL, judged
from loadtest.people import _forget
from loadtest.tasks import SIGN_IN, TASKS

ROOT = Path(__file__).parents[2]
NAMES = [SIGN_IN, *(task.name for task in TASKS), "Aggregated"]
COLUMNS = "Name,Request Count,Failure Count,50%,95%,99%"
GOOD = "100,4,20,490,3000"


def measured(directory: Path, **changed: str) -> Path:
    """Files as Locust keeps them, of tasks that were good enough but for those changed; None for never asked."""
    rows = [f"{name},{changed.get(name.replace(' ', '_'), GOOD)}" for name in NAMES]
    kept = directory / "gate"
    Path(f"{kept}_stats.csv").write_text("\n".join([COLUMNS, *(row for row in rows if not row.endswith(","))]) + "\n")
    Path(f"{kept}_exceptions.csv").write_text("Count,Message,Traceback,Nodes\n")
    return kept


pure = pytest.mark.pure


@pure
def test_what_is_good_enough_passes(tmp_path: Path):
    figures, found = judged(measured(tmp_path), 0)
    assert found == []
    assert [each.name for each in figures][-1] == ALL
    assert figures[0].requests == 100


@pure
@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"reports": "100,0,20,500,500"}, ["reports: p95 500 ms, must be below 500 ms"]),
        ({"search": "100,5,20,30,40"}, ["search: 5 of 100 failed, fewer than 5% may"]),
        ({"sign_in": "5,1,20,30,40"}, ["sign in: 1 of 5 failed, fewer than 5% may"]),
        ({"Aggregated": "1000,0,20,501,900"}, ["all together: p95 501 ms, must be below 500 ms"]),
        ({"Aggregated": "1000,50,20,30,40"}, ["all together: 50 of 1000 failed, fewer than 5% may"]),
        ({"uploads": ""}, ["uploads: never asked"]),
        ({"uploads": "0,0,N/A,N/A,N/A"}, ["uploads: never asked"]),
        ({"uploads": "3,0,N/A,N/A,N/A"}, ["uploads: p95 nan ms, must be below 500 ms"]),
    ],
)
def test_what_is_slow_fails_or_was_never_asked_is_named(tmp_path: Path, changed: dict[str, str], found: list[str]):
    assert judged(measured(tmp_path, **changed), 0)[1] == found


@pure
def test_signing_in_is_so_seldom_that_its_own_time_is_no_reason(tmp_path: Path):
    assert judged(measured(tmp_path, sign_in="5,0,800,900,900"), 0)[1] == []


@pure
def test_nothing_asked_is_not_good_enough(tmp_path: Path):
    nothing = {name.replace(" ", "_"): "0,0,N/A,N/A,N/A" for name in NAMES}
    assert len(judged(measured(tmp_path, **nothing), 0)[1]) == len(NAMES)
    assert len(judged(tmp_path / "no such file", 0)[1]) == len(NAMES)


@pure
def test_a_locust_that_died_is_not_good_enough_whatever_it_left(tmp_path: Path):
    assert judged(measured(tmp_path), -9)[1] == ["Locust ended with -9"]


@pure
def test_a_locust_that_met_a_mistake_of_its_own_is_not_good_enough(tmp_path: Path):
    kept = measured(tmp_path)
    with Path(f"{kept}_exceptions.csv").open("a") as file:
        file.write("1,KeyError,Traceback,local\n")
    assert judged(kept, 0)[1] == [f"Locust met 1 exceptions of its own, see {kept}_exceptions.csv"]


@pure
def test_what_an_earlier_run_has_left_is_not_taken_for_this_ones(tmp_path: Path):
    kept = measured(tmp_path)
    _forget(tmp_path)
    assert len(judged(kept, 0)[1]) == len(NAMES)


@pure
def test_the_tasks_have_the_weights_that_were_promised():
    assert {task.name: task.weight for task in TASKS} == {
        "list claims": 5,
        "payer summary": 4,
        "dashboard": 4,
        "claim detail": 3,
        "claims by payer": 3,
        "drift events": 3,
        "search": 2,
        "drift by severity": 2,
        "uploads": 2,
        "reports": 1,
    }


@pure
def test_a_database_that_somebody_needs_is_not_filled(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-m", "loadtest", "gate", "--results", tmp_path],
        cwd=ROOT,
        env=_environment() | {"DATABASE_URL": "postgresql://app:secret@127.0.0.1:1/production"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("DATABASE_URL names a database that was not made to be thrown away")


@pytest.mark.once
@pytest.mark.database
def test_an_endpoint_that_is_slow_and_one_that_fails_turn_the_gate_red(tmp_path: Path):
    options = ["--seconds", "12", "--users", "10", "--customers", "1", "--claims", "6000"]
    done = subprocess.run(
        [sys.executable, "-m", "loadtest", "gate", *options, "--results", tmp_path],
        cwd=ROOT,
        env=_environment() | {"DJANGO_SETTINGS_MODULE": "tests.loadtest.faulty_settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done
    told = [line.removeprefix("not good enough: ") for line in done.stdout.splitlines() if "not good" in line]
    assert {line.partition(":")[0] for line in told} >= {"dashboard", "payer summary", ALL}, done
    assert [line for line in told if line.startswith("dashboard: p95 ")]
    assert [line for line in told if line.startswith("payer summary: ") and " failed, " in line]
    assert (tmp_path / "gate.html").stat().st_size > 0
    figures = {each.name: each for each in judged(tmp_path / "gate", 0)[0]}
    assert figures["list claims"].requests > figures["reports"].requests


def _environment() -> dict[str, str]:
    left_out = {"DATABASE_URL", "MIGRATOR_DATABASE_URL", "PAYERWATCH_CHECKPOINT_DIR", "PAYERWATCH_DATA_DIR"}
    left_out |= {"DJANGO_SETTINGS_MODULE", "PAYERWATCH_THROWAWAY"}
    return {name: value for name, value in os.environ.items() if name not in left_out}
