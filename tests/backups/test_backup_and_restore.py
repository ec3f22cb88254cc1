"""What is backed up is there again: counts, chains and constraints as they were, and the application works on it."""

import errno
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.db import OperationalError, connection
from django.test import Client

from payerwatch.audit.models import Entry, InstallationEntry
from payerwatch.backups import making
from payerwatch.backups.contents import Contents, contents_of
from payerwatch.health.models import Backup
from payerwatch.tenancy.connections import leading_to
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from payerwatch.tenancy.postgresql.roles import as_migrator
from tests import make
from tests.backups.conftest import CLAIMS, Installation, as_owner
from tests.tenancy.schema import schema_as_text

pytestmark = pytest.mark.django_db(transaction=True)

NewDatabase = Callable[[], str]


def contents() -> Contents:
    """What is there now, as the owner of the tables sees it."""
    with as_migrator(), connection.cursor() as cursor:

        def ask(query: str) -> Any:
            cursor.execute(query)
            return cursor.fetchall()

        return contents_of(ask, connection.vendor, lambda *_told: None)


def restore(file: Path) -> make.Answered:
    return make.answer("restore", file, customer=None)


def test_all_of_it_is_there_again_and_the_application_works_on_it(
    installation: Installation, new_database: NewDatabase, elsewhere: Callable[[], None]
):
    schema, before = schema_as_text(), contents()
    file = installation.back_up()
    make.customer("Later")  # is not in it
    elsewhere()
    with leading_to(new_database()):
        done = restore(file)
        assert done.code == 0, done.document
        after = contents()
        assert {table: rows for table, rows in after.rows.items() if before.rows[table] != rows} == {
            "audit_installationentry": before.rows["audit_installationentry"] + 1
        }
        assert after.migrations == before.migrations
        assert schema_as_text() == schema
        assert InstallationEntry.objects.order_by("position").last().verb == "restore"
        read = Client().get("/api/v1/claims/", headers={"authorization": f"Bearer {installation.key}"})
        assert (read.status_code, len(read.json()["results"])) == (200, CLAIMS)
        make.customer("Later")  # its number is free: sequences go on where they were


def test_the_record_of_what_was_restored_verifies_with_the_checkpoints_in_the_backup(
    installation: Installation, new_database: NewDatabase, elsewhere: Callable[[], None]
):
    file = installation.back_up()
    kept = len(list(configured.CHECKPOINT_DIR.glob("*.jsonl")))
    elsewhere()
    with leading_to(new_database()):
        assert restore(file).document["checkpoint_files"] == kept >= 3  # one for each chain and month
        verified = make.answer("verify_audit", customer=None)
        assert verified.code == 0, verified.document
        assert all(each["unvouched"] == 0 for each in verified.document["chains"])


def test_a_backup_is_one_private_file_in_which_nothing_can_be_read(installation: Installation):
    file = installation.back_up()
    assert [each.name for each in installation.backups.iterdir()] == [file.name]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert b"Practice" not in file.read_bytes()
    assert b"PGDMP" not in file.read_bytes()


def test_it_is_noted_and_recorded(installation: Installation):
    file = installation.back_up()
    [noted] = Backup.objects.all()
    assert noted.size_bytes == file.stat().st_size
    entry = InstallationEntry.objects.order_by("position").last()
    assert (entry.verb, entry.thing_kind, entry.thing_id) == ("back_up", "backup", noted.digest[:16])


def test_verifying_restores_elsewhere_says_how_long_it_took_and_leaves_nothing(installation: Installation):
    file = installation.back_up()
    before = contents()
    Backup.objects.all().delete()
    done = make.answer("verify_backup", file, customer=None)
    assert done.code == 0, done.document
    assert done.document["tables"]["claims_claim"] == CLAIMS + 3
    assert done.document["rpo_seconds"] >= 0
    assert done.document["rto_seconds"] > 0
    assert "RPO" in make.words("verify_backup", file, customer=None)
    assert contents().rows == before.rows | {"health_backup": 1}
    assert databases_or_files(installation) == []


def databases_or_files(installation: Installation) -> list[str]:
    """What a trial left behind."""
    if connection.vendor == "sqlite":
        return [each.name for each in (installation.backups.parent / "data").iterdir() if "backup" in each.name]
    made = f"{connection.settings_dict['NAME']}_verify"[:63]  # others that run now have theirs
    return [name for (name,) in as_owner("SELECT datname FROM pg_database") if name == made]


def test_only_the_newest_are_kept_and_other_files_are_left(installation: Installation):
    old = [installation.backups / f"payerwatch-2026010{day}T000000Z.backup" for day in range(1, 5)]
    for each in [*old, installation.backups / "notes.txt"]:
        each.touch()
    newest = installation.back_up("--keep", 3)
    assert {each.name for each in installation.backups.iterdir()} == {
        newest.name, old[2].name, old[3].name, "notes.txt"
    }  # fmt: skip


@pytest.mark.parametrize(("kept", "told"), [(2, "Removed 1 older one."), (1, "Removed 2 older ones.")])
def test_how_many_were_removed_is_told_in_words(installation: Installation, kept: int, told: str):
    for day in (1, 2):
        (installation.backups / f"payerwatch-2026010{day}T000000Z.backup").touch()
    assert make.words("backup", "--to", installation.backups, "--keep", kept, customer=None).endswith(told)


def test_the_one_just_made_stays_though_a_clock_was_ahead(installation: Installation):
    ahead = [installation.backups / f"payerwatch-2099010{day}T000000Z.backup" for day in (1, 2)]
    for each in ahead:
        each.touch()
    made = installation.back_up("--keep", 2)
    assert {each.name for each in installation.backups.iterdir()} == {made.name, ahead[1].name}
    made_later = installation.back_up("--keep", 1)
    assert [each.name for each in installation.backups.iterdir()] == [made_later.name]
    assert Backup.objects.count() == 2


def test_older_ones_that_cannot_be_removed_are_named_and_the_backup_is_made_and_noted(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
):
    """As in a directory to which is written once."""
    held, removed = (installation.backups / f"payerwatch-2026010{day}T000000Z.backup" for day in (2, 1))
    held.touch()
    removed.touch()
    unlink = Path.unlink

    def written_once(path: Path, **named: Any) -> None:
        if path == held:
            raise PermissionError(errno.EPERM, "Operation not permitted", str(path))
        unlink(path, **named)

    monkeypatch.setattr(Path, "unlink", written_once)
    done = make.answer("backup", "--to", installation.backups, "--keep", 1, customer=None)
    assert done.code == 0
    assert done.document["removed"] == [str(removed)]
    assert done.document["not_removed"] == [{"file": str(held), "why": "Operation not permitted"}]
    assert Path(done.document["file"]).exists()
    assert Backup.objects.get().digest == done.document["sha256"]
    assert InstallationEntry.objects.order_by("position").last().verb == "back_up"
    told = make.words("backup", "--to", installation.backups, "--keep", 1, customer=None)
    assert f"{held} was to be removed and is still there: Operation not permitted." in told


def test_nothing_is_removed_before_the_new_one_is_noted(installation: Installation, monkeypatch: pytest.MonkeyPatch):
    before = installation.backups / "payerwatch-20260101T000000Z.backup"
    before.touch()

    def failing(*_told: Any) -> None:
        raise OperationalError

    monkeypatch.setattr(making, "note_backup", failing)
    refused = make.answer("backup", "--to", installation.backups, "--keep", 1, customer=None)
    assert refused.error["code"] == "database_not_ready"
    assert before.exists()


def test_a_database_in_which_something_is_is_refused_and_what_is_there_is_named(
    installation: Installation, new_database: NewDatabase, elsewhere: Callable[[], None]
):
    file = installation.back_up()
    elsewhere()
    with leading_to(new_database()):
        assert restore(file).code == 0
        before = contents()
        refused = restore(file)
        assert refused.error["code"] == "database_not_empty"
        assert "alerts_alert" in refused.error["message"]
        assert contents() == before


def test_what_was_done_after_the_backup_is_not_lost_in_silence(
    installation: Installation, new_database: NewDatabase, elsewhere: Callable[[], None]
):
    file = installation.back_up()
    practice = Customer.objects.get(name="Practice")
    with acting_in(practice):
        length = Entry.objects.count()
    make.answer("issue_key", "--name", "later", "--scope", "claims.read")
    name = new_database()
    with leading_to(name):
        refused = restore(file)
        assert refused.error["code"] == "later_checkpoints"
        assert f"customer-{practice.pk} had {length + 1} entries, {length} in the backup" in refused.error["message"]
        elsewhere()
        assert restore(file).code == 0


@pytest.mark.parametrize("place", [200, -200])
def test_a_changed_byte_anywhere_restores_nothing(installation: Installation, new_database: NewDatabase, place: int):
    file = installation.back_up()
    text = bytearray(file.read_bytes())
    text[place] ^= 1
    file.write_bytes(text)
    refused_and_empty(file, new_database, "backup_changed")


def test_a_file_that_was_cut_restores_nothing(installation: Installation, new_database: NewDatabase):
    file = installation.back_up()
    file.write_bytes(file.read_bytes()[:-1])
    refused_and_empty(file, new_database, "backup_changed")


def test_another_key_restores_nothing(installation: Installation, new_database: NewDatabase, settings: Any):
    file = installation.back_up()
    settings.BACKUP_KEYS = [bytes(range(32))]
    refused_and_empty(file, new_database, "backup_under_another_key")


def refused_and_empty(file: Path, new_database: NewDatabase, code: str) -> None:
    with leading_to(new_database()):
        refused = restore(file)
        assert refused.error["code"] == code
        assert refused.error["fix"]
        assert restorable_still()


def restorable_still() -> bool:
    if connection.vendor == "sqlite":
        return not Path(connection.settings_dict["NAME"]).exists()
    return schema_as_text() == []


def test_without_a_key_nothing_is_written(installation: Installation, settings: Any):
    settings.BACKUP_KEYS = []
    refused = make.answer("backup", "--to", installation.backups, customer=None)
    assert refused.error["code"] == "backup_key_missing"
    assert list(installation.backups.iterdir()) == []


def test_a_key_is_made_on_request():
    assert len(make.answer("backup", "--new-key", customer=None).document["key"]) == 44
