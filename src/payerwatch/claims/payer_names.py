"""Spellings of payers' names: which are the same, and which probably are."""

import re
from collections.abc import Iterable

from rapidfuzz import fuzz

# Short forms in common use, by key, with the name they stand for.
ABBREVIATIONS = {
    "uhc": "UnitedHealthcare",
    "unitedhealth": "UnitedHealthcare",
    "unitedhealthgroup": "UnitedHealthcare",
    "uhg": "UnitedHealthcare",
    "united": "UnitedHealthcare",
    "bcbs": "Blue Cross Blue Shield",
    "bluecross": "Blue Cross Blue Shield",
    "blueshield": "Blue Cross Blue Shield",
    "bluecrossandblueshield": "Blue Cross Blue Shield",
    "hcsc": "Health Care Service Corporation",
    "fepbcbs": "BCBS Federal Employee Program",
    "cms": "Medicare",
    "mcr": "Medicare",
    "mcare": "Medicare",
    "medicarepartb": "Medicare",
    "mcd": "Medicaid",
    "mcaid": "Medicaid",
    "ma": "Medicare Advantage",
    "kp": "Kaiser Permanente",
    "kaiser": "Kaiser Permanente",
    "va": "Veterans Affairs",
    "champva": "CHAMPVA",
    "chip": "Children's Health Insurance Program",
    "wc": "Workers Compensation",
    "workerscomp": "Workers Compensation",
    "selfpay": "Self-Pay",
    "cashpay": "Self-Pay",
    "umr": "UMR",
    "hnet": "Health Net",
    "umwa": "UMWA",
}
_LONG_FORMS = {short: "".join(filter(str.isalnum, name.casefold())) for short, name in ABBREVIATIONS.items()}
_WEAK = "inc llc corp corporation company co insurance ins plan plans the of health hlth healthcare group"
_WEAK_WORDS = frozenset(_WEAK.split())
_LEAST_SCORE = 0.6
_ABBREVIATION_SCORE = 0.95
_CONTAINED_SCORE = 0.82


def normalise(raw: str) -> str:
    """The key spellings share that differ only in case, spacing and punctuation; empty without letter or digit."""
    return "".join(filter(str.isalnum, raw.casefold()))


def suggest(raw: str, known_names: Iterable[str], *, limit: int = 5) -> list[tuple[str, float]]:
    """Known names that `raw` probably spells, best first, each with a score of 0.6 to 1."""
    scored = [(name, round(_likeness(raw, name), 3)) for name in known_names]
    likely = [pair for pair in scored if pair[1] >= _LEAST_SCORE]
    return sorted(likely, key=lambda pair: (-pair[1], pair[0]))[:limit]


def _likeness(raw: str, name: str) -> float:
    key, other = normalise(raw), normalise(name)
    if not key or not other:
        return 0.0
    if key == other:
        return 1.0
    if _spelled_out(raw) == _spelled_out(name):
        return _ABBREVIATION_SCORE
    return min(_same_words(raw, name), 0.94)


def _spelled_out(name: str) -> str:
    key = normalise(name)
    if key in _LONG_FORMS:
        return _LONG_FORMS[key]
    return "".join(_LONG_FORMS.get(word, word) for word in _words(name))


def _same_words(raw: str, name: str) -> float:
    """Likeness of what distinguishes the names: words such as `insurance` and `plan` count for little."""
    plain = fuzz.ratio(_spelled_out(raw), _spelled_out(name)) / 100
    telling, others = ([word for word in _words(n) if word not in _WEAK_WORDS] for n in (raw, name))
    if not telling or not others:
        return plain
    ordered = fuzz.token_sort_ratio(" ".join(telling), " ".join(others)) / 100
    return max(plain, 0.97 * ordered, _CONTAINED_SCORE if _contains(raw, name) else 0.0)


def _contains(raw: str, name: str) -> bool:
    """Whether one is the other with something added, such as a state; short names are in too many others."""
    shorter, longer = sorted((_spelled_out(raw), _spelled_out(name)), key=len)
    return len(shorter) >= 10 and longer.startswith(shorter)


def _words(name: str) -> list[str]:
    return re.findall(r"[^\W_]+", name.casefold())
