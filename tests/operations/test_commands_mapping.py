"""`map_payer` and `map_cpt_group`: stored claims and cells follow, and later files too."""

from pathlib import Path

import pytest

from payerwatch.claims.models import Claim, CptGroupMapping, Payer
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests.claims.recount import assert_cells_are_right
from tests.make import answer, denied, row, upload, words
from tests.make import customer as make_customer

pytestmark = pytest.mark.django_db


@pytest.fixture
def practice() -> Customer:
    return make_customer()


def payers(practice: Customer) -> dict[str, str]:
    with acting_in(practice):
        return dict(Claim.objects.values_list("claim_key", "payer__name"))


def groups(practice: Customer) -> dict[str, str]:
    with acting_in(practice):
        return dict(Claim.objects.values_list("cpt", "cpt_group"))


# Payers


def test_spellings_that_differ_in_case_spacing_and_points_are_one_payer(practice: Customer, tmp_path: Path):
    names = ("UnitedHealthcare", "UNITED HEALTHCARE", " United  Health-Care ", "united.healthcare")
    upload(tmp_path, [row(number=f"C{n}", payer=name) for n, name in enumerate(names)])
    assert set(payers(practice).values()) == {"UnitedHealthcare"}


def test_a_spelling_mapped_takes_its_claims_and_cells_along(practice: Customer, tmp_path: Path):
    upload(tmp_path, [row(payer="UnitedHealthcare"), denied(number="C2", payer="UHC"), row(number="C3", payer="uhc")])
    assert payers(practice) == {"C1": "UnitedHealthcare", "C2": "UHC", "C3": "UHC"}
    assert answer("map_payer", "UHC", "UnitedHealthcare").document == {"raw": "UHC", "payer": "UnitedHealthcare"}
    assert set(payers(practice).values()) == {"UnitedHealthcare"}
    assert_cells_are_right(practice)
    upload(tmp_path, [row(number="C4", payer="U.H.C.")], name="b.csv")
    assert payers(practice)["C4"] == "UnitedHealthcare"
    assert_cells_are_right(practice)


def test_a_spelling_can_be_mapped_before_the_first_load(practice: Customer, tmp_path: Path):
    assert answer("map_payer", "UHC", "UnitedHealthcare").code == 0
    document = upload(tmp_path, [row(payer="UHC"), row(number="C2", payer="United Healthcare")])
    assert set(payers(practice).values()) == {"UnitedHealthcare"}
    assert document["payer_suggestions"] == []


def test_a_mapping_can_be_taken_back_by_mapping_the_name_to_itself(practice: Customer, tmp_path: Path):
    upload(tmp_path, [row(payer="UHC"), row(number="C2", payer="Aetna")])
    answer("map_payer", "UHC", "Aetna")
    answer("map_payer", "UHC", "UHC")
    assert payers(practice) == {"C1": "UHC", "C2": "Aetna"}
    assert_cells_are_right(practice)


def test_a_payer_named_by_a_mapped_spelling_is_the_payer_it_was_mapped_to(practice: Customer, tmp_path: Path):
    upload(tmp_path, [row(payer="UHC"), row(number="C2", payer="UHC of Texas")])
    answer("map_payer", "UHC", "UnitedHealthcare")
    assert answer("map_payer", "UHC of Texas", "UHC").document["payer"] == "UnitedHealthcare"
    assert set(payers(practice).values()) == {"UnitedHealthcare"}
    assert_cells_are_right(practice)


@pytest.mark.parametrize("known_first", [True, False])
def test_a_new_spelling_near_a_known_payer_is_suggested_once(practice: Customer, tmp_path: Path, known_first: bool):
    names = ["UnitedHealthcare", "UHC"] if known_first else ["UHC", "UnitedHealthcare"]
    document = upload(tmp_path, [row(number=name, payer=name) for name in names])
    assert [(found["raw"], found["payer"]) for found in document["payer_suggestions"]] == [("UHC", "UnitedHealthcare")]
    assert document["payer_suggestions"][0]["score"] >= 0.8


def test_a_suggestion_tells_a_person_the_command(practice: Customer, tmp_path: Path):
    upload(tmp_path, [row(payer="UnitedHealthcare")])
    path = tmp_path / "b.csv"
    path.write_text((tmp_path / "claims.csv").read_text().replace("UnitedHealthcare", "UHC"))
    assert (
        "UHC is probably UnitedHealthcare. If so: payerwatch map_payer UHC UnitedHealthcare --customer Practice"
        in words("load", path)
    )


def test_a_payer_no_spelling_means_any_more_is_not_suggested(practice: Customer, tmp_path: Path):
    upload(tmp_path, [row(payer="Aetna Better Health")])
    answer("map_payer", "Aetna Better Health", "Medicaid")
    document = upload(tmp_path, [row(number="C2", payer="Aetna Better Health Inc")], name="b.csv")
    assert document["payer_suggestions"] == []


@pytest.mark.parametrize(("raw", "payer"), [("", "Aetna"), ("?!", "Aetna"), ("UHC", "..."), ("UHC", "x" * 201)])
def test_a_name_without_letters_or_too_long_is_refused(practice: Customer, raw: str, payer: str):
    assert answer("map_payer", raw, payer).error["code"] == "payer_name_unusable"
    with acting_in(practice):
        assert not Payer.objects.exists()


def test_names_in_square_brackets_are_printed_as_they_are(practice: Customer):
    assert "[/red] is now [bold]x." in words("map_payer", "[/red]", "[bold]x")


# CPT groups


def test_a_range_of_codes_grouped_takes_its_claims_and_cells_along(practice: Customer, tmp_path: Path):
    upload(tmp_path, [row(number=code, cpt=code) for code in ("97110", "97140", "99213", "J0100")])
    assert groups(practice)["97110"] == "physical_therapy"
    document = answer("map_cpt_group", "97110-97139", "Exercise (PT)").document
    assert document == {"code_from": "97110", "code_to": "97139", "cpt_group": "Exercise (PT)"}
    expected = {"97110": "Exercise (PT)", "97140": "physical_therapy", "99213": "office_visits"}
    assert groups(practice) == expected | {"J0100": "drugs_injected"}
    assert_cells_are_right(practice)
    upload(tmp_path, [row(number="later", cpt="97112")], name="b.csv")
    assert groups(practice)["97112"] == "Exercise (PT)"
    assert_cells_are_right(practice)


def test_of_two_ranges_the_narrower_wins_whichever_came_first(practice: Customer, tmp_path: Path):
    upload(tmp_path, [row(number=code, cpt=code) for code in ("97110", "97140")])
    answer("map_cpt_group", "97140", "manual")
    answer("map_cpt_group", "97000-97999", "therapy")
    assert groups(practice) == {"97110": "therapy", "97140": "manual"}
    assert_cells_are_right(practice)


def test_a_range_grouped_again_takes_the_new_name(practice: Customer, tmp_path: Path):
    upload(tmp_path, [row(cpt="97110")])
    answer("map_cpt_group", "97110", "one")
    answer("map_cpt_group", "97110", "two")
    assert groups(practice) == {"97110": "two"}
    assert_cells_are_right(practice)


def test_codes_may_be_written_in_small_letters(practice: Customer, tmp_path: Path):
    upload(tmp_path, [row(cpt="J0100")])
    assert answer("map_cpt_group", "j0100-j0999", "drugs").document["code_from"] == "J0100"
    assert groups(practice) == {"J0100": "drugs"}


@pytest.mark.parametrize(
    "codes", ["97110-97100", "9711", "97110-J0100", "J0100-K0100", "", "97110-97150-97160", "97110–97150", "9711000"]
)
def test_what_is_no_range_of_codes_is_refused_and_later_loads_work(practice: Customer, tmp_path: Path, codes: str):
    error = answer("map_cpt_group", codes, "therapy").error
    assert error["code"] == "code_range_unusable"
    assert "such as 97110 and 97150" in error["fix"]
    with acting_in(practice):
        assert not CptGroupMapping.objects.exists()
    assert upload(tmp_path, [row()])["new_claims"] == 1


@pytest.mark.parametrize("group", ["", "  ", "x" * 41, "a\x07b"])
def test_what_is_no_name_for_a_group_is_refused(practice: Customer, group: str):
    assert answer("map_cpt_group", "97110", group).error["code"] == "cpt_group_name_unusable"
