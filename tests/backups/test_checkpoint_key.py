"""A backup of before the key that signs checkpoints was exchanged, and how it is restored."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.core.management import call_command

from payerwatch.audit.checkpointing import public_key_path
from payerwatch.tenancy.connections import leading_to
from tests import make
from tests.backups.conftest import Installation
from tests.backups.test_backup_and_restore import NewDatabase, restorable_still, restore

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def of_the_key_before(
    installation: Installation, settings: Any, tmp_path: Path, elsewhere: Callable[[], None]
) -> tuple[Path, Path]:
    """The backup, and the key of that day: since then it was exchanged as the documentation says."""
    settings.CHECKPOINT_KEY = before = tmp_path / "before.pem"
    call_command("migrate", verbosity=0)
    settings.CHECKPOINT_DIR = tmp_path / "of the key before"
    make.answer("add_customer", "Signed", customer=None)
    file = installation.back_up()
    settings.CHECKPOINT_KEY = tmp_path / "after.pem"
    elsewhere()
    call_command("migrate", verbosity=0)
    for each in configured.CHECKPOINT_DIR.iterdir():
        each.unlink()  # moved aside, as step 3 of a restore says
    return file, before


def test_it_is_refused_before_anything_is_restored(of_the_key_before: tuple[Path, Path], new_database: NewDatabase):
    file, _ = of_the_key_before
    with leading_to(new_database()):
        error = restore(file).error
        assert error["code"] == "checkpoint_key_differs"
        assert error["where"] == str(public_key_path())
        assert "--checkpoints-to" in error["fix"]
        assert restorable_still()
    assert list(configured.CHECKPOINT_DIR.iterdir()) == []


def test_it_is_refused_where_no_key_is_in_place(
    of_the_key_before: tuple[Path, Path], new_database: NewDatabase, settings: Any, tmp_path: Path
):
    settings.CHECKPOINT_KEY = tmp_path / "missing.pem"
    with leading_to(new_database()):
        assert "and there is no key" in restore(of_the_key_before[0]).error["message"]
        assert restorable_still()


def test_with_the_key_of_that_day_in_its_place_it_is_restored_and_its_record_verifies(
    of_the_key_before: tuple[Path, Path], new_database: NewDatabase, settings: Any
):
    file, settings.CHECKPOINT_KEY = of_the_key_before
    copied = public_key_path().read_bytes().replace(b"\n", b"\r\n")
    public_key_path().write_bytes(copied)
    with leading_to(new_database()):
        assert restore(file).code == 0
        verified = make.answer("verify_audit", "--unvouched", customer=None)
        assert verified.code == 0, verified.document


def test_with_its_checkpoints_kept_apart_it_is_restored_and_both_keys_verify_what_is_theirs(
    of_the_key_before: tuple[Path, Path], new_database: NewDatabase, tmp_path: Path
):
    apart = tmp_path / "apart"
    apart.mkdir()
    file, _ = of_the_key_before
    with leading_to(new_database()):
        done = make.answer("restore", file, "--checkpoints-to", apart, customer=None)
        assert (done.code, done.document["checkpoint_files"]) == (0, 0)
        assert make.answer("verify_audit", "--unvouched", customer=None).code == 0
        of_that_day = ("--checkpoints", apart, "--public-key", apart / "checkpoint_key.public.pem")
        verified = make.answer("verify_audit", *of_that_day, "--unvouched", customer=None)
        assert verified.code == 0, verified.document
        assert any(each["vouched_until"] for each in verified.document["chains"])


@pytest.mark.parametrize("is_made", [True, False])
def test_a_directory_that_is_missing_or_filled_is_refused_for_them(
    of_the_key_before: tuple[Path, Path], new_database: NewDatabase, tmp_path: Path, is_made: bool
):
    apart = tmp_path / "apart"
    if is_made:
        apart.mkdir()
        (apart / "customer-1.2026-01.jsonl").touch()
    with leading_to(new_database()):
        refused = make.answer("restore", of_the_key_before[0], "--checkpoints-to", apart, customer=None)
        assert refused.error["code"] == "checkpoints_not_apart"
        assert restorable_still()


def test_trying_it_tells_that_a_restore_needs_the_other_key(of_the_key_before: tuple[Path, Path], settings: Any):
    file, before = of_the_key_before
    done = make.answer("verify_backup", file, customer=None)
    assert (done.code, done.document["checkpoint_key_differs"]) == (0, True)
    assert "are signed with the key" in make.words("verify_backup", file, customer=None)
    settings.CHECKPOINT_KEY = before
    assert make.answer("verify_backup", file, customer=None).document["checkpoint_key_differs"] is False
