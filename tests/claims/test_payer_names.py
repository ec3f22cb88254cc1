"""Spellings of payers' names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payerwatch.claims.payer_names import normalise, suggest

pytestmark = pytest.mark.pure

KNOWN = ["UnitedHealthcare", "Blue Cross Blue Shield of Texas", "Aetna", "Medicare", "Medicaid", "Cigna", "Humana"]


@pytest.mark.parametrize(
    "spelling",
    ["UNITED HEALTHCARE", "UnitedHealthcare", "United-Healthcare", " united healthcare ", "United HealthCare."],
)
def test_case_spacing_and_punctuation_make_no_other_payer(spelling: str) -> None:
    assert normalise(spelling) == "unitedhealthcare"


def test_other_letters_make_another_payer() -> None:
    assert normalise("Medicare") != normalise("Medicaid")
    assert normalise("!?") == ""


@pytest.mark.parametrize(
    ("spelling", "payer"),
    [
        *(
            ("UHC", "UnitedHealthcare"),
            ("United Health Care", "UnitedHealthcare"),
            ("UHC of Texas", "UnitedHealthcare"),
        ),
        *(("BCBS of Texas", "Blue Cross Blue Shield of Texas"), ("Blue Cross Blue Shield Texas", KNOWN[1])),
        *(("Aetna Inc", "Aetna"), ("Cigna Healthcare", "Cigna"), ("Humana Health Plan", "Humana"), ("Atena", "Aetna")),
        ("Unitedhealthcre", "UnitedHealthcare"),
    ],
)
def test_near_spellings_are_suggested_first(spelling: str, payer: str) -> None:
    found = suggest(spelling, KNOWN)
    assert found[0][0] == payer
    assert 0.8 <= found[0][1] <= 1.0


def test_another_payer_is_not_a_near_spelling() -> None:
    assert suggest("Kaiser Permanente", KNOWN) == []
    assert all(score < 0.8 for _, score in suggest("Medicaid", ["Medicare"]))


@given(st.text(max_size=30))
def test_a_name_is_always_its_own_best_suggestion(name: str) -> None:
    found = suggest(name, [name, "Aetna"])
    assert not normalise(name) or (name, 1.0) in found
