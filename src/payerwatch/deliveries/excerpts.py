"""The beginning of an answer, as it may be kept and shown: what looks secret or personal, or is of the message that was
sent, is left out. Rather too much than too little: it is there to tell one fault from another."""

import html
import re
from collections.abc import Iterable
from urllib.parse import unquote

EXCERPT_BYTES = 1024
LEFT_OUT = "…"
ECHO = 8  # characters in a row that are in what was sent too are an echo of it

_VALUE = r"\\?[\"']?[^\s\"'<>,;&}\\]+"
_SECRETIVE = r"token|api[-_ ]?key|authorization|cookie|session|signature|credential"
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b(?:bearer|basic|digest)\s+{_VALUE}",
        rf"(?:secret|passw(?:or)?d|passphrase|pwd)\w{{0,20}}\\?[\"']?\s*[:=\s]\s*{_VALUE}",
        rf"(?:{_SECRETIVE})\w{{0,20}}\\?[\"']?\s*[:=]\s*{_VALUE}",
        r"[^\s\"'<>(),;:=]{1,64}@[^\s\"'<>(),;]+",  # e-mail addresses
        r"\b[a-z]{2,8}_[A-Za-z0-9+/=_]{8,}",  # keys and ids with a prefix
        r"[A-Za-z0-9+/_=.~-]{20,}",  # keys without
        r"\d{1,4}\s?[-/.]\s?\d{1,2}\s?[-/.]\s?\d{1,4}",  # dates
        rf"\b{_DAY}[\s-]+{_MONTH}\b(?:,?[\s-]+\d{{2,4}})?",
        rf"\b{_MONTH}\s+{_DAY}\b(?:,?\s+\d{{2,4}})?",
        r"\d(?:[\s.()/-]{0,2}\d){4,}",  # numbers of people, claims, telephones
    )
)
_CUT_WORD = re.compile(r"[^\s\"'<>(){}\[\],;]*\Z")
_UNPRINTABLE = re.compile(
    r"[^\S ]|[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufffd]+"
)
_ESCAPED = re.compile(r"\\u([0-9a-f]{4})", re.IGNORECASE)


def excerpt_of(answered: bytes, sent: Iterable[bytes]) -> str:
    """The first bytes of an answer as one line of text, without secrets, people's data and what was `sent`."""
    if not answered:
        return ""
    text = answered[:EXCERPT_BYTES].decode(errors="replace")
    cut = len(answered) > EXCERPT_BYTES
    text = _plain(_without_half_a_word(text) if cut else text)
    text = _without_half_a_word(text) if cut else text
    text = _without_echo(text, [_plain(each.decode(errors="replace")) for each in sent])
    for pattern in _PATTERNS:
        text = pattern.sub(LEFT_OUT, text)
    return " ".join(text.split())


def _without_half_a_word(text: str) -> str:
    """Half of it might not look like what the whole is."""
    return _CUT_WORD.sub("", text)


def _plain(text: str) -> str:
    """What is escaped as JSON, HTML and addresses do it is written out, so that it looks like what it is."""
    text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    return _UNPRINTABLE.sub(" ", unquote(html.unescape(text)))


def _without_echo(text: str, sent: Iterable[str]) -> str:
    """Each run of characters that is in what was sent gives way to one sign."""
    known = {piece for each in sent for piece in _pieces(each)}
    echoed = [False] * len(text)
    for place, piece in enumerate(_pieces(text)):
        if piece in known:
            echoed[place : place + ECHO] = [True] * ECHO
    kept = "".join("\0" if out else sign for sign, out in zip(text, echoed, strict=True))
    return re.sub("\0+", LEFT_OUT, kept)


def _pieces(text: str) -> list[str]:
    # A letter at a time, as some grow when they are made small.
    low = [sign.lower() for sign in text]
    return ["".join(low[place : place + ECHO]) for place in range(len(low) - ECHO + 1)]
