"""`undo`: what an upload did is taken back exactly, or not at all."""

from pathlib import Path
from typing import Any

import pytest

from payerwatch.claims.models import Claim, Payer, PayerMapping, ReplacedClaim, Upload
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests.claims.recount import assert_cells_are_right, stored_cells
from tests.make import answer, denied, pending, row, upload, words
from tests.make import customer as make_customer

pytestmark = pytest.mark.django_db


@pytest.fixture
def practice() -> Customer:
    return make_customer()


def stored(practice: Customer) -> dict[str, Any]:
    """Every claim, cell, payer and spelling, as it is."""
    with acting_in(practice):
        tables = (Claim, Payer, PayerMapping, ReplacedClaim)
        found: dict[str, Any] = {table.__name__: list(table.objects.order_by("pk").values()) for table in tables}
        return found | {"cells": stored_cells()}


def test_an_undo_restores_everything_as_it_was(practice: Customer, tmp_path: Path):
    upload(tmp_path, [pending(), row(number="C2"), denied(number="C3")])
    before = stored(practice)
    second = upload(
        tmp_path,
        [denied(), row(number="C2", paid="10.00", payer="Cigna"), denied(number="C3"), row(number="C4")],
        name="second.csv",
    )
    assert (second["new_claims"], second["updated_claims"], second["unchanged_claims"]) == (1, 2, 1)
    assert stored(practice) != before
    done = answer("undo", second["upload"])
    assert (done.code, done.document) == (
        0,
        {
            "upload": second["upload"],
            "removed_claims": 1,
            "restored_claims": 2,
            "events_set_back": 0,
            "repeated_by": [],
        },
    )
    assert stored(practice) == before
    assert_cells_are_right(practice)


def test_a_file_taken_back_can_be_loaded_again(practice: Customer, tmp_path: Path):
    first = upload(tmp_path, [row(), row(number="C2")])
    after = stored(practice)["cells"].values()
    answer("undo", first["upload"])
    again = answer("load", tmp_path / "claims.csv").document
    assert again["already_loaded"] is False
    assert again["upload"] != first["upload"]
    assert again["new_claims"] == 2
    assert sorted(stored(practice)["cells"].values()) == sorted(after)
    assert_cells_are_right(practice)


def test_an_upload_is_taken_back_once(practice: Customer, tmp_path: Path):
    first = upload(tmp_path, [row()])["upload"]
    answer("undo", first)
    assert answer("undo", first).error["code"] == "upload_already_undone"


def test_an_upload_whose_claims_were_changed_since_stays_and_the_later_ones_are_named(
    practice: Customer, tmp_path: Path
):
    first = upload(tmp_path, [pending(), pending(number="C2")])
    second = upload(tmp_path, [row()], name="february.csv")
    third = upload(tmp_path, [row(number="C2")], name="march.csv")
    before = stored(practice)
    error = answer("undo", first["upload"]).error
    assert error["code"] == "upload_changed_since"
    for later in (f"{second['upload']} (february.csv)", f"{third['upload']} (march.csv)"):
        assert later in error["where"]
    assert stored(practice) == before
    for each in (third, second, first):
        assert answer("undo", each["upload"]).code == 0
    with acting_in(practice):
        assert not Claim.objects.exists()
    assert stored(practice)["cells"] == {}


def test_claims_a_later_file_repeated_go_too_and_that_file_can_be_loaded_again(practice: Customer, tmp_path: Path):
    first = upload(tmp_path, [row(), row(number="C2")])
    second = upload(tmp_path, [row(), row(number="C3")], name="february.csv")
    assert (second["new_claims"], second["unchanged_claims"]) == (1, 1)
    undone = answer("undo", first["upload"]).document
    assert undone["repeated_by"] == [second["upload"]]
    again = answer("load", tmp_path / "february.csv").document
    assert again["already_loaded"] is False
    assert (again["new_claims"], again["unchanged_claims"]) == (1, 1)
    assert answer("load", tmp_path / "february.csv").document["already_loaded"] is True
    assert_cells_are_right(practice)


def test_a_person_is_told_which_files_to_load_again(practice: Customer, tmp_path: Path):
    first = upload(tmp_path, [row(), row(number="C2")])
    upload(tmp_path, [row()], name="february.csv")
    said = words("undo", first["upload"])
    assert "2 claims removed, 0 restored" in said
    assert "Load those again to be sure: february.csv" in said


def test_undo_is_right_whatever_was_mapped_in_between(practice: Customer, tmp_path: Path):
    upload(tmp_path, [row(payer="UHC"), denied(number="C2", payer="UHC", cpt="97110")])
    second = upload(tmp_path, [denied(payer="UHC"), row(number="C3", payer="Cigna", cpt="97140")], name="b.csv")
    answer("map_payer", "UHC", "UnitedHealthcare")
    answer("map_cpt_group", "97110-97150", "therapy")
    answer("map_cpt_group", "99213", "visits")
    answer("undo", second["upload"])
    with acting_in(practice):
        found = list(Claim.objects.order_by("claim_key").values_list("payer__name", "cpt_group", "outcome"))
    assert found == [("UnitedHealthcare", "visits", "paid"), ("UnitedHealthcare", "therapy", "denied")]
    assert_cells_are_right(practice)


def test_payers_that_only_the_upload_named_go_with_it(practice: Customer, tmp_path: Path):
    """A file read by the wrong column leaves no payers behind that would be suggested ever after."""
    upload(tmp_path, [row(payer="Aetna")])
    second = upload(tmp_path, [row(number="C2", payer="Aetna"), row(number="C3", payer="P00017")], name="b.csv")
    answer("undo", second["upload"])
    with acting_in(practice):
        assert [payer.name for payer in Payer.objects.all()] == ["Aetna"]
        assert [mapping.raw_name for mapping in PayerMapping.objects.all()] == ["Aetna"]


def test_what_a_person_mapped_stays_after_an_undo(practice: Customer, tmp_path: Path):
    first = upload(tmp_path, [row(payer="UHC")])
    answer("map_payer", "UHC", "UnitedHealthcare")
    answer("undo", first["upload"])
    upload(tmp_path, [row(payer="uhc")], name="b.csv")
    with acting_in(practice):
        assert Claim.objects.get().payer.name == "UnitedHealthcare"


def test_an_upload_unknown_is_refused_and_the_latest_are_named(practice: Customer, tmp_path: Path):
    first = upload(tmp_path, [row()])["upload"]
    error = answer("undo", "upl_nothing").error
    assert error["code"] == "unknown_upload"
    assert first in error["fix"]
    with acting_in(practice):
        assert Upload.objects.get().state == Upload.State.LOADED


def test_all_later_uploads_of_one_claim_are_named(practice: Customer, tmp_path: Path):
    first = upload(tmp_path, [pending()])
    second = upload(tmp_path, [row()], name="february.csv")
    third = upload(tmp_path, [denied()], name="march.csv")
    where = answer("undo", first["upload"]).error["where"]
    assert second["upload"] in where
    assert third["upload"] in where


def test_a_file_loaded_again_after_an_undo_brings_back_only_what_is_missing(practice: Customer, tmp_path: Path):
    first = upload(tmp_path, [pending(), pending(number="C2")])
    upload(tmp_path, [pending(), pending(number="C2"), pending(number="C3")], name="february.csv")
    other = upload(tmp_path, [row(number="X")], name="other.csv")
    third = upload(tmp_path, [row()], name="march.csv")
    answer("undo", other["upload"])
    before = stored(practice)
    again = answer("load", tmp_path / "claims.csv").document
    assert (again["already_loaded"], again["upload"]) == (True, first["upload"])
    assert stored(practice) == before
    answer("undo", third["upload"])
    answer("undo", first["upload"])
    back = answer("load", tmp_path / "february.csv").document
    assert (back["already_loaded"], back["new_claims"], back["updated_claims"]) == (False, 2, 0)
    assert_cells_are_right(practice)
