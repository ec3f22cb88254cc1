"""What Payerwatch writes on disk is its owner's alone, whatever the umask."""

import fcntl
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from payerwatch.config.private_files import is_open_to_others, make_private_directory, make_private_file

pytestmark = pytest.mark.pure

WRITES = """
import os; os.umask(0)
import django; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from payerwatch.audit.actors import command_actor
from payerwatch.pipeline import add_customer
add_customer("Practice", actor=command_actor())
from django.conf import settings
from payerwatch.throttling.sqlite import SqliteStore
SqliteStore(settings.THROTTLE_FILE).take(1, [])
"""


def open_paths(folder: Path) -> list[Path]:
    return [path for path in (folder, *folder.rglob("*")) if is_open_to_others(path)]


def test_a_new_installation_can_be_read_by_its_owner_alone(tmp_path: Path):
    data = tmp_path / "new" / "data"
    left_out = ("DATABASE_URL", "MIGRATOR_DATABASE_URL", "PAYERWATCH_CHECKPOINT_DIR")
    environment = {name: value for name, value in os.environ.items() if name not in left_out}
    own = {"PAYERWATCH_DATA_DIR": str(data), "DJANGO_SETTINGS_MODULE": "payerwatch.config.settings"}
    subprocess.run([sys.executable, "-c", WRITES], env=environment | own, check=True, timeout=120)
    written = {path.name for path in data.rglob("*")}
    assert {"payerwatch.sqlite3", "throttle.sqlite3", "secret_key", "checkpoints", "checkpoint_key.pem"} <= written
    assert [path for path in open_paths(tmp_path / "new") if path.name != "checkpoint_key.public.pem"] == []


def test_a_directory_that_is_there_stays_as_it_is(tmp_path: Path):
    tmp_path.chmod(0o755)
    make_private_directory(tmp_path / "one" / "two")
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    assert open_paths(tmp_path / "one") == []


def test_a_file_that_is_there_stays_as_it_is(tmp_path: Path):
    path = tmp_path / "file"
    path.write_text("kept")
    path.chmod(0o644)
    make_private_file(path)
    assert path.read_text() == "kept"
    assert is_open_to_others(path)


def test_a_file_that_is_there_keeps_the_locks_on_it(tmp_path: Path):
    path = tmp_path / "kept"
    make_private_file(path)
    take = "import fcntl, sys; fcntl.lockf(open(sys.argv[1], 'r+'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    with path.open("r+") as held:
        fcntl.lockf(held, fcntl.LOCK_EX)
        make_private_file(path)
        another = subprocess.run([sys.executable, "-c", take, path], capture_output=True, text=True, check=False)
    assert "BlockingIOError" in another.stderr
