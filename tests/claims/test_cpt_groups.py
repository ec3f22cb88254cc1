"""CPT and HCPCS codes to groups."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payerwatch.claims.cpt_groups import GROUP_LABELS, OTHER, RANGES, cpt_group, group_expression

pytestmark = pytest.mark.pure

CODE = st.one_of(
    st.from_regex(r"[0-9]{5}", fullmatch=True),
    st.from_regex(r"[0-9]{4}[AFMTU]", fullmatch=True),
    st.from_regex(r"[A-V][0-9]{4}", fullmatch=True),
    st.text(max_size=6),
)
RANGE = st.tuples(st.integers(0, 99_999), st.integers(0, 99_999), st.sampled_from(["ours", "theirs"])).map(
    lambda each: (f"{min(each[:2]):05d}", f"{max(each[:2]):05d}", each[2])
)


@pytest.mark.parametrize(
    ("code", "group"),
    [
        *(("99213", "office_visits"), ("99285", "emergency_visits"), ("99232", "hospital_visits")),
        *(("27447", "surgery_musculoskeletal"), ("43239", "surgery_digestive"), ("10060", "surgery_skin")),
        *(("70553", "imaging_advanced"), ("71046", "imaging"), ("80053", "laboratory"), ("36415", "laboratory")),
        *(("97110", "physical_therapy"), ("00100", "anesthesia"), ("J1885", "drugs_injected"), ("A0427", "ambulance")),
        *(
            ("E0601", "dme"),
            ("88305", "pathology"),
            ("0202U", "laboratory"),
            ("0100T", OTHER),
            ("", OTHER),
            ("X", OTHER),
        ),
        *(("90837", "behavioral_health"), ("93000", "heart_lung_tests"), ("j1885", "drugs_injected")),
    ],
)
def test_codes_fall_into_groups(code: str, group: str) -> None:
    assert cpt_group(code) == group


def test_every_group_has_a_label() -> None:
    assert {group for _, _, group in RANGES} | {OTHER} == set(GROUP_LABELS)


def test_a_customers_range_comes_before_ours_and_the_narrowest_before_the_wider() -> None:
    overrides = [("99000", "99999", "wide"), ("99213", "99214", "narrow")]
    assert [cpt_group(code, overrides) for code in ("99213", "99215", "27447")] == [
        *("narrow", "wide", "surgery_musculoskeletal")
    ]


@pytest.mark.parametrize("ends", [("99214", "99213"), ("A0001", "B0001"), ("1", "99999"), ("0001F", "0002T")])
def test_a_range_needs_two_codes_of_one_kind_in_order(ends: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="is not a range"):
        cpt_group("99213", [(*ends, "mine")])


@settings(max_examples=30)
@given(st.lists(CODE, min_size=1, max_size=30), st.lists(RANGE, max_size=4))
def test_the_expression_agrees_with_the_function(codes: list[str], overrides: list[tuple[str, str, str]]) -> None:
    frame = pl.DataFrame({"cpt": codes}, schema={"cpt": pl.String}).with_columns(group_expression(overrides))
    assert frame["cpt_group"].to_list() == [cpt_group(code, overrides) for code in codes]
