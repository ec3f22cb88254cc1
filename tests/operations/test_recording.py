"""Every command that changes something, is refused, or shows claims leaves exactly one entry."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import QuerySet

from payerwatch.audit.models import Entry, InstallationEntry
from payerwatch.audit.queries import migrations_on_record
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests import make
from tests.make import answer, claims_file, row, upload

pytestmark = pytest.mark.django_db


@pytest.fixture
def practice() -> Customer:
    return make.customer()


def latest(practice: Customer) -> tuple[str, str, str, str, Any]:
    with acting_in(practice):
        entry = Entry.objects.latest("position")
    return entry.verb, entry.thing_kind, entry.thing_id, entry.outcome, json.loads(entry.detail or "null")


def count(practice: Customer) -> int:
    with acting_in(practice):
        return Entry.objects.count()


def test_adding_a_customer_begins_its_chain_and_is_on_the_installations(practice: Customer):
    thing = ("add", "customer", practice.public_id, "done")
    assert latest(practice)[:4] == thing
    entry = InstallationEntry.objects.latest("position")
    assert (entry.verb, entry.thing_kind, entry.thing_id, entry.outcome) == thing


def test_a_customer_refused_is_on_the_installations_record(practice: Customer):
    answer("add_customer", "Practice", customer=None)
    entry = InstallationEntry.objects.latest("position")
    assert (entry.verb, entry.outcome, json.loads(entry.detail)) == (
        "add", "refused", {"after": {"code": "customer_exists"}},
    )  # fmt: skip
    assert count(practice) == 1


def test_a_load_is_one_entry(practice: Customer, tmp_path: Path):
    loaded = upload(tmp_path, [row(), row(number="C2"), row(number="C3", billed="x")])
    verb, kind, thing_id, outcome, detail = latest(practice)
    assert (verb, kind, thing_id, outcome) == ("load", "upload", loaded["upload"], "done")
    digest = detail["after"].pop("digest")
    assert len(digest) == 64
    assert detail["after"] == {
        "rows": 3, "accepted": 2, "set_aside": 1, "new_claims": 2, "updated_claims": 0, "unchanged_claims": 0,
        "already_loaded": False, "dry_run": False,
    }  # fmt: skip
    assert count(practice) == 2


def test_a_file_loaded_already_is_an_entry_that_says_so(practice: Customer, tmp_path: Path):
    loaded = upload(tmp_path, [row()])
    upload(tmp_path, [row()])
    verb, _, thing_id, _, detail = latest(practice)
    assert (verb, thing_id, detail["after"]["already_loaded"]) == ("load", loaded["upload"], True)
    assert count(practice) == 3


def test_a_dry_run_is_an_entry_that_names_no_upload(practice: Customer, tmp_path: Path):
    upload(tmp_path, [row()], "--dry-run")
    verb, _, thing_id, outcome, detail = latest(practice)
    assert (verb, thing_id, outcome, detail["after"]["dry_run"]) == ("load", "", "done", True)


def test_a_load_that_was_refused_leaves_the_code_alone(practice: Customer, tmp_path: Path):
    answer("load", claims_file(tmp_path, [row(billed="secret")]))
    assert latest(practice) == ("load", "upload", "", "refused", {"after": {"code": "nothing_accepted"}})


def test_an_undo_is_one_entry(practice: Customer, tmp_path: Path):
    loaded = upload(tmp_path, [row(), row(number="C2")])
    answer("undo", loaded["upload"])
    assert latest(practice) == (
        "undo", "upload", loaded["upload"], "done",
        {
            "before": {"state": "loaded"},
            "after": {"state": "undone", "removed_claims": 2, "restored_claims": 0, "events_set_back": 0},
        },
    )  # fmt: skip
    answer("undo", loaded["upload"])
    assert latest(practice)[2:] == (loaded["upload"], "refused", {"after": {"code": "upload_already_undone"}})


def test_what_was_typed_instead_of_an_id_is_not_kept(practice: Customer):
    answer("undo", "Jane Doe 1970-01-01")
    assert latest(practice) == ("undo", "upload", "", "refused", {"after": {"code": "unknown_upload"}})


def test_a_mapping_is_one_entry_with_what_was_before(practice: Customer, tmp_path: Path):
    upload(tmp_path, [row(payer="Aetna"), row(number="C2", payer="Cigna")])
    answer("map_payer", "Aetna", "Cigna")
    verb, kind, thing_id, _, detail = latest(practice)
    assert (verb, kind, thing_id.startswith("map_")) == ("map", "payer_mapping", True)
    assert detail == {"before": {"payer": "Aetna"}, "after": {"payer": "Cigna"}}
    answer("map_cpt_group", "97110", "therapy")
    answer("map_cpt_group", "97110", "rehab")
    _, kind, _, _, detail = latest(practice)
    assert (kind, detail) == (
        "cpt_group_mapping",
        {
            "before": {"cpt_group": "therapy"},
            "after": {"code_from": "97110", "code_to": "97110", "cpt_group": "rehab"},
        },
    )
    assert count(practice) == 5


@pytest.mark.parametrize(
    ("command", "kind", "code"),
    [
        (("map_payer", "?", "!"), "payer_mapping", "payer_name_unusable"),
        (("map_cpt_group", "x", "y"), "cpt_group_mapping", "code_range_unusable"),
        (("detect",), "drift_run", "nothing_to_judge"),
    ],
)
def test_a_refusal_is_one_entry(practice: Customer, command: tuple[str, ...], kind: str, code: str):
    assert answer(*command).code == 1
    assert latest(practice)[1:] == (kind, "", "refused", {"after": {"code": code}})
    assert count(practice) == 2


def test_a_run_is_one_entry_and_so_is_its_repetition(practice: Customer, tmp_path: Path):
    upload(tmp_path, [row()])
    run = answer("detect").document
    said = {"as_of_week": run["as_of_week"], "repeated": False, "opened": 0, "updated": 0, "closed": 0}
    assert latest(practice) == ("detect", "drift_run", run["run"], "done", {"after": said})
    answer("detect")
    assert latest(practice)[4]["after"]["repeated"]
    assert count(practice) == 4


def entries(**said: object) -> QuerySet[Entry]:
    return Entry.objects.filter(**said).order_by("-position")


def test_entries_are_found_by_what_they_say(practice: Customer, tmp_path: Path):
    loaded = upload(tmp_path, [row()])
    answer("undo", loaded["upload"])
    answer("undo", loaded["upload"])
    with acting_in(practice):
        every = list(entries())
        assert [entry.position for entry in every] == [4, 3, 2, 1]
        assert [entry.public_id for entry in entries(position__lt=3)] == ["ent_2", "ent_1"]
        assert [entry.position for entry in entries(thing_id=loaded["upload"], outcome="done")] == [3, 2]
        assert [entry.position for entry in entries(verb="undo", outcome="refused")] == [4]
        assert [entry.position for entry in entries(at__gte=every[1].at, at__lt=every[0].at)] == [3]
        assert list(entries(actor_id="per_nobody")) == []


@pytest.mark.django_db(transaction=True)
def test_every_migration_applied_is_on_record():
    call_command("migrate", verbosity=0)
    known = migrations_on_record()
    assert {"audit.0001_initial", "tenancy.0001_initial"} <= known
    before = InstallationEntry.objects.count()
    call_command("migrate", verbosity=0)
    assert (migrations_on_record(), InstallationEntry.objects.count()) == (known, before)
