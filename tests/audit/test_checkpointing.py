"""After each commit one signed checkpoint of each chain is outside the database."""

import io
import json
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from django.core.management import call_command
from django.db import transaction

from payerwatch.audit import checkpointing
from payerwatch.audit.checkpointing import key_fingerprint, make_checkpoint_key, public_key_path
from payerwatch.audit.models import Entry, InstallationEntry
from payerwatch.audit.record import Thing, record, record_for_installation
from payerwatch.audit.verifying.checkpoints import read_checkpoints, read_public_key
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests import make
from tests.audit.conftest import LENGTH, act
from tests.make import answer, words

pytestmark = pytest.mark.django_db(transaction=True)

THING = Thing("upload")


@pytest.fixture
def own(practices: tuple[Customer, Customer]) -> Customer:
    return practices[0]


def positions(folder: Path, customer: Customer) -> list[int]:
    return [each.position for each in read_checkpoints(folder, f"customer-{customer.pk}")]


def file_of(folder: Path, customer: Customer) -> Path:
    [file] = folder.glob(f"customer-{customer.pk}.*")
    return file


def test_each_commit_writes_one_that_is_signed(own: Customer, checkpoints: Path):
    with acting_in(own):
        digests = [bytes(entry.digest).hex() for entry in Entry.objects.order_by("position")]
    written = read_checkpoints(checkpoints, f"customer-{own.pk}")
    assert [(each.position, each.digest) for each in written] == list(enumerate(digests, start=1))
    key = read_public_key(public_key_path())
    assert all(each.is_signed_with(key) for each in written)


def test_several_entries_of_one_transaction_have_one(own: Customer, checkpoints: Path):
    with acting_in(own):
        for _ in range(3):
            with acting_in(own):
                record("undo", THING, actor=make.ACTOR)
            record_for_installation("add", THING, actor=make.ACTOR)
    assert positions(checkpoints, own)[LENGTH:] == [LENGTH + 3]


def test_what_is_rolled_back_has_none(own: Customer, checkpoints: Path):
    with acting_in(own):
        record("undo", THING, actor=make.ACTOR)
        transaction.set_rollback(True)
    assert positions(checkpoints, own) == list(range(1, LENGTH + 1))


def test_what_a_savepoint_takes_back_hides_no_entry_before_it(own: Customer, checkpoints: Path):
    with acting_in(own):
        record("undo", THING, actor=make.ACTOR)
        with transaction.atomic():
            record("undo", THING, actor=make.ACTOR)
            transaction.set_rollback(True)
    assert positions(checkpoints, own)[LENGTH:] == [LENGTH + 1]
    assert answer("verify_audit", customer="Practice").code == 0


def test_one_that_cannot_be_written_is_an_error_and_the_change_stays(
    own: Customer, settings: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    (tmp_path / "file").write_text("in the way")
    settings.CHECKPOINT_DIR = tmp_path / "file"
    act(own)
    [logged] = caplog.records
    assert logged.levelno == logging.ERROR
    assert f"entry {LENGTH + 1} of customer-{own.pk} could not be written" in logged.getMessage()
    with acting_in(own):
        assert Entry.objects.count() == LENGTH + 1


def test_without_a_key_nothing_is_signed_and_the_change_stays(
    own: Customer, settings: Any, tmp_path: Path, checkpoints: Path, caplog: pytest.LogCaptureFixture
):
    settings.CHECKPOINT_KEY = tmp_path / "missing.pem"
    act(own)
    assert "payerwatch migrate" in caplog.text
    assert positions(checkpoints, own)[-1] == LENGTH


def test_with_a_key_under_a_password_nothing_is_signed_and_the_change_stays(
    own: Customer, settings: Any, tmp_path: Path, checkpoints: Path, caplog: pytest.LogCaptureFixture
):
    settings.CHECKPOINT_KEY = tmp_path / "under_a_password.pem"
    encrypted = BestAvailableEncryption(b"secret")
    settings.CHECKPOINT_KEY.write_bytes(
        Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encrypted)
    )
    act(own)
    assert "is under a password" in caplog.text
    assert positions(checkpoints, own)[-1] == LENGTH


def test_a_missing_checkpoint_is_covered_by_the_next(own: Customer, checkpoints: Path):
    file = file_of(checkpoints, own)
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[::5]))
    told = answer("verify_audit", customer="Practice")
    assert (told.code, told.document["chains"][0]["vouched_until"]) == (0, LENGTH - 1)


def spoil(line: str, **changes: object) -> str:
    return json.dumps(json.loads(line) | changes) + "\n"


@pytest.mark.parametrize(
    "changes",
    [{"signature": "00" * 64}, {"signature": "é"}, {"digest": "00" * 32}, {"position": 400}, {"chain": "customer-0"}],
    ids=lambda changes: next(iter(changes)),
)
def test_one_with_a_bad_signature_is_named(own: Customer, checkpoints: Path, changes: dict[str, object]):
    file = file_of(checkpoints, own)
    *lines, last = file.read_text().splitlines(keepends=True)
    file.write_text("".join([*lines, spoil(last, **changes)]))
    told = answer("verify_audit", customer="Practice")
    [problem] = told.document["chains"][0]["problems"]
    assert problem["kind"] == "checkpoint"
    assert f"{file.name}, line {LENGTH}" in problem["says"]


def test_an_older_one_that_was_changed_to_fit_a_rewriting_is_not_believed(own: Customer, checkpoints: Path):
    file = file_of(checkpoints, own)
    lines = file.read_text().splitlines(keepends=True)
    lines[4] = spoil(lines[4], digest="00" * 32)
    file.write_text("".join(lines))
    [problem] = answer("verify_audit", customer="Practice").document["chains"][0]["problems"]
    assert (problem["kind"], problem["position"]) == ("checkpoint", 5)


def test_a_line_that_cannot_be_read_is_named(own: Customer, checkpoints: Path):
    with file_of(checkpoints, own).open("a") as file:
        file.write('{"chain": \n')
    [problem] = answer("verify_audit", customer="Practice").document["chains"][0]["problems"]
    assert (problem["kind"], f"line {LENGTH + 1}" in problem["says"]) == ("checkpoint", True)


def test_one_that_is_not_signed_and_lies_beyond_the_end_cuts_nothing(own: Customer, checkpoints: Path):
    file = file_of(checkpoints, own)
    *lines, last = file.read_text().splitlines(keepends=True)
    file.write_text("".join([*lines, spoil(last, position=LENGTH + 5), last]))
    problems = answer("verify_audit", customer="Practice").document["chains"][0]["problems"]
    assert [(each["kind"], each["position"]) for each in problems] == [("checkpoint", LENGTH + 5)]


def test_a_line_that_was_torn_spoils_no_later_one(own: Customer, checkpoints: Path):
    file = file_of(checkpoints, own)
    file.write_text(file.read_text()[:-40])
    act(own, 2)
    told = answer("verify_audit", customer="Practice")
    [chain] = told.document["chains"]
    assert (told.code, chain["vouched_until"]) == (0, LENGTH + 2)
    assert [f"line {LENGTH}" in each["says"] for each in chain["warnings"]] == [True]
    assert f"{file.name}, line {LENGTH}" in words("verify_audit", customer="Practice")


def test_a_line_that_cannot_be_read_is_not_covered_by_one_that_is_not_signed(own: Customer, checkpoints: Path):
    file = file_of(checkpoints, own)
    *lines, last = file.read_text().splitlines(keepends=True)
    file.write_text("".join([*lines, "{torn\n", spoil(last, signature="00" * 64)]))
    assert answer("verify_audit", customer="Practice").code == 1


def test_a_new_key_where_there_are_entries_is_on_record_and_said(own: Customer, settings: Any, tmp_path: Path):
    settings.CHECKPOINT_KEY = tmp_path / "another.pem"
    heard = io.StringIO()
    call_command("migrate", verbosity=0, stderr=heard)
    assert "A new key for checkpoints was made" in heard.getvalue()
    entry = InstallationEntry.objects.get(verb="make_key")
    assert entry.thing_id == key_fingerprint()
    assert answer("verify_audit", customer="Practice").code == 1
    act(own)
    for file in settings.CHECKPOINT_DIR.iterdir():
        file.unlink()
    act(Customer.objects.get(name="Other"))
    act(own)
    record_for_installation("add", THING, actor=make.ACTOR)
    assert f"A new key for checkpoints was made ({entry.public_id}" in words("verify_audit", customer=None)
    call_command("migrate", verbosity=0)
    assert InstallationEntry.objects.filter(verb="make_key").count() == 1


def test_another_key_is_not_believed(own: Customer, settings: Any, tmp_path: Path):
    settings.CHECKPOINT_KEY = tmp_path / "another.pem"
    make_checkpoint_key()
    told = answer("verify_audit", "--public-key", public_key_path(), customer="Practice")
    assert told.document["chains"][0]["problems"][0]["kind"] == "checkpoint"


def test_a_copy_of_the_checkpoints_shows_what_the_changed_ones_hide(own: Customer, checkpoints: Path, tmp_path: Path):
    copy = shutil.copytree(checkpoints, tmp_path / "copy")
    file = file_of(copy, own)
    file.write_text(file.read_text() + file.read_text().splitlines(keepends=True)[-1].replace("customer", "custom"))
    assert answer("verify_audit", customer="Practice").code == 0
    assert answer("verify_audit", "--checkpoints", copy, customer="Practice").code == 1


def test_a_key_that_cannot_be_read_is_refused(own: Customer, tmp_path: Path):
    (tmp_path / "no.pem").write_text("no key")
    for path in (tmp_path / "no.pem", tmp_path / "missing.pem"):
        assert answer("verify_audit", "--public-key", path, customer=None).error["code"] == "public_key_unreadable"


def test_the_key_is_made_once_and_for_its_owner_alone(settings: Any, tmp_path: Path):
    settings.CHECKPOINT_KEY = tmp_path / "new" / "key.pem"
    make_checkpoint_key()
    key, public = settings.CHECKPOINT_KEY.read_bytes(), public_key_path().read_bytes()
    assert settings.CHECKPOINT_KEY.stat().st_mode & 0o777 == 0o600
    make_checkpoint_key()
    assert (settings.CHECKPOINT_KEY.read_bytes(), public_key_path().read_bytes()) == (key, public)
    assert sorted(file.name for file in settings.CHECKPOINT_KEY.parent.iterdir()) == ["key.pem", "key.public.pem"]


def test_the_public_key_is_put_beside_a_key_whose_maker_was_stopped_before(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    settings.CHECKPOINT_KEY = tmp_path / "key.pem"
    make_checkpoint_key()
    settings.CHECKPOINT_KEY.unlink()  # exchanged, with the public key of the one before beside it
    with monkeypatch.context() as patch:
        patch.setattr(checkpointing, "_put_public_key_beside", interrupted)
        with pytest.raises(KeyboardInterrupt):
            make_checkpoint_key()
    assert make_checkpoint_key() is False
    signed = load_pem_private_key(settings.CHECKPOINT_KEY.read_bytes(), password=None)
    assert load_pem_public_key(public_key_path().read_bytes()) == signed.public_key()


def test_a_key_that_somebody_put_there_and_that_cannot_be_used_is_left_as_it_is(settings: Any, tmp_path: Path):
    settings.CHECKPOINT_KEY = tmp_path / "key.pem"
    settings.CHECKPOINT_KEY.write_text("no key")
    assert make_checkpoint_key() is False
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["key.pem"]


def interrupted(_path: Path) -> None:
    raise KeyboardInterrupt
