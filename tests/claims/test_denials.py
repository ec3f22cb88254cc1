"""Denial reasons to categories."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payerwatch.claims.denials import (
    DENIAL_CODES,
    NOT_DENIAL_CODES,
    UNKNOWN,
    denial_category,
    reason_given,
)

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    "text", ["CO-197", "CO197", "197", "co 197", "PI-197", "CARC 197", "197.0", "Denial code: 197", "CO-197 - no auth"]
)
def test_a_code_is_found_however_it_is_written(text: str) -> None:
    assert denial_category(text) == ("197", "authorization")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CO-45, CO-197", ("197", "authorization")),
        ("45; 97", ("97", "coding_bundling")),
        ("CO-16 N290 M76", ("16", "missing_info")),
        ("PR27", ("27", "eligibility")),
        ("B7", ("B7", "provider_network")),
        ("CO-A1", ("A1", "missing_info")),
        ("018", ("18", "duplicate")),
        ("CO-999", ("999", UNKNOWN)),
        ("PR-1", ("1", "patient_responsibility")),
        ("CO-45", ("45", "contractual")),
    ],
)
def test_of_several_codes_the_first_that_denies_decides(text: str, expected: tuple[str, str]) -> None:
    assert denial_category(text) == expected


@pytest.mark.parametrize(
    ("category", "words"),
    [
        ("authorization", "AUTH|Prior auth missing|No precertification|Missing authorization|Referral required"),
        ("eligibility", "ELIG|Patient not eligible|Coverage terminated|Member not eligible on DOS"),
        ("timely_filing", "TMF|Timely Filing|Filing limit exceeded|TF"),
        ("medical_necessity", "MED|Not medically necessary|Medical necessity|Experimental"),
        ("duplicate", "DUP|Duplicate claim|Exact duplicate"),
        ("coding_bundling", "BUNDLE|COD|MOD|Bundled service|Modifier missing or invalid|Incorrect code|Coding error"),
        ("cob_other_payer", "COORD|COB|Other insurance primary|Coordination of benefits"),
        ("missing_info", "INFO|Missing information|Lacks documentation|Medical records not received"),
        ("noncovered_limit", "Non-covered service|Benefit maximum reached|Not a covered benefit"),
        ("provider_network", "Provider not in network|Out of network|Provider not credentialed"),
        (UNKNOWN, "|N/A|other|see letter"),
    ],
)
def test_words_are_looked_at_where_there_is_no_code(category: str, words: str) -> None:
    assert {word: denial_category(word) for word in words.split("|")} == dict.fromkeys(
        words.split("|"), (None, category)
    )


def test_what_never_denies_does_not_say_why_a_claim_was_denied() -> None:
    assert [reason_given(category) for category in NOT_DENIAL_CODES] == [UNKNOWN, UNKNOWN]
    assert [reason_given(category) for category in (*DENIAL_CODES, UNKNOWN)] == [*DENIAL_CODES, UNKNOWN]


def test_each_code_has_one_category() -> None:
    codes = [code for table in (DENIAL_CODES, NOT_DENIAL_CODES) for codes in table.values() for code in codes]
    assert len(codes) == len(set(codes))
    for category, known in (DENIAL_CODES | NOT_DENIAL_CODES).items():
        assert {denial_category(f"CO-{code}") for code in known} == {(code, category) for code in known}


@settings(max_examples=100)
@given(st.one_of(st.none(), st.text(max_size=60)))
def test_any_text_has_a_category(text: str | None) -> None:
    assert denial_category(text)[1] in {*DENIAL_CODES, *NOT_DENIAL_CODES, UNKNOWN}
