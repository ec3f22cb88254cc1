"""A command that fails by a mistake of ours says where, and shows no value unless it is asked to."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.operations.test_command_line import environment

pytestmark = pytest.mark.pure

CANARY = "Zyxwold-917-65-4329"
MISTAKEN = f"""
import os
import django
os.environ["DJANGO_SETTINGS_MODULE"] = "payerwatch.config.settings"
django.setup()
from payerwatch import __main__
from payerwatch.operations.management.commands import events

def mistaken(self, **options):
    value = {CANARY!r}
    return int(value)

events.Command.answer = mistaken
__main__.main()
"""


def run(folder: Path, *options: str, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", MISTAKEN, "events", "--customer", CANARY, *options],
        env=environment(folder, **changes),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_a_mistake_of_ours_is_told_by_type_and_place_alone(tmp_path: Path):
    done = run(tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    first, place, fix = done.stderr.splitlines()
    assert first == "This is a mistake in Payerwatch: ValueError."
    assert "payerwatch/operations/command.py:" in place
    assert "PAYERWATCH_DEBUG=1" in fix
    assert CANARY not in done.stderr


def test_programs_are_told_the_same_as_a_document(tmp_path: Path):
    done = run(tmp_path, "--json")
    error = json.loads(done.stdout)["error"]
    assert (done.returncode, error["code"]) == (1, "unforeseen")
    assert CANARY not in done.stdout + done.stderr


def test_who_asks_for_all_is_shown_all(tmp_path: Path):
    done = run(tmp_path, PAYERWATCH_DEBUG="1")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert CANARY in done.stderr
