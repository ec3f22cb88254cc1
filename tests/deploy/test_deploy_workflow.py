"""The deploy workflow's own steps, with a machine that is pretended: nothing is switched before it is known what to go
back to."""

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.deploy.reading import WORKFLOWS, document, steps

pytestmark = pytest.mark.pure

# How a step is run: by the name that it or the workflow gives (docs.github.com, "Workflow syntax", shell), else so.
SHELLS = {"bash": ["bash", "--noprofile", "--norc", "-eo", "pipefail"], None: ["bash", "-e"]}
# In the place of ssh: notes what is asked of which machine, and says what the machine says.
SSH = """#!/bin/sh
echo "$*" >>"$NOTES"
printf '%s' "$SAYS"
exit "$ENDS"
"""


class Told(NamedTuple):
    code: int
    outputs: dict[str, str]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "ssh").write_text(SSH)
    (tmp_path / "ssh").chmod(0o755)
    (tmp_path / "notes").touch()
    return tmp_path


def told(place: Path, *, says: str, ends: int = 0) -> Told:
    """How the steps end that look which build is used, and what they tell those after them."""
    workflow = document(WORKFLOWS / "deploy.yml")
    shell = SHELLS[workflow.get("defaults", {}).get("run", {}).get("shell")]
    environment = os.environ | {
        "PATH": f"{place}:{os.environ['PATH']}", "NOTES": str(place / "notes"), "SAYS": says, "ENDS": str(ends),
        "HOST": "payerwatch.example.org", "RELEASE": "release", "GITHUB_OUTPUT": str(place / "outputs"),
    }  # fmt: skip
    (place / "outputs").write_text("")
    code = 0
    for step in looking():
        (place / "step.sh").write_text(step["run"])
        done = subprocess.run([*shell, "step.sh"], cwd=place, env=environment, capture_output=True, check=False)
        code = done.returncode
        if code:
            break
    lines = (place / "outputs").read_text().splitlines()
    return Told(code, dict(line.split("=", 1) for line in lines))


def looking() -> list[dict[str, str]]:
    """From the step that asks the machine to the one before it is switched."""
    found = steps("deploy")
    names = [step.get("name") for step in found]
    return found[names.index("Which build is used now") : names.index("Switch")]


@pytest.mark.parametrize("build", ["b1", "0123456789ab", "2027-01-15.4", "none"])
def test_the_build_that_is_used_is_told_to_who_may_go_back(place: Path, build: str):
    found = told(place, says=f"Used: {build}\n{build}: web, work\n")
    assert found == Told(0, {"build": build})
    assert (place / "notes").read_text() == "deploy@payerwatch.example.org release status\n"


@pytest.mark.parametrize(
    "says", ["", "Refused: it cannot be read.\n", "Used: \n", "Used: b1\nUsed: b2\n", "Used: $(id)\n"]
)
def test_where_no_build_is_named_nothing_is_switched(place: Path, says: str):
    found = told(place, says=says)
    assert found.code != 0
    assert found.outputs == {}


def test_where_the_machine_does_not_answer_to_its_end_nothing_is_switched(place: Path):
    assert told(place, says="Used: b1\n", ends=255).code != 0
