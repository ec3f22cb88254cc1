"""`.ci/run`: which samples its tests get, and whether one may be skipped."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).parents[2] / ".ci" / "run"
COMMANDS = ("lint", "loadtest", "coverage", "previous-release")
FOUND = "/somewhere near/data/claims"

pytestmark = pytest.mark.pure


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose commands only say what they find in the environment, and a `find` of our own."""
    (tmp_path / "project" / ".ci").mkdir(parents=True)
    shutil.copy(RUN, tmp_path / "project" / ".ci" / "run")
    told = '\t@echo "$@ samples=$$PAYERWATCH_SAMPLES_DIR skips=$$PAYERWATCH_SKIPS"\n'
    (tmp_path / "project" / "Makefile").write_text("".join(f"{command}:\n{told}" for command in COMMANDS))
    (tmp_path / "bin").mkdir()
    return tmp_path


def run(project: Path, *, found: str, find_fails: bool = False, **changes: str) -> list[str]:
    """The lines of both commands, after a search that finds this and may fail as on an unreadable directory."""
    find = project / "bin" / "find"
    find.write_text(f"#!/bin/sh\n{f'echo {found!r}' if found else ''}\nexit {int(find_fails)}\n")
    find.chmod(0o755)
    left_out = {"CI", "PAYERWATCH_SAMPLES_DIR", "PAYERWATCH_SKIPS", "MAKEFLAGS", "MAKELEVEL"}
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    done = subprocess.run(
        [project / "project" / ".ci" / "run"],
        env=kept | {"PATH": f"{project / 'bin'}:{os.environ['PATH']}"} | changes,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("find_fails", [False, True])
def test_samples_found_nearby_are_used_and_then_nothing_may_be_skipped(project: Path, find_fails: bool):
    said = run(project, found=FOUND, find_fails=find_fails)
    assert said == [f"{command} samples=/somewhere near/data skips=none" for command in COMMANDS]


@pytest.mark.parametrize("find_fails", [False, True])
@pytest.mark.parametrize("machine", [{}, {"CI": "true"}], ids=["one's own", "CI"])
def test_without_samples_only_tests_that_need_them_may_be_skipped(
    project: Path, find_fails: bool, machine: dict[str, str]
):
    said = run(project, found="", find_fails=find_fails, **machine)
    assert said == [f"{command} samples= skips=samples" for command in COMMANDS]


def test_samples_that_are_named_are_not_searched_for(project: Path):
    said = run(project, found=FOUND, PAYERWATCH_SAMPLES_DIR="/named")
    assert said[2] == "coverage samples=/named skips=none"


# What a run of tests makes of that

SKIPS = """
import pytest
pytestmark = pytest.mark.skipif({skipped}, reason={reason!r})
def test_one(): pass
"""
NO_SAMPLES, NO_PROGRAM = "PAYERWATCH_SAMPLES_DIR names no folder", "promtool was not found"


@pytest.mark.parametrize(
    ("skips", "reason", "code"),
    [
        ("none", NO_SAMPLES, 1),
        ("none", NO_PROGRAM, 1),
        ("samples", NO_SAMPLES, 0),
        ("samples", NO_PROGRAM, 1),
        ("", NO_PROGRAM, 0),
        ("none", None, 0),
        ("samples", None, 0),
    ],
)
def test_a_skipped_test_fails_the_run_where_it_may_not_be(tmp_path: Path, skips: str, reason: str | None, code: int):
    (tmp_path / "conftest.py").write_text("from tests.conftest import pytest_sessionfinish\n")
    (tmp_path / "test_one.py").write_text(SKIPS.format(skipped=reason is not None, reason=reason or "no reason"))
    command = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--ds=tests.settings", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, f"--rootdir={tmp_path}", tmp_path],
        cwd=RUN.parents[1],
        env=os.environ | {"PAYERWATCH_SKIPS": skips},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
