"""What cannot be backed up, restored or believed is refused, says why, and leaves everything as it was."""

import base64
import fcntl
import json
import os
import resource
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.db import connection

from payerwatch.backups import making, sealed_stream
from payerwatch.backups.snapshot import Snapshot
from payerwatch.health.models import Backup
from payerwatch.tenancy.connections import leading_to
from tests import make
from tests.audit.owner import run as run_sql
from tests.audit.owner import triggers_off
from tests.backups.conftest import Installation, put_key_into
from tests.backups.test_backup_and_restore import NewDatabase, restorable_still, restore
from tests.tenancy.schema import schema_as_text

pytestmark = pytest.mark.django_db(transaction=True)


def back_up(installation: Installation) -> make.Answered:
    return make.answer("backup", "--to", installation.backups, customer=None)


def verify(file: Path) -> make.Answered:
    return make.answer("verify_backup", file, customer=None)


def backup_that_says(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, change: Callable[[dict[str, Any]], Any]
) -> Path:
    """One of which the manifest was changed before it was sealed."""
    write = making.PartsWriter.write

    def changed(self: Any, name: str, blocks: Any) -> Any:
        if name == making.PART:
            said = json.loads(b"".join(blocks))
            change(said)
            blocks = [json.dumps(said).encode()]
        return write(self, name, blocks)

    with monkeypatch.context() as patch:
        patch.setattr(making.PartsWriter, "write", changed)
        return installation.back_up()


def test_a_chain_that_was_tampered_with_before_the_backup_fails_its_verification(installation: Installation):
    with triggers_off():
        run_sql("UPDATE audit_entry SET thing_id = 'upl_other' WHERE position = 2")
    refused = verify(installation.back_up())
    assert refused.error["code"] == "backup_fails_verification"
    assert "Entry 2 was changed" in refused.error["message"] + refused.error["where"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda said: said["rows"].update(claims_claim=44), "The table claims_claim had 44 rows, and has 43."),
        (lambda said: said["guards"].append("policy none of claims"), "The policy none of claims is missing."),
        (lambda said: said["guards"].pop(), "was not there."),
        (lambda said: said["chains"].update(installation=[9, "00"]), "The chain installation does not end where"),
        (lambda said: said["migrations"].pop(), "The migrations that are applied are others."),
    ],
    ids=["rows", "less guards", "more guards", "chains", "migrations"],
)
def test_what_is_not_as_the_backup_says_fails_its_verification(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, change: Callable[[dict[str, Any]], Any], told: str
):
    error = verify(backup_that_says(installation, monkeypatch, lambda said: change(said["contents"]))).error
    assert error["code"] == "backup_fails_verification"
    assert told in error["message"]
    assert error["where"] == ""  # nothing else is wrong


def test_a_backup_of_another_kind_of_database_is_refused(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, new_database: NewDatabase
):
    other = "sqlite" if connection.vendor == "postgresql" else "postgresql"
    file = backup_that_says(installation, monkeypatch, lambda said: said.update(vendor=other))
    with leading_to(new_database()):
        assert restore(file).error["code"] == "backup_of_another_kind"
        assert restorable_still()


def test_a_backup_of_a_later_release_is_refused(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, new_database: NewDatabase
):

    def of_tomorrow(said: dict[str, Any]) -> None:
        said["build"] = "later"
        said["contents"]["migrations"].append("claims.0999_before_tomorrow")

    file = backup_that_says(installation, monkeypatch, of_tomorrow)
    with leading_to(new_database()):
        error = restore(file).error
        assert error["code"] == "backup_of_later_release"
        assert "build later" in error["message"]
        assert restorable_still()


def test_a_backup_of_another_format_is_refused(installation: Installation, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patch:
        patch.setattr(sealed_stream, "FORMAT", 2)
        file = making.make_backup(installation.backups, keep=None, actor=make.ACTOR, progress=lambda *_told: None).path
    assert verify(file).error["code"] == "backup_format_unknown"


def test_a_directory_that_is_not_there_is_refused_and_not_made(installation: Installation, tmp_path: Path):
    """It may be a mount that is missing."""
    error = make.answer("backup", "--to", tmp_path / "mount" / "backups", customer=None).error
    assert error["code"] == "backup_directory_missing"
    assert f"install -d -m 700 -o {os.geteuid()} {tmp_path}/mount/backups" in error["fix"]
    assert not (tmp_path / "mount").exists()


@pytest.mark.parametrize("file", ["claims.csv", "missing.backup", "."])
def test_what_is_no_backup_is_refused(installation: Installation, tmp_path: Path, file: str):
    error = verify(tmp_path / file).error
    assert error["code"] == "backup_unreadable"
    assert error["fix"]


def test_a_backup_that_fails_leaves_those_before_it_and_nothing_else(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
):
    before = installation.back_up()

    def cut_off(taken: Snapshot, _progress: Any) -> Any:
        yield next(taken.blocks)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(making, "_watched", cut_off)
    refused = make.answer("backup", "--to", installation.backups, "--keep", 1, customer=None)
    assert refused.error["code"] == "backup_not_writable"
    assert "No space left on device" in refused.error["message"]
    assert [each.name for each in installation.backups.iterdir()] == [before.name]
    assert Backup.objects.count() == 1


def test_one_that_was_left_by_a_killed_process_is_begun_anew(installation: Installation):
    (installation.backups / ".payerwatch.backup.part").write_bytes(b"x" * 5_000_000)
    file = installation.back_up()
    assert verify(file).code == 0
    assert [each.name for each in installation.backups.iterdir()] == [file.name]


def test_two_at_a_time_into_one_directory_are_refused(installation: Installation):
    with (installation.backups / ".payerwatch.backup.part").open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert back_up(installation).error["code"] == "backup_in_progress"


@pytest.mark.sqlite
@pytest.mark.untraced
def test_a_full_disk_while_restoring_leaves_no_database(
    installation: Installation, tmp_path: Path, elsewhere: Callable[[], None]
):
    """In a process of its own, whose files may not be as large as the database."""
    file = installation.back_up()
    elsewhere()
    put_key_into(configured.CHECKPOINT_DIR)
    key = base64.b64encode(configured.BACKUP_KEYS[0]).decode()
    own = {"PAYERWATCH_BACKUP_KEY": key, "PAYERWATCH_CHECKPOINT_DIR": str(configured.CHECKPOINT_DIR)}
    own |= {"PAYERWATCH_DATA_DIR": str(tmp_path / "new"), "DJANGO_SETTINGS_MODULE": "tests.settings"}
    done = subprocess.run(
        [sys.executable, "-m", "payerwatch", "restore", str(file), "--json"],
        env=dict(os.environ) | own,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, json.loads(done.stdout)["error"]["code"]) == (1, "restore_not_writable")
    assert "Traceback" not in done.stderr
    assert [each.name for each in (tmp_path / "new").iterdir()] == []


@pytest.mark.postgresql
def test_without_the_role_for_backups_nothing_is_written(installation: Installation, settings: Any):
    settings.BACKUP_DATABASE = None
    assert back_up(installation).error["code"] == "backup_role_missing"


@pytest.mark.postgresql
def test_a_role_that_is_held_by_policies_is_refused(installation: Installation, settings: Any):
    settings.BACKUP_DATABASE = settings.MIGRATOR_DATABASE
    error = back_up(installation).error
    assert error["code"] == "backup_role_sees_too_little"
    assert "BYPASSRLS" in error["fix"]
    assert list(installation.backups.iterdir()) == []


def program(folder: Path, name: str, *lines: str) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("lines", "has"), [((), "was not found"), (("echo 'pg_dump (PostgreSQL) 9.6'",), "PostgreSQL 9")]
)
def test_a_pg_dump_that_is_missing_or_too_old_is_refused(
    installation: Installation, settings: Any, tmp_path: Path, lines: tuple[str, ...], has: str
):
    settings.POSTGRES_PROGRAMS = tmp_path / "programs"
    if lines:
        program(settings.POSTGRES_PROGRAMS, "pg_dump", *lines)
    error = back_up(installation).error
    assert error["code"] == "program_missing"
    assert has in error["message"]


@pytest.mark.postgresql
def test_a_pg_dump_that_fails_is_told_without_its_words(installation: Installation, settings: Any, tmp_path: Path):
    settings.POSTGRES_PROGRAMS = tmp_path / "programs"
    version = "[ \"$1\" = --version ] && echo 'pg_dump (PostgreSQL) 99.1' && exit"
    program(settings.POSTGRES_PROGRAMS, "pg_dump", version, "echo 'Ann Bee: No space left on device' >&2", "exit 1")
    error = back_up(installation).error
    assert (error["code"], error["message"]) == ("program_failed", "pg_dump failed: a disk is full.")
    assert list(installation.backups.iterdir()) == []


@pytest.mark.postgresql
def test_a_restore_that_fails_in_the_middle_leaves_the_database_empty(
    installation: Installation,
    new_database: NewDatabase,
    settings: Any,
    tmp_path: Path,
    elsewhere: Callable[[], None],
):
    """As it writes rows the database's disk is full: here the true pg_restore is given the first half of them."""
    file = installation.back_up()
    elsewhere()
    real = Path(os.environ["PAYERWATCH_POSTGRES_PROGRAMS"]) / "pg_restore"
    settings.POSTGRES_PROGRAMS = tmp_path / "programs"
    version = f'[ "$1" = --version ] && exec {real} --version'
    program(settings.POSTGRES_PROGRAMS, "pg_restore", version, f'head -c 200000 | {real} "$@"')
    with leading_to(new_database()):
        assert restore(file).error["code"] == "program_failed"
        assert schema_as_text() == []
        settings.POSTGRES_PROGRAMS = real.parent
        assert restore(file).code == 0


@pytest.mark.postgresql
def test_roles_of_other_names_are_refused(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, new_database: NewDatabase
):
    file = backup_that_says(installation, monkeypatch, lambda said: said.update(app_role="somebody"))
    with leading_to(new_database()):
        error = restore(file).error
        assert error["code"] == "roles_differ"
        assert "somebody" in error["message"]
        assert schema_as_text() == []
