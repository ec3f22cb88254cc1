"""The record as a file, with the proof that it is whole, and the verifier that needs no product."""

import csv
import json
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from payerwatch.audit.actors import Actor
from payerwatch.audit.checkpointing import public_key_path
from payerwatch.audit.exports import begin_export
from payerwatch.audit.models import Entry, InstallationEntry
from payerwatch.audit.record import Thing, record
from payerwatch.audit.verifying.definition import CONTENT, entry_digest, microseconds
from payerwatch.tenancy.context import acting_customer_id, acting_in
from payerwatch.tenancy.models import Customer
from tests import make
from tests.audit.conftest import LENGTH, act
from tests.make import answer

pytestmark = pytest.mark.django_db(transaction=True)

# As where the product is not installed: neither Django nor a database driver can be imported.
ALONE = (
    "import runpy, sys; sys.modules.update(django=None, psycopg=None); "
    "runpy.run_module('payerwatch.audit.verifying', run_name='__main__', alter_sys=True)"
)


@pytest.fixture
def own(practices: tuple[Customer, Customer]) -> Customer:
    return practices[0]


@pytest.fixture
def exported(own: Customer, tmp_path: Path) -> Path:
    path = tmp_path / "record.jsonl"
    done = answer("export_audit", "--out", path)
    assert (done.code, done.document["entries"], done.document["file"]) == (0, LENGTH, str(path))
    assert path.stat().st_mode & 0o777 == 0o600
    return path


def verify(path: Path, *options: object) -> tuple[int, str]:
    command = [sys.executable, "-c", ALONE, str(path), *map(str, options)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def edit(path: Path, change: object) -> None:
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(change(lines)))


def test_an_export_is_verified_without_the_product(exported: Path, checkpoints: Path):
    code, said = verify(exported, "--checkpoints", checkpoints, "--public-key", public_key_path())
    assert code == 0, said
    assert f"{LENGTH} entries (1 to {LENGTH}), each as it was written" in said
    assert "as the signature at the end shows" in said


def test_without_the_key_nothing_is_said_of_who_wrote_the_entries(exported: Path):
    code, said = verify(exported)
    assert (code, "were not checked" in said, "as it was written" in said) == (3, True, False)


def forged(lines: list[str]) -> list[str]:
    """Another name in an entry, every digest after it computed anew, and the proof made to fit."""
    *said, told = map(json.loads, lines)
    proof, previous = told["proof"], bytes(32)
    for entry in said:
        entry["actor_name"] = "Somebody Else"
        at = microseconds(datetime.fromisoformat(entry["at"]))
        content = [entry[name] for name in CONTENT]
        digest = entry_digest(previous, entry["position"], at, entry["customer"], content)
        entry["previous"], entry["digest"], previous = previous.hex(), digest.hex(), digest
    proof |= {"digest": previous.hex(), "checkpoint": None}
    return [json.dumps(each) + "\n" for each in (*said, {"proof": proof})]


@pytest.mark.parametrize("signature", ["as it was", "", None, "00" * 64])
def test_a_forged_export_does_not_stand_before_the_key(exported: Path, checkpoints: Path, signature: str | None):
    def forge(lines: list[str]) -> list[str]:
        *said, told = forged(lines)
        proof = json.loads(told)["proof"]
        proof["signature"] = proof["signature"] if signature == "as it was" else signature
        return [*said, json.dumps({"proof": proof}) + "\n"]

    edit(exported, forge)
    code, said = verify(exported, "--public-key", public_key_path())
    assert (code, "[unvouched]" in said) == (1, True), said
    code, said = verify(exported, "--public-key", public_key_path(), "--checkpoints", checkpoints)
    assert (code, "rewritten" in said) == (1, True), said
    assert verify(exported)[0] == 3


def test_a_part_cannot_pose_as_the_whole(exported: Path):
    def shorten(lines: list[str]) -> list[str]:
        *said, told = lines
        proof = json.loads(told)["proof"] | {"first": 4, "previous": json.loads(said[2])["digest"], "checkpoint": None}
        return [*said[3:], json.dumps({"proof": proof}) + "\n"]

    edit(exported, shorten)
    assert verify(exported, "--public-key", public_key_path())[0] == 1


def test_an_export_that_could_not_be_signed_is_vouched_for_by_the_checkpoints(
    own: Customer, checkpoints: Path, settings: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    public = public_key_path()
    export = begin_export(own, actor=make.ACTOR, form="jsonl")
    settings.CHECKPOINT_KEY = tmp_path / "missing.pem"
    path = tmp_path / "record.jsonl"
    path.write_text("".join(export.lines()))
    assert "could not be signed" in caplog.text
    assert verify(path, "--public-key", public, "--checkpoints", checkpoints)[0] == 0


def test_a_proof_that_names_another_last_entry_is_detected(exported: Path):
    def rename(lines: list[str]) -> list[str]:
        return [*lines[:-1], json.dumps({"proof": json.loads(lines[-1])["proof"] | {"digest": "00" * 32}}) + "\n"]

    edit(exported, rename)
    code, said = verify(exported)
    assert (code, f"Entry {LENGTH} is not the entry that the head" in said) == (1, True), said


CHANGES = {
    "edited": (lambda lines: [*lines[:4], lines[4].replace("upl_3", "upl_9"), *lines[5:]], "Entry 5 was changed"),
    "deleted": (lambda lines: lines[:4] + lines[5:], "Entry 5 is missing"),
    "reordered": (lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]], "Entry 5 does not stand in its place"),
    "repeated": (lambda lines: [*lines[:5], *lines[4:]], "Entry 6 is not there: entry 5 stands in its place again"),
    "cut": (lambda lines: [*lines[:-4], lines[-1]], f"Entry {LENGTH - 2} is missing"),
    "emptied": (lambda lines: lines[-1:], "Entry 1 is missing"),
    "another's": (
        lambda lines: [lines[0].replace('"customer": ', '"customer": 9'), *lines[1:]],
        "belongs to customer-9",
    ),
    "without its proof": (lambda lines: lines[:-1], "There is no proof on the last line"),
    "not an export": (lambda lines: ["[]\n", *lines[1:]], "Line 1 is neither"),
    "with a proof of nothing": (lambda lines: [*lines[:-1], '{"proof": {"first": 1}}\n'], "cannot be read"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_export_is_detected(exported: Path, change: str):
    edit(exported, CHANGES[change][0])
    code, said = verify(exported, "--public-key", public_key_path())
    assert (code, CHANGES[change][1] in said) == (1, True), said


def test_a_file_that_is_not_there_is_refused(exported: Path, tmp_path: Path):
    assert verify(tmp_path / "missing.jsonl")[0] == 1
    assert verify(exported, "--public-key", exported)[0] == 1


def test_the_export_is_itself_recorded(own: Customer, exported: Path):
    with acting_in(own):
        entry = Entry.objects.latest("position")
    assert (entry.position, entry.verb, entry.thing_kind) == (LENGTH + 1, "export", "entry")
    assert json.loads(entry.detail)["after"] == {
        "form": "jsonl", "since": None, "until": None, "first": 1, "last": LENGTH, "count": LENGTH,
    }  # fmt: skip


def test_a_part_is_verified_too(own: Customer, tmp_path: Path, checkpoints: Path):
    with acting_in(own):
        times = list(Entry.objects.order_by("position").values_list("at", flat=True))
    export = begin_export(own, actor=make.ACTOR, form="jsonl", since=times[3], until=times[8])
    assert (export.first, export.last) == (4, 8)
    path = tmp_path / "part.jsonl"
    path.write_text("".join(export.lines()))
    assert verify(path, "--checkpoints", checkpoints, "--public-key", public_key_path())[0] == 0
    edit(path, lambda lines: [*lines[:-2], lines[-1]])
    assert "Entry 8 is missing" in verify(path)[1]


def test_days_choose_the_entries(own: Customer, tmp_path: Path):
    with acting_in(own):
        first, *_, last = (at.date() for at in Entry.objects.order_by("position").values_list("at", flat=True))
    chosen = answer("export_audit", "--out", tmp_path / "a", "--from", first, "--to", last).document
    none = answer("export_audit", "--out", tmp_path / "b", "--from", last + timedelta(days=2)).document
    before = answer("export_audit", "--out", tmp_path / "c", "--to", first - timedelta(days=2)).document
    assert (chosen["entries"], none["entries"], before["entries"]) == (LENGTH, 0, 0)
    assert verify(tmp_path / "b", "--public-key", public_key_path())[0] == 0
    assert verify(tmp_path / "c", "--public-key", public_key_path())[0] == 0


@pytest.fixture
def spreadsheet(own: Customer, tmp_path: Path) -> Path:
    with acting_in(own):
        record("read", Thing("claim"), actor=Actor("person", name="=1+1", address="@x", request_id="-2", role="'=3"))
    assert answer("export_audit", "--format", "csv", "--out", tmp_path / "record.csv").code == 0
    return tmp_path / "record.csv"


def test_a_csv_has_no_formula_and_the_proof_on_its_last_row(spreadsheet: Path):
    with spreadsheet.open(newline="") as file:
        *rows, proof = csv.reader(file)
    last = dict(zip(rows[0], rows[-1], strict=True))
    assert len(rows) == 1 + LENGTH + 1
    assert (last["actor_name"], last["address"], last["request_id"], last["role"]) == ("'=1+1", "'@x", "'-2", "''=3")
    assert (proof[0], json.loads(proof[1])["digest"]) == ("proof", last["digest"])


def test_a_csv_is_verified_as_it_stands(spreadsheet: Path, checkpoints: Path):
    code, said = verify(spreadsheet, "--public-key", public_key_path(), "--checkpoints", checkpoints)
    assert (code, f"{LENGTH + 1} entries" in said) == (0, True), said
    assert verify(spreadsheet)[0] == 3


CSV_CHANGES = {
    "edited": (lambda lines: [*lines[:5], lines[5].replace("upl_3", "upl_9"), *lines[6:]], "Entry 5 was changed"),
    "deleted": (lambda lines: lines[:5] + lines[6:], "Entry 5 is missing"),
    "without its proof": (lambda lines: lines[:-1], "There is no proof on the last line"),
    "not an export": (lambda lines: [lines[0], "a,b\n", *lines[1:]], "Line 2 is neither"),
    "with a proof of nothing": (lambda lines: [*lines[:-1], "proof,{\n"], "neither an entry nor the proof"),
}


@pytest.mark.parametrize("change", CSV_CHANGES)
def test_a_changed_csv_is_detected(spreadsheet: Path, change: str):
    edit(spreadsheet, CSV_CHANGES[change][0])
    code, said = verify(spreadsheet, "--public-key", public_key_path())
    assert (code, CSV_CHANGES[change][1] in said) == (1, True), said


def test_the_installations_record_is_exported_too(own: Customer, tmp_path: Path):
    path = tmp_path / "installation.jsonl"
    told = answer("export_audit", "--installation", "--out", path, customer=None)
    assert told.code == 0
    entry = InstallationEntry.objects.latest("position")
    assert (entry.position, entry.verb, entry.thing_kind) == (told.document["last"] + 1, "export", "installation_entry")
    code, said = verify(path, "--public-key", public_key_path())
    assert (code, "installation: " in said) == (0, True), said


def test_a_file_that_is_there_is_never_overwritten_nor_the_export_recorded(own: Customer, exported: Path):
    assert answer("export_audit", "--out", exported).error["code"] == "export_not_writable"
    with acting_in(own):
        assert Entry.objects.count() == LENGTH + 1


def test_reading_an_export_leaves_the_customer_between_lines(own: Customer):
    lines = begin_export(own, actor=make.ACTOR, form="jsonl").lines()
    for _ in lines:
        assert acting_customer_id() is None


def test_entries_written_during_an_export_are_left_out(own: Customer, tmp_path: Path):
    export = begin_export(own, actor=make.ACTOR, form="jsonl")
    act(own, 3)
    path = tmp_path / "record.jsonl"
    path.write_text("".join(export.lines()))
    assert len(path.read_text().splitlines()) == LENGTH + 1
    assert verify(path, "--public-key", public_key_path())[0] == 0
