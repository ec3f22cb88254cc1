"""What lies unsealed beside the database while a backup is at work outlasts no kill for longer than until the next."""

import base64
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.db import connection

from payerwatch.backups import private_folder as folder_module
from payerwatch.backups.private_folder import private_folder
from tests import make
from tests.backups.conftest import Installation, put_key_into

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.sqlite]

KILLED = """
import os, signal, sys
import django
django.setup()
from django.core.management import call_command
from payerwatch.backups import making, restoring
place, name = sys.argv[1].split(".")
setattr({"making": making, "restoring": restoring}[place], name, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
call_command(*sys.argv[2:])
"""


@pytest.fixture
def data(installation: Installation, settings: Any) -> Path:
    """The data directory, in which there is the database of the test as a file."""
    settings.DATA_DIR.mkdir(exist_ok=True)
    with closing(sqlite3.connect(settings.DATA_DIR / "payerwatch.sqlite3")) as target:
        connection.connection.backup(target)
    return settings.DATA_DIR


def folders(data: Path) -> list[Path]:
    return [each for each in data.iterdir() if "-backup-" in each.name]


def kill_at(place: str, *command: object, data: Path) -> None:
    """Run the command in a process that is killed there."""
    own = {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "PAYERWATCH_BACKUP_KEY": base64.b64encode(configured.BACKUP_KEYS[0]).decode(),
        "PAYERWATCH_CHECKPOINT_DIR": str(configured.CHECKPOINT_DIR),
        "PAYERWATCH_DATA_DIR": str(data),
    }
    done = subprocess.run(
        [sys.executable, "-c", KILLED, place, *map(str, command)],
        env=dict(os.environ) | own,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr


@pytest.mark.untraced
@pytest.mark.parametrize(
    ("command", "place"),
    [("backup", "making._watched"), ("verify_backup", "restoring._verify"), ("restore", "restoring._verify")],
)
def test_the_next_one_removes_what_a_killed_one_left(
    installation: Installation, data: Path, settings: Any, tmp_path: Path, command: str, place: str
):
    file = installation.back_up()
    if command == "restore":
        (data / "payerwatch.sqlite3").unlink()
        settings.CHECKPOINT_DIR = tmp_path / "elsewhere"
        put_key_into(settings.CHECKPOINT_DIR)
    kill_at(place, command, *(("--to", installation.backups) if command == "backup" else (file,)), data=data)
    [left] = folders(data)
    [copy] = left.glob("*.sqlite3")
    assert b"Practice" in copy.read_bytes()
    assert make.answer("verify_backup", file, customer=None).code == 0
    assert folders(data) == []


def test_one_that_is_at_work_is_left_alone(installation: Installation, data: Path):
    with private_folder() as held:
        (held / "copy.sqlite3").touch()
        installation.back_up()
        assert [*held.iterdir()] == [held / "copy.sqlite3"]
    assert folders(data) == []


def test_what_only_has_such_a_name_is_left_alone(installation: Installation, data: Path, tmp_path: Path):
    (tmp_path / "own").mkdir()
    (data / ".payerwatch-backup-link").symlink_to(tmp_path / "own")
    (data / ".payerwatch-backup-file").touch()
    installation.back_up()
    assert (tmp_path / "own").is_dir()
    assert {each.name for each in folders(data)} == {".payerwatch-backup-link", ".payerwatch-backup-file"}


@pytest.mark.parametrize("opened_before", [False, True])
def test_one_that_is_removed_before_it_is_held_is_made_anew(
    data: Path, monkeypatch: pytest.MonkeyPatch, opened_before: bool
):
    """Another process may begin between its making and its lock, and find nobody holding it."""
    opened, removed = folder_module._opened, []

    def late(path: Path) -> int:
        if removed:
            return opened(path)
        removed.append(path)
        found = opened(path) if opened_before else -1
        path.rmdir()
        return found if opened_before else opened(path)

    monkeypatch.setattr(folder_module, "_opened", late)
    with private_folder() as folder:
        assert folder.is_dir()
        assert [folder] != removed
