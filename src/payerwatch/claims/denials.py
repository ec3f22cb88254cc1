"""Denial reasons: claim adjustment reason codes (CARC) or words, to a category of our own.

Codes are those of X12 external code list 139; the categories and the words are ours.
"""

import re
from collections.abc import Iterable

DENIAL_CODES: dict[str, tuple[str, ...]] = {
    "eligibility": ("26", "27", "31", "32", "33", "177", "200"),
    "authorization": ("15", "39", "165", "197", "198", "243", "284", "296", "302"),
    "medical_necessity": (*("50", "55", "56", "58", "150", "151", "152", "153", "154", "167", "186", "249", "272"),),
    "coding_bundling": (
        *("4", "5", "6", "7", "8", "9", "10", "11", "12", "49", "97", "107", "146"),
        *("181", "182", "199", "231", "234", "236", "B15"),
    ),
    "missing_info": (
        *("16", "129", "148", "163", "164", "206", "207", "208", "226", "227", "250", "251", "252", "A1"),
    ),
    "timely_filing": ("29", "138"),
    "duplicate": ("18", "B13"),
    "cob_other_payer": ("19", "20", "21", "22", "109", "201"),
    "noncovered_limit": ("35", "96", "119", "149", "204", "256"),
    "provider_network": ("170", "171", "172", "183", "184", "185", "242", "B7"),
    "capitation": ("24",),
}
NOT_DENIAL_CODES: dict[str, tuple[str, ...]] = {
    "contractual": ("45", "59", "94", "104", "131", "144", "161", "223", "237", "253", "23", "42", "A2"),
    "patient_responsibility": ("1", "2", "3", "66", "85", "100"),
}
UNKNOWN = "unknown"
DENIAL_CATEGORIES = (*DENIAL_CODES, UNKNOWN)
"""Every kind of reason that a denial can be of."""

_CATEGORY_OF_CODE = {
    code: category for table in (DENIAL_CODES, NOT_DENIAL_CODES) for category, codes in table.items() for code in codes
}

# The first pattern found decides, so the narrow ones come first.
_WORDS: tuple[tuple[str, str], ...] = (
    (r"duplicat|\bdup\b|already (?:paid|processed|adjudicated)", "duplicate"),
    (r"timely|\btfl?\b|\btmf\b|filing limit|filed late|late filing|past filing|time limit", "timely_filing"),
    (r"\bauth|pre ?auth|prior ?auth|preauth|pre ?cert|precert|referral|notification absent", "authorization"),
    (
        r"medical(?:ly)? (?:un)?necess|not (?:deemed )?necessary|\bmed(?:nec)?\b|necessity|experimental"
        r"|investigational|level of care|\blcd\b|\bncd\b",
        "medical_necessity",
    ),
    (
        r"coordination|\bcoord\b|\bcob\b|other (?:payer|insurance|carrier|coverage)|primary (?:payer|insurance)"
        r"|secondary payer|\bmsp\b|workers? comp|no fault|liability carrier",
        "cob_other_payer",
    ),
    (
        r"bundl|\bncci\b|\bcci\b|inclusive|included in|global|unbundl|modifier|\bmod\b|mutually exclusive|\bmue\b",
        "coding_bundling",
    ),
    (r"provider|network|\boon\b|credential|enroll?ed with|\bnpi\b|taxonomy|contracted", "provider_network"),
    (
        r"eligib|\belig\b|coverage (?:term|lapse|inactive|ended|not in effect)|not covered on|terminated|inactive"
        r"|expenses incurred (?:prior|after)|no coverage|not insured|cannot (?:be )?identif"
        r"|not identified|not enrolled",
        "eligibility",
    ),
    (
        r"missing|incomplete|\binfo\b|information|lacks|documentation|records? (?:request|needed|required)"
        r"|medical records|attachment|\beob\b|invalid (?:claim|data|id)|submission error|billing error",
        "missing_info",
    ),
    (r"non ?cover|not (?:a )?covered|not payable|benefit|maximum|exhausted|exclu|limit", "noncovered_limit"),
    (
        r"coding|\bcode[sd]?\b|\bcod\b|diagnosis|\bdx\b|\bpos\b|place of service|procedure"
        r"|inconsistent|mismatch|units",
        "coding_bundling",
    ),
    (r"capitat", "capitation"),
    (r"deductible|co ?insurance|co ?pay|patient resp", "patient_responsibility"),
    (r"contractual|fee schedule|sequestration|allowable|write ?off", "contractual"),
)
_WORD_PATTERNS = tuple((re.compile(pattern), category) for pattern, category in _WORDS)

# "CO-197", "CO197", "PR 204", "CARC 29", "Denial code: B7"; a bare number only when nothing else stands with it.
_GROUPED_CODE = re.compile(r"\b(?:CO|PR|OA|PI|CR|CARC|DENIAL CODE|REASON CODE|ADJ CODE)[\s:#-]*(0*[AB]?\d{1,3})(?!\d)")
_BARE_CODES = re.compile(r"[AB]?\d{1,3}(?:\.0)?(?:[\s,;|/+&]+[AB]?\d{1,3}(?:\.0)?)*")
_LEADING_CODE = re.compile(r"([AB]?\d{1,3})\s*(?:[-:=]|–)\s*[A-Z]")


def denial_category(text: str | None) -> tuple[str | None, str]:
    """The CARC a reason names (`CO-197`, `CO197` and `197` give `197`), or None, and its category.

    Of several codes the first that denies decides. Codes that never deny give `contractual` or
    `patient_responsibility`; words are looked at where no code is known; what is left is `unknown`.
    """
    upper = (text or "").strip().upper()
    codes = _codes(upper)
    for tables in (DENIAL_CODES, NOT_DENIAL_CODES):
        for code in codes:
            category = _CATEGORY_OF_CODE.get(code)
            if category in tables:
                return code, category
    return (codes[0] if codes else None), _category_of_words(upper)


def reason_given(category: str) -> str:
    """The category of a denied claim: one that never denies says nothing about why it was denied."""
    return UNKNOWN if category in NOT_DENIAL_CODES else category


def _codes(upper: str) -> list[str]:
    grouped = _GROUPED_CODE.findall(upper)
    if grouped:
        return _without_leading_zeros(grouped)
    if _BARE_CODES.fullmatch(upper):
        return _without_leading_zeros(re.findall(r"[AB]?\d{1,3}(?=\.0|\b)", upper.replace(".0", "")))
    leading = _LEADING_CODE.match(upper)
    return _without_leading_zeros([leading[1]]) if leading else []


def _without_leading_zeros(codes: Iterable[str]) -> list[str]:
    return [code if code[0] in "AB" else (code.lstrip("0") or "0") for code in codes]


def _category_of_words(upper: str) -> str:
    words = re.sub(r"[^a-z0-9]+", " ", upper.lower())
    for pattern, category in _WORD_PATTERNS:
        if pattern.search(words):
            return category
    return UNKNOWN
