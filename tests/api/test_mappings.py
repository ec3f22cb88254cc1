"""Payers, their spellings and groups of codes over the API: claims and cells follow, and it is on the record."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from payerwatch.audit.models import Entry
from payerwatch.claims.models import Claim
from payerwatch.tenancy.context import acting_in
from tests.api.loaded import Loaded
from tests.claims.recount import assert_cells_are_right
from tests.make import denied, row, upload, words
from tests.web.asking import but_the_trace

pytestmark = pytest.mark.django_db(transaction=True)


def claims(practice: Loaded, column: str) -> dict[str, str]:
    with acting_in(practice.customer):
        return dict(Claim.objects.values_list("claim_key", column))


def newest_entry(practice: Loaded) -> tuple[str, str, str, Any]:
    with acting_in(practice.customer):
        entry = Entry.objects.order_by("-position")[0]
    return entry.verb, entry.thing_kind, entry.thing_id, json.loads(but_the_trace(entry.detail))


def mapping_of(practice: Loaded, spelling: str) -> dict[str, Any]:
    [found] = [each for each in practice.get("payer-mappings/")["results"] if each["raw_name"] == spelling]
    return dict(found)


# Payers


def test_a_payer_is_shown_with_its_spellings_and_claims(practice: Loaded, tmp_path: Path):
    upload(tmp_path, [row(), row(number="C2", payer="UHC", submitted="2026-01-14"), row(number="C3", billed="0")])
    words("map_payer", "AETNA Inc", "Aetna")
    aetna, uhc = practice.get("payers/")["results"]
    assert (aetna["name"], aetna["spellings"], aetna["claims"]) == ("Aetna", 2, 1)
    assert (uhc["name"], uhc["spellings"], uhc["last_submitted_week"]) == ("UHC", 1, "2026-01-12")
    assert practice.get(f"payers/{uhc['id']}/") == uhc


def test_a_payer_without_claims_has_none(practice: Loaded):
    words("map_payer", "UHC", "UnitedHealthcare")
    [payer] = practice.get("payers/")["results"]
    assert (payer["claims"], payer["last_submitted_week"]) == (0, None)


@pytest.mark.parametrize(("text", "found"), [("ET-na", 1), ("%", 0), ("_", 0), ("cigna", 0), ("--", 0)])
def test_a_payer_is_found_by_part_of_its_name(practice: Loaded, tmp_path: Path, text: str, found: int):
    upload(tmp_path, [row()])
    assert len(practice.get("payers/", search=text)["results"]) == found
    assert len(practice.get("payer-mappings/", search=text)["results"]) == found


# Spellings


def test_a_spelling_mapped_takes_its_claims_and_cells_along(practice: Loaded, tmp_path: Path):
    upload(tmp_path, [row(payer="UnitedHealthcare"), denied(number="C2", payer="UHC")])
    path = f"payer-mappings/{mapping_of(practice, 'UHC')['id']}/"
    answer = practice.ask("PATCH", path, {"payer": "UnitedHealthcare"})
    assert (answer.status, answer.document["payer"]) == (200, "UnitedHealthcare")
    assert set(claims(practice, "payer__name").values()) == {"UnitedHealthcare"}
    assert_cells_are_right(practice.customer)


def test_a_payers_id_is_not_taken_for_its_name(practice: Loaded, tmp_path: Path):
    upload(tmp_path, [row()])
    [aetna] = practice.get("payers/")["results"]
    for given in (aetna["id"], aetna["id"].upper(), "pyr_987654321"):
        answer = practice.ask("POST", "payer-mappings/", {"raw_name": "Aet", "payer": given})
        assert (answer.status, answer.document["code"]) == (400, "payer_name_unusable")
        assert answer.document["fix"] == "Give the payer's name."
    assert practice.get("payers/")["results"] == [aetna]


def test_a_spelling_never_seen_is_new(practice: Loaded, tmp_path: Path):
    answer = practice.ask("POST", "payer-mappings/", {"raw_name": "UHC", "payer": "UnitedHealthcare"})
    assert answer.status == 201
    assert practice.get(f"payer-mappings/{answer.document['id']}/") == answer.document
    upload(tmp_path, [row(payer="U.H.C.")])
    assert claims(practice, "payer__name") == {"C1": "UnitedHealthcare"}


@pytest.fixture
def no_remapping(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From when it is called, nothing of claims, cells or findings may be touched."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("remapped")

    def from_now_on() -> None:
        for name in ("runoff.count_spelling", "runoff.count_codes", "claims.map_payer", "claims.map_cpt_group"):
            monkeypatch.setattr(f"payerwatch.pipeline.{name}", refuse)
        monkeypatch.setattr("payerwatch.pipeline.note_remapping", refuse)

    return from_now_on


@pytest.mark.parametrize("payer", ["UnitedHealthcare", "united  HEALTHCARE", "UHC of Texas"])
def test_what_means_this_payer_already_is_given_again_and_left_alone(
    practice: Loaded, no_remapping: Callable[[], None], payer: str
):
    words("map_payer", "UHC", "UnitedHealthcare")
    words("map_payer", "UHC of Texas", "UnitedHealthcare")
    no_remapping()
    answer = practice.ask("POST", "payer-mappings/", {"raw_name": "u.h.c.", "payer": payer})
    assert (answer.status, answer.document) == (200, mapping_of(practice, "UHC"))


@pytest.mark.parametrize("payer", ["Aetna", "UHC", "Never Heard Of"])
def test_what_means_another_payer_is_changed_only_at_its_own_address(
    practice: Loaded, no_remapping: Callable[[], None], payer: str
):
    words("map_payer", "UHC", "UnitedHealthcare")
    words("map_payer", "Aetna", "Aetna")
    before, payers = mapping_of(practice, "UHC"), practice.get("payers/")["results"]
    no_remapping()
    answer = practice.ask("POST", "payer-mappings/", {"raw_name": "uhc", "payer": payer})
    assert (answer.status, answer.document["code"]) == (409, "mapped_already")
    assert "PATCH it with If-Match of its ETag" in answer.document["fix"]
    assert before["id"] in answer.document["fix"]
    assert newest_entry(practice) == ("map", "payer_mapping", "", {"after": {"code": "mapped_already", "status": 409}})
    assert (mapping_of(practice, "UHC"), practice.get("payers/")["results"]) == (before, payers)


def test_a_spelling_that_a_file_brought_is_mapped_already_to_its_own_name(practice: Loaded, tmp_path: Path):
    upload(tmp_path, [row(payer="UHC")])
    assert practice.ask("POST", "payer-mappings/", {"raw_name": "uhc", "payer": "UHC"}).status == 200
    answer = practice.ask("POST", "payer-mappings/", {"raw_name": "uhc", "payer": "UnitedHealthcare"})
    assert answer.document["code"] == "mapped_already"
    assert claims(practice, "payer__name") == {"C1": "UHC"}


def test_a_spelling_is_mapped_to_another_payer_and_back(practice: Loaded, tmp_path: Path):
    upload(tmp_path, [row(payer="UHC"), row(number="C2")])
    path = f"payer-mappings/{mapping_of(practice, 'UHC')['id']}/"
    assert practice.ask("PATCH", path, {"payer": "Aetna"}).document["payer"] == "Aetna"
    assert set(claims(practice, "payer__name").values()) == {"Aetna"}
    assert practice.ask("PATCH", path, {"payer": "UHC"}).status == 200
    assert claims(practice, "payer__name") == {"C1": "UHC", "C2": "Aetna"}
    assert_cells_are_right(practice.customer)


def test_the_trail_has_both_payers_and_not_the_spelling(practice: Loaded, tmp_path: Path):
    upload(tmp_path, [row(payer="Doe Jane")])
    found = mapping_of(practice, "Doe Jane")
    practice.ask("PATCH", f"payer-mappings/{found['id']}/", {"payer": "Aetna"})
    verb, kind, thing, detail = newest_entry(practice)
    assert (verb, kind, thing) == ("map", "payer_mapping", found["id"])
    assert detail == {"before": {"payer": "Doe Jane"}, "after": {"payer": "Aetna"}}


def test_spellings_are_filtered_by_payer(practice: Loaded, tmp_path: Path):
    upload(tmp_path, [row(payer="UHC"), row(number="C2")])
    assert [each["raw_name"] for each in practice.get("payer-mappings/", payer="aetna")["results"]] == ["Aetna"]


@pytest.mark.parametrize(("field", "value"), [("raw_name", "?!"), ("payer", "..."), ("payer", "a\x07b")])
def test_a_name_that_cannot_be_is_refused_at_its_field(practice: Loaded, field: str, value: str):
    body = {"raw_name": "UHC", "payer": "UnitedHealthcare", field: value}
    answer = practice.ask("POST", "payer-mappings/", body)
    assert (answer.status, answer.document["code"]) == (400, "payer_name_unusable")
    assert [each["pointer"] for each in answer.document["errors"]] == [f"/{field}"]
    assert practice.get("payer-mappings/")["results"] == []


# Groups of codes


def group(practice: Loaded, code_from: str, code_to: str, name: str) -> tuple[int, dict[str, Any]]:
    body = {"code_from": code_from, "code_to": code_to, "cpt_group": name}
    answer = practice.ask("POST", "cpt-group-mappings/", body)
    return answer.status, answer.document


def test_a_range_grouped_takes_its_claims_and_cells_along(practice: Loaded, tmp_path: Path):
    upload(tmp_path, [row(number=code, cpt=code) for code in ("97110", "97140", "99213")])
    status, made = group(practice, "97110", "97139", "Exercise")
    assert status == 201
    assert claims(practice, "cpt_group") == {
        "97110": "Exercise",
        "97140": "physical_therapy",
        "99213": "office_visits",
    }
    assert practice.ask("PATCH", f"cpt-group-mappings/{made['id']}/", {"cpt_group": "Rehab"}).status == 200
    assert claims(practice, "cpt_group")["97110"] == "Rehab"
    assert practice.get("cpt-group-mappings/")["results"] == [{**made, "cpt_group": "Rehab"}]
    assert_cells_are_right(practice.customer)


def test_a_range_that_has_this_group_already_is_given_again_and_left_alone(
    practice: Loaded, no_remapping: Callable[[], None]
):
    _, made = group(practice, "J0100", "J0999", "injected drugs")
    no_remapping()
    assert group(practice, "j0100", " J0999", "injected  drugs") == (200, made)


def test_a_range_that_has_another_group_is_changed_only_at_its_own_address(
    practice: Loaded, no_remapping: Callable[[], None]
):
    _, made = group(practice, "97110", "97139", "Exercise")
    no_remapping()
    status, problem = group(practice, "97110", "97139", "exercise")
    assert (status, problem["code"]) == (409, "mapped_already")
    assert problem["fix"] == f"To change it, read {made['id']} and PATCH it with If-Match of its ETag."
    assert practice.get("cpt-group-mappings/")["results"] == [made]


def test_the_command_line_changes_what_is_mapped(practice: Loaded):
    for payer, name in (("Aetna", "one"), ("UnitedHealthcare", "two")):
        words("map_payer", "UHC", payer)
        words("map_cpt_group", "97110", name)
    assert mapping_of(practice, "UHC")["payer"] == "UnitedHealthcare"
    assert [each["cpt_group"] for each in practice.get("cpt-group-mappings/")["results"]] == ["two"]


def test_codes_go_back_to_the_wider_range_and_then_to_our_group(practice: Loaded, tmp_path: Path):
    upload(tmp_path, [row(number=code, cpt=code) for code in ("97110", "97140")])
    _, wide = group(practice, "97000", "97999", "wide")
    _, narrow = group(practice, "97110", "97110", "narrow")
    assert claims(practice, "cpt_group") == {"97110": "narrow", "97140": "wide"}
    assert practice.ask("DELETE", f"cpt-group-mappings/{narrow['id']}/").status == 204
    assert claims(practice, "cpt_group") == {"97110": "wide", "97140": "wide"}
    assert practice.ask("DELETE", f"cpt-group-mappings/{wide['id']}/").status == 204
    assert set(claims(practice, "cpt_group").values()) == {"physical_therapy"}
    assert_cells_are_right(practice.customer)
    assert practice.ask("DELETE", f"cpt-group-mappings/{wide['id']}/").status == 404


def test_a_grouping_taken_away_is_on_record_as_it_was(practice: Loaded):
    _, made = group(practice, "97110", "97110", "therapy")
    practice.ask("DELETE", f"cpt-group-mappings/{made['id']}/")
    codes = {"code_from": "97110", "code_to": "97110", "cpt_group": "therapy"}
    assert newest_entry(practice) == ("unmap", "cpt_group_mapping", made["id"], {"before": codes})


@pytest.mark.parametrize(
    ("codes", "name", "code"),
    [(("97110", "97100"), "x", "code_range_unusable"), (("97110", "97110"), "\x07", "cpt_group_name_unusable")],
)
def test_what_is_no_range_or_no_name_is_refused(practice: Loaded, codes: tuple[str, str], name: str, code: str):
    status, problem = group(practice, *codes, name)
    assert (status, problem["code"]) == (400, code)
    assert practice.get("cpt-group-mappings/")["results"] == []
