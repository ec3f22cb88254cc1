"""Patients' data: columns that hold it, and identifiers hidden in free text."""

import re
from collections.abc import Sequence
from datetime import date
from itertools import takewhile

from payerwatch.claims.formats.dates import is_blank, take_apart
from payerwatch.claims.formats.header_words import CLAIM_WORDS, PERSON_WORDS, PERSONAL_HEADERS
from payerwatch.claims.formats.headers import reduced

_PERSONAL = tuple(frozenset(words.split()) for words in PERSONAL_HEADERS)
_PERSONAL_ALONE = frozenset(frozenset(words.split()) for words in ("name", "initials", "begin name", "county"))

_SHORTEST_NUMBER = 11  # characters of a telephone or social security number with its dividers
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_SOCIAL_SECURITY = re.compile(r"(?<![\d-])\d{3}[-  .]\d{2}[-  .]\d{4}(?![\d-])")
_PHONE = re.compile(r"(?<!\d)(?:\+?1[\s.-]?)?(?:\(\d{3}\)\s?|\d{3}[\s.-])\d{3}[\s.-]?\d{4}(?!\d)")
_PERSON = re.compile(
    r"[^\W\d_][\w'’-]+,\s*[^\W\d_][\w'’-]*(?:\s+\w\.?)?|(?:[A-Z][a-z'’-]+|[A-Z]{2,})(?:\s+[A-Z]\.?)?\s+(?:[A-Z][a-z'’-]+|[A-Z]{2,})"
)

_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_DATES = re.compile(
    rf"\b\d{{1,4}}[/.-]\d{{1,2}}[/.-]\d{{1,4}}\b|\b{_MONTH}\.?\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+\d{{2,4}}\b"
    rf"|\b\d{{1,2}}(?:st|nd|rd|th)?[\s-]{_MONTH}\.?,?[\s-]\d{{2,4}}\b",
    re.IGNORECASE,
)
_LABELLED = re.compile(
    r"\b(?:mrn|dob|ssn|name|patient|pt|member|subscriber|insured|policy|acct|account|guarantor|chart|mbi|hicn)\b"
    r"(?:\s*(?:id|no|num|number|name|dob)\b\.?)?\s*(?:[:=]|#:?)\s*[^,;|\[\]]+",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"\b((?i:patient|pt|member|subscriber|insured|guarantor|dependent|mr|mrs|ms|dr)\b\.?)"
    r"((?:\s+[A-Z][a-z'’-]+){1,3})"
)
_NAMED_CAPITALS = re.compile(r"\b(PATIENT|PT|MEMBER|SUBSCRIBER|INSURED|GUARANTOR)((?:,?\s+[A-Z'’-]{2,}){2,3})\b")
_SURNAME_FIRST = re.compile(r"\b[A-Z][a-z'’]+,\s[A-Z][a-z'’]+\b")
_DIGITS = re.compile(r"\b[A-Za-z]{0,4}\d{6,}[A-Za-z0-9]*\b|\b\d[\d-]{6,}\d\b")
_ORDINARY_WORDS = (
    "not is was has had have no id ids coverage covered eligibility eligible responsibility plan policy"
    " benefit benefits cannot be could for on at of the in and or by to with under over age records record info"
    " number name service services date dates does did liability share portion cost deductible copay"
    " coinsurance balance history chart status type inactive active termed terminated enrolled identified found"
    " unknown invalid missing denied paid claim medicare medicaid hospice inpatient outpatient must may should"
    " will can other insurance requires required needs need authorization auth referral exceeded reached"
    " maximum information"
)
_ORDINARY = frozenset(_ORDINARY_WORDS.split())


def is_personal_header(header: str) -> bool:
    """Whether a header promises a patient's name, birth date, number, address, phone or e-mail."""
    words = reduced(header)
    if words & PERSON_WORDS and not words & CLAIM_WORDS:
        return True
    return words in _PERSONAL_ALONE or any(personal <= words for personal in _PERSONAL)


def holds_identifiers(cells: Sequence[str]) -> bool:
    """Whether most filled cells are e-mail addresses, phone numbers or social security numbers."""
    patterns = (_EMAIL, _SOCIAL_SECURITY, _PHONE)
    filled = [cell.strip() for cell in cells if not is_blank(cell)]
    return any(_share(filled, pattern) > 0.3 for pattern in patterns)


def holds_persons(cells: Sequence[str]) -> bool:
    """Whether the cells of a column nobody mapped look like people's names or birth dates."""
    filled = [cell.strip() for cell in cells if not is_blank(cell)]
    names = [cell for cell in filled if _PERSON.fullmatch(cell)]
    if filled and len(names) > 0.6 * len(filled) and len(set(names)) > 0.3 * len(names):
        return True
    return _are_birth_dates(filled)


def _are_birth_dates(filled: list[str]) -> bool:
    years = [
        year
        for parts in map(take_apart, filled)
        if parts is not None and (year := parts.first if parts.order == "ymd" else parts.third) <= date.max.year
    ]
    return len(years) > 0.6 * len(filled) and bool(years) and max(years) - min(years) > 15


def _share(cells: list[str], pattern: re.Pattern[str]) -> float:
    return sum(pattern.fullmatch(cell) is not None for cell in cells) / len(cells) if cells else 0.0


def mask_numbers(text: str) -> str:
    """The text without e-mail addresses, social security and phone numbers."""
    if len(text) < _SHORTEST_NUMBER and "@" not in text:
        return text
    for pattern, mask in ((_EMAIL, "[e-mail]"), (_SOCIAL_SECURITY, "[number]"), (_PHONE, "[phone]")):
        text = pattern.sub(mask, text)
    return text


def names_an_identifier(text: str) -> bool:
    """Whether the text says what it holds, as in `MRN: 12345`."""
    return _LABELLED.search(text) is not None


def mask_text(text: str) -> str:
    """Free text without what could tell who the patient is: numbers, dates, labelled values, names after a title."""
    text = mask_numbers(text)
    text = _LABELLED.sub("[identifier]", text)
    text = _DATES.sub("[date]", text)
    text = _DIGITS.sub("[number]", text)
    text = _SURNAME_FIRST.sub("[name]", text)
    return _NAMED_CAPITALS.sub(_without_name, _NAMED.sub(_without_name, text))


def _without_name(found: re.Match[str]) -> str:
    words = found[2].replace(",", " ").split()
    name = list(takewhile(lambda word: word.lower() not in _ORDINARY, words))
    return " ".join([found[1], "[name]", *words[len(name) :]]) if name else found[0]
