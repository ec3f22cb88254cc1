"""Which column means what: by the words of its header and by what its cells look like."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from payerwatch.claims.denials import UNKNOWN, denial_category
from payerwatch.claims.formats.codes import read_cpt
from payerwatch.claims.formats.dates import is_blank, take_apart
from payerwatch.claims.formats.header_words import (
    AMOUNT_FIELDS,
    DATE_FIELDS,
    FIELDS,
    FOREIGN_WORDS,
    HEADERS,
    REQUIRED,
    VOCABULARY,
    WORDS,
)
from payerwatch.claims.formats.money import read_cents
from payerwatch.claims.formats.outcomes import UNKNOWN as OUTCOME_UNKNOWN
from payerwatch.claims.formats.outcomes import question_in, read_outcome

_LEAST_CONFIDENCE = 0.4
_TOO_CLOSE = 0.03
_UNMISTAKABLE = 0.9  # such a header means its field even where its cells cannot be read
_SAMPLE = 200


@dataclass(frozen=True)
class Guess:
    """Column position and confidence (0 to 1) per field; `rivals` are columns as likely as the one chosen."""

    columns: dict[str, int]
    confidence: dict[str, float]
    rivals: dict[str, list[int]]


def reduced(header: str) -> frozenset[str]:
    """A header's words in one spelling each: `Date_Of_Service`, `serviceDt` and a second `DOS (2)` are the same.

    Nothing is remembered here: what is asked about may be a row of data.
    """
    own = re.sub(r" \(\d+\)$", "", header)
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", own.replace("#", " number "))
    words = re.findall(r"[a-z]+[0-9]*|[0-9]+", spaced.lower())
    known = (_without_typing_error(word) for word in words)
    return frozenset(filter(None, (WORDS.get(word, word) for word in known)))


def _without_typing_error(word: str) -> str:
    if word in VOCABULARY or len(word) < 5:
        return word
    found = process.extractOne(word, VOCABULARY, scorer=fuzz.ratio, score_cutoff=86)
    return found[0] if found else word


_KNOWN: dict[str, dict[frozenset[str], float]] = {
    field: {reduced(header): weight for header, weight in reversed(headers.items())}
    for field, headers in HEADERS.items()
}


def name_weight(field: str, header: str) -> float:
    """How surely a header means a field, 0 to 1, its cells unseen."""
    return _weight(field, reduced(header))


def _weight(field: str, words: frozenset[str]) -> float:
    if not words:
        return 0.0
    known = _KNOWN[field]
    if words in known:
        return known[words]
    return max((_with_more_words(words, header, weight) for header, weight in known.items()), default=0.0)


def _with_more_words(words: frozenset[str], known: frozenset[str], weight: float) -> float:
    extra = words - known
    if known < words and len(known) > 1:
        return weight * 0.9 ** len(extra) * 0.3 ** len(extra & FOREIGN_WORDS)
    return 0.0


def recognised_fields(cells: Sequence[str]) -> int:
    """How many fields a row of cells would name if it were the header."""
    names = {reduced(cell) for cell in cells if len(cell) <= 100}
    return sum(any(_weight(field, words) >= _LEAST_CONFIDENCE for words in names) for field in FIELDS)


def guess_columns(columns: Sequence[str], samples: Sequence[Sequence[str]], usable: Sequence[int]) -> Guess:
    """The likeliest column of each field; `samples` holds some cells of each column."""
    words = {at: reduced(columns[at]) for at in usable}
    scores = {
        (field, at): score
        for field in FIELDS
        for at in usable
        if (score := _score(field, _weight(field, words[at]), columns[at], samples[at])) >= _LEAST_CONFIDENCE
    }
    chosen: dict[str, int] = {}
    for field, at in sorted(scores, key=lambda pair: (-scores[pair], FIELDS.index(pair[0]), pair[1])):
        if field not in chosen and at not in chosen.values():
            chosen[field] = at
    rivals = {field: _rivals(field, at, chosen, scores, samples) for field, at in chosen.items() if field in REQUIRED}
    confidence = {field: round(scores[field, at], 2) for field, at in chosen.items()}
    return Guess(chosen, confidence, {field: others for field, others in rivals.items() if others})


def _rivals(
    field: str,
    at: int,
    chosen: dict[str, int],
    scores: dict[tuple[str, int], float],
    samples: Sequence[Sequence[str]],
) -> list[int]:
    return [
        other
        for name, other in scores
        if name == field
        and other not in chosen.values()
        and scores[field, at] - scores[field, other] < _TOO_CLOSE
        and samples[other] != samples[at]
    ]


def _score(field: str, weight: float, header: str, cells: Sequence[str]) -> float:
    filled = [cell for cell in cells if not is_blank(cell)][:_SAMPLE]
    if not filled:
        return weight * 0.7
    likely = _LOOKS_LIKE[field]
    share = sum(likely(cell, header) for cell in filled) / len(filled)
    if weight == 0.0:
        return _by_content_alone(field, share, filled)
    return max(weight * (0.35 + 0.65 * share), _LEAST_CONFIDENCE if weight >= _UNMISTAKABLE else 0.0)


def _by_content_alone(field: str, share: float, filled: list[str]) -> float:
    """Only codes and outcomes are told by their cells: dates and amounts all look the same."""
    if field == "cpt" and share > 0.9 and len(filled) >= 5:
        return 0.5
    if field == "outcome" and share > 0.95 and len(filled) >= 5 and any(cell.strip()[0].isalpha() for cell in filled):
        return 0.5
    return 0.0


def _is_date(cell: str, _header: str) -> bool:
    return take_apart(cell) is not None or bool(re.fullmatch(r"[34]\d{4}(\.\d+)?", cell.strip()))


def _is_amount(cell: str, _header: str) -> bool:
    try:
        return read_cents(cell) is not None
    except ValueError:
        return False


def _is_cpt(cell: str, _header: str) -> bool:
    return read_cpt(cell)[0] is not None


def _is_outcome(cell: str, header: str) -> bool:
    return read_outcome(cell, question_in(header)) != OUTCOME_UNKNOWN


def _is_payer(cell: str, _header: str) -> bool:
    return sum(character.isalpha() for character in cell) >= 2 and take_apart(cell) is None


def _is_number(cell: str, _header: str) -> bool:
    return len(cell) <= 80 and take_apart(cell) is None and " " not in cell.strip()


def _is_reason(cell: str, _header: str) -> bool:
    return denial_category(cell) != (None, UNKNOWN)


_LOOKS_LIKE: dict[str, Callable[[str, str], bool]] = {
    **dict.fromkeys(DATE_FIELDS, _is_date),
    **dict.fromkeys(AMOUNT_FIELDS, _is_amount),
    "cpt": _is_cpt,
    "outcome": _is_outcome,
    "payer": _is_payer,
    "claim_number": _is_number,
    "denial_reason": _is_reason,
}
