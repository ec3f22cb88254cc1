"""CPT and HCPCS codes out of a cell, and claim numbers as text."""

import re

from payerwatch.claims.formats.dates import is_blank

MAX_CLAIM_NUMBER = 80

_PREFIX = re.compile(r"^(?:CPT|HCPCS|HC)[\s:#-]*(?=[0-9A-V])")
_CODE = re.compile(
    r"(\d{4}[0-9AFMTU]|[A-V]\d{4})(?:\.0)?"  # CPT I, II, III, PLA and MAAA; HCPCS
    r"(?:(?:[\s:,/-]+[0-9A-Z]{2})*|\s*[-:]\s*[A-Z][A-Z\s,()/&.'-]*)"  # modifiers, or words after a dash
)
_ROUNDED = re.compile(r"\d(?:\.\d+)?E\+?\d+", re.IGNORECASE)
_WHOLE_FLOAT = re.compile(r"(\d+)\.0+")


def read_cpt(text: str) -> tuple[str | None, str | None]:
    """The code without its modifiers, or the problem: `cpt_missing`, `cpt_invalid`."""
    if is_blank(text):
        return None, "cpt_missing"
    plain = _PREFIX.sub("", text.strip().upper())
    found = _CODE.fullmatch(plain)
    return (found[1], None) if found else (None, "cpt_invalid")


def read_claim_number(text: str) -> tuple[str | None, str | None]:
    """The number as text, None for a blank cell, or the problem that keeps the row out."""
    plain = " ".join(text.split())
    if is_blank(plain):
        return None, None
    if plain.startswith("~"):
        return None, "claim_number_reserved"
    if _ROUNDED.fullmatch(plain):
        return None, "claim_number_rounded"
    if len(plain) > MAX_CLAIM_NUMBER:
        return None, "claim_number_too_long"
    whole = _WHOLE_FLOAT.fullmatch(plain)
    return (whole[1] if whole else plain), None
