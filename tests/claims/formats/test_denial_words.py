"""No name stays in a denial reason, and what says why stays readable."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payerwatch.claims.denials import denial_category
from payerwatch.claims.formats.denial_words import known_words
from payerwatch.operations.practice.catalogue import REASONS
from tests.claims.formats.files import accepted, lines, read, row, write

pytestmark = pytest.mark.pure

NAMES = (
    "JOHN SMITH",
    "John Smith",
    "Maria Garcia",
    "garcia",
    "O'Brien",
    "José Ñandú",
    "Nguyễn",
    "李 小龍",
    "Jones-Lee",
)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("JOHN SMITH not eligible", "[…] not eligible"),
        ("Auth missing for John Smith", "Auth missing for […]"),
        ("Maria Garcia, MRN 44", "[…], MRN […]"),
        ("auth_missing_smith", "auth_missing_[…]"),
        ("[Smith] not covered", "[[…]] not covered"),
        ("Patient John Smith not eligible", "Patient [name] not eligible"),
        ("acct 12, policy # 345", "acct […], [identifier]"),
        ("procedure 97110 on 3 visits", "procedure […] on 3 visits"),
    ],
)
def test_words_nobody_knows_are_left_out(text: str, kept: str) -> None:
    assert known_words(text) == kept


@pytest.mark.parametrize(
    "text", ["Prior auth missing", "DUP", "CO-16 N290 M76 MA130", "CO45; B7", "Non-covered (PR 96)"]
)
def test_a_reason_without_names_stays_whole(text: str) -> None:
    assert known_words(text) == text


@pytest.mark.parametrize("reason", REASONS, ids=lambda reason: reason.text)
def test_the_reasons_of_the_sample_stay_whole(reason: object) -> None:
    assert known_words(reason.text) == reason.text  # type: ignore[attr-defined]


@settings(max_examples=100)
@given(st.lists(st.sampled_from([*NAMES, "not eligible", "CO-197", "auth", ",", ":", "(", "for"]), max_size=8))
def test_no_name_survives_whatever_stands_around_it(parts: list[str]) -> None:
    kept = known_words(" ".join(parts)).lower()
    for name in " ".join(NAMES).replace("-", " ").replace("O'", "").lower().split():
        assert name not in kept


def test_the_category_of_a_reason_given_back_is_the_same() -> None:
    texts = [f"{reason.text} John Smith" for reason in REASONS]
    assert [denial_category(known_words(text)) for text in texts] == [denial_category(text) for text in texts]


def test_neither_an_accepted_row_nor_one_set_aside_tells_a_name(tmp_path: Path) -> None:
    rows = [row(status="Denied", reason=f"{name} not eligible", cpt=cpt) for name in NAMES for cpt in ("99213", "")]
    batch = read(write(tmp_path, lines(*rows)))[0]
    assert {found["denial_reason"] for found in accepted([batch])} == {"[…] not eligible"}
    assert {found["denial_category"] for found in accepted([batch])} == {"eligibility"}
    assert {found.cells[-1] for found in batch.set_aside} == {"[…] not eligible"}
