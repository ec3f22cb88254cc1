"""CPT and HCPCS codes, claim numbers."""

import pytest

from payerwatch.claims.formats.codes import read_claim_number, read_cpt

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("text", "code"),
    [
        *(
            ("99213", "99213"),
            ("99213-25", "99213"),
            ("99213 25 59", "99213"),
            ("99213:25,59", "99213"),
            ("0001f", "0001F"),
        ),
        *(
            ("j1234", "J1234"),
            ("J1234-JW", "J1234"),
            ("99213.0", "99213"),
            ("CPT 99213", "99213"),
            ("HC:99213:25", "99213"),
        ),
        *((" 0042T ", "0042T"), ("99213 - Office visit", "99213"), ("0202U", "0202U"), ("D0120", "D0120")),
    ],
)
def test_codes_are_read_without_their_modifiers(text: str, code: str) -> None:
    assert read_cpt(text) == (code, None)


@pytest.mark.parametrize("text", ["9921", "100", "99213, 36415", "ABCDE", "992133", "X1234", "99213 - J1234", "1234Z"])
def test_what_is_not_one_code_is_invalid(text: str) -> None:
    assert read_cpt(text) == (None, "cpt_invalid")


def test_a_blank_code_is_missing() -> None:
    assert read_cpt(" n/a ") == (None, "cpt_missing")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("CLM 01", ("CLM 01", None)), ("12345.0", ("12345", None)), ("", (None, None)), ("null", (None, None))),
        *(("~1", (None, "claim_number_reserved")), ("1.23E+11", (None, "claim_number_rounded"))),
        ("x" * 81, (None, "claim_number_too_long")),
    ],
)
def test_claim_numbers(text: str, expected: tuple[str | None, str | None]) -> None:
    assert read_claim_number(text) == expected
