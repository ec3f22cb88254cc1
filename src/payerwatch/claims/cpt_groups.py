"""CPT and HCPCS codes by range into groups of our own naming, with each customer's exceptions first."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from payerwatch.late import polars as pl

OTHER = "other"

# Key and our own short label.
GROUP_LABELS = {
    "office_visits": "Office visits",
    "preventive_visits": "Preventive visits",
    "hospital_visits": "Hospital visits",
    "emergency_visits": "Emergency visits",
    "home_facility_visits": "Nursing facility and home visits",
    "care_management": "Care management",
    "anesthesia": "Anesthesia",
    "surgery_skin": "Surgery: skin and breast",
    "surgery_musculoskeletal": "Surgery: bones and joints",
    "surgery_heart_lung": "Surgery: heart, vessels and lungs",
    "surgery_digestive": "Surgery: digestive",
    "surgery_urinary_genital": "Surgery: urinary and genital",
    "maternity": "Maternity",
    "surgery_nervous_eye_ear": "Surgery: nerves, eyes and ears",
    "imaging_advanced": "CT, MRI and PET",
    "imaging": "X-ray, ultrasound and other imaging",
    "laboratory": "Laboratory",
    "pathology": "Pathology",
    "vaccines": "Vaccines",
    "behavioral_health": "Behavioral health",
    "dialysis": "Dialysis",
    "eye_ear_care": "Eye and ear care",
    "heart_lung_tests": "Heart, vessel and lung tests",
    "allergy": "Allergy",
    "nervous_system_tests": "Nerve and sleep tests",
    "infusions": "Infusions and chemotherapy",
    "physical_therapy": "Physical and occupational therapy",
    "chiropractic": "Chiropractic and osteopathic",
    "drugs_injected": "Injected drugs",
    "ambulance": "Ambulance",
    "dme": "Equipment and supplies",
    "dental": "Dental",
    OTHER: "Other",
}

# A narrower range within a wider one wins.
RANGES: tuple[tuple[str, str, str], ...] = (
    *(("99202", "99215", "office_visits"), ("99241", "99245", "office_visits"), ("98000", "98016", "office_visits")),
    *(("99421", "99443", "office_visits"), ("G0463", "G0463", "office_visits"), ("G2211", "G2212", "office_visits")),
    *(("99381", "99429", "preventive_visits"), ("G0402", "G0402", "preventive_visits")),
    *(("G0438", "G0439", "preventive_visits"), ("99217", "99239", "hospital_visits")),
    *(("99251", "99255", "hospital_visits"), ("99291", "99292", "hospital_visits")),
    *(("99460", "99486", "hospital_visits"), ("99281", "99288", "emergency_visits")),
    *(("99304", "99350", "home_facility_visits"), ("99366", "99380", "care_management")),
    *(("99437", "99439", "care_management"), ("99487", "99499", "care_management")),
    *(("00100", "01999", "anesthesia"), ("99100", "99157", "anesthesia")),
    *(("10004", "19499", "surgery_skin"), ("20100", "29999", "surgery_musculoskeletal")),
    *(("30000", "39599", "surgery_heart_lung"), ("36400", "36416", "laboratory")),
    *(("40490", "49999", "surgery_digestive"), ("50010", "58999", "surgery_urinary_genital")),
    *(("59000", "59899", "maternity"), ("60000", "69990", "surgery_nervous_eye_ear")),
    ("70010", "79999", "imaging"),
    *(("70336", "70336", "imaging_advanced"), ("70450", "70559", "imaging_advanced")),
    *(("71250", "71275", "imaging_advanced"), ("71550", "71555", "imaging_advanced")),
    *(("72125", "72159", "imaging_advanced"), ("72191", "72198", "imaging_advanced")),
    *(("73200", "73225", "imaging_advanced"), ("73700", "73725", "imaging_advanced")),
    *(("74150", "74185", "imaging_advanced"), ("74261", "74263", "imaging_advanced")),
    *(("75557", "75574", "imaging_advanced"), ("76376", "76391", "imaging_advanced")),
    *(("77021", "77022", "imaging_advanced"), ("77046", "77049", "imaging_advanced")),
    *(("78429", "78434", "imaging_advanced"), ("78459", "78459", "imaging_advanced")),
    *(("78491", "78492", "imaging_advanced"), ("78608", "78609", "imaging_advanced")),
    ("78811", "78816", "imaging_advanced"),
    *(("80047", "89398", "laboratory"), ("88000", "88399", "pathology")),
    *(("0001U", "9999U", "laboratory"), ("0001M", "9999M", "laboratory")),
    *(("90281", "90399", "vaccines"), ("90460", "90759", "vaccines"), ("0001A", "9999A", "vaccines")),
    *(("G0008", "G0010", "vaccines"), ("90785", "90899", "behavioral_health")),
    *(("96105", "96171", "behavioral_health"), ("97151", "97158", "behavioral_health")),
    *(("H0001", "H2037", "behavioral_health"), ("90935", "90999", "dialysis")),
    *(("92002", "92499", "eye_ear_care"), ("92502", "92700", "eye_ear_care"), ("V2020", "V5364", "eye_ear_care")),
    *(("92920", "94799", "heart_lung_tests"), ("95004", "95199", "allergy")),
    *(("95700", "96020", "nervous_system_tests"), ("96360", "96549", "infusions")),
    *(("97010", "97799", "physical_therapy"), ("98925", "98943", "chiropractic")),
    *(("G0151", "G0162", "physical_therapy"), ("J0100", "J9999", "drugs_injected")),
    *(("Q0138", "Q0181", "drugs_injected"), ("Q2004", "Q2058", "drugs_injected"), ("Q5101", "Q5199", "drugs_injected")),
    *(("A0021", "A0999", "ambulance"), ("A4206", "A9999", "dme"), ("B4034", "B9999", "dme")),
    *(("E0100", "E8002", "dme"), ("K0001", "K1399", "dme"), ("L0112", "L9900", "dme")),
    ("D0120", "D9999", "dental"),
)

_ROOM = 100_000
_NO_CODE = -1


class _Segments(NamedTuple):
    """Disjoint stretches of positions: from each start up to the next one, the group of the same index."""

    starts: list[int]
    groups: list[str]


def cpt_group(code: str, overrides: Iterable[tuple[str, str, str]] = ()) -> str:
    """The key of the group of one code; `overrides` are (from, to, group), both ends included.

    Of several ranges the narrowest wins, a customer's before ours. Raises ValueError for a range whose ends are
    not codes of one kind in order.
    """
    segments = _segments(tuple(overrides))
    position = _position(code)
    return OTHER if position is None else segments.groups[bisect_right(segments.starts, position) - 1]


def group_expression(overrides: Iterable[tuple[str, str, str]] = (), *, column: str = "cpt") -> pl.Expr:
    """`cpt_group` for a column of codes, vectorised."""
    segments = _segments(tuple(overrides))
    starts = pl.lit(pl.Series(segments.starts, dtype=pl.Int64))
    groups = pl.lit(pl.Series(segments.groups, dtype=pl.String))
    place = starts.search_sorted(_position_expression(pl.col(column)), side="right").cast(pl.Int64) - 1
    return groups.gather(place).alias("cpt_group")


@lru_cache(maxsize=64)
def _segments(overrides: tuple[tuple[str, str, str], ...]) -> _Segments:
    """All ranges cut at each other's ends."""
    ranges = [(*_span(low, high), group, 0) for low, high, group in overrides]
    ranges += [(*_span(low, high), group, 1) for low, high, group in RANGES]
    edges = sorted({_NO_CODE, 0, *(low for low, *_ in ranges), *(high + 1 for _, high, *_ in ranges)})
    groups = []
    for edge in edges:
        covering = [(rank, high - low, group) for low, high, group, rank in ranges if low <= edge <= high]
        groups.append(min(covering)[2] if covering else OTHER)
    return _Segments(edges, groups)


def _span(code_from: str, code_to: str) -> tuple[int, int]:
    low, high = _position(code_from), _position(code_to)
    if low is None or high is None or low > high or low // _ROOM != high // _ROOM:
        raise ValueError(f"{code_from}-{code_to} is not a range of codes of one kind")
    return low, high


def _position(code: str) -> int | None:
    """Codes in one line: all digits first, then each leading letter, then each trailing letter."""
    plain = code.strip().upper()
    if len(plain) != 5 or not plain.isascii():
        return None
    if plain.isdigit():
        return int(plain)
    if plain[0].isalpha() and plain[1:].isdigit():
        return ord(plain[0]) * _ROOM + int(plain[1:])
    if plain[-1].isalpha() and plain[:-1].isdigit():
        return (ord(plain[-1]) + 100) * _ROOM + int(plain[:-1])
    return None


def _position_expression(code: pl.Expr) -> pl.Expr:
    """`_position` vectorised; what is no code gets a position no range can hold."""
    plain = code.str.strip_chars().str.to_uppercase()
    head, tail = plain.str.head(1), plain.str.tail(1)
    digits = plain.str.extract(r"^(\d{5})$").cast(pl.Int64, strict=False)
    leading = plain.str.extract(r"^[A-Z](\d{4})$").cast(pl.Int64, strict=False) + _ordinal(head) * _ROOM
    trailing = plain.str.extract(r"^(\d{4})[A-Z]$").cast(pl.Int64, strict=False) + (_ordinal(tail) + 100) * _ROOM
    return pl.coalesce(digits, leading, trailing, pl.lit(_NO_CODE))


def _ordinal(letter: pl.Expr) -> pl.Expr:
    letters = [chr(number) for number in range(ord("A"), ord("Z") + 1)]
    return letter.replace_strict(letters, [ord(each) for each in letters], default=None, return_dtype=pl.Int64)
