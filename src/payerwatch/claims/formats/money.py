"""Amounts as exports write them (`$1,200.50`, `(12.00)`, `1.200,50`), in whole cents."""

from __future__ import annotations

import re
from collections.abc import Sequence

from payerwatch.claims.formats.dates import is_blank
from payerwatch.late import polars as pl

_MOST_CENTS = 100_000_000_000  # a claim of a billion dollars is a mistake
_CURRENCY = re.compile(r"US\$|USD|[$€£\s]", re.IGNORECASE)
_AMERICAN = re.compile(r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?|\.\d+")
_DOLLARS_PATTERN = r"^\$(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?$"
_EUROPEAN = re.compile(r"(?:\d{1,3}(?:\.\d{3})+|\d+),\d{1,2}")


def read_cents(text: str) -> int | None:
    """Whole cents; None for a blank cell. Raises ValueError where the cell is no amount."""
    if is_blank(text):
        return None
    plain = _CURRENCY.sub("", text.strip().removeprefix("'"))
    digits = plain.strip("()+-")
    signs = plain.replace(digits, "", 1)
    if signs not in {"", "+", "-", "()", "-()", "(-)"}:
        raise ValueError("not an amount")
    if _AMERICAN.fullmatch(digits):
        dollars = digits.replace(",", "")
    elif _EUROPEAN.fullmatch(digits):
        dollars = digits.replace(".", "").replace(",", ".")
    else:
        raise ValueError("not an amount")
    cents = round(float(dollars) * 100)
    if cents >= _MOST_CENTS:
        raise ValueError("not a plausible amount")
    return -cents if "-" in signs or "(" in signs else cents


def books_with_minus(cells: Sequence[str]) -> bool:
    """Whether a column books its amounts with a minus throughout, as ledgers do with payments."""
    amounts = [cents for cell in cells if (cents := _cents_or_none(cell))]
    return len(amounts) >= 5 and sum(cents < 0 for cents in amounts) > 0.9 * len(amounts)


def _cents_or_none(cell: str) -> int | None:
    try:
        return read_cents(cell)
    except ValueError:
        return None


def plain_cents(cells: pl.Expr) -> pl.Expr:
    """Whole cents of cells such as `764.79`, `-3` and `$1,200.50`; null for all others, to be read one by one."""
    stripped = cells.str.strip_chars()
    grouped = stripped.str.contains(_DOLLARS_PATTERN)
    dollars = pl.when(grouped).then(stripped.str.replace_all("[$,]", "")).otherwise(stripped)
    cents = (dollars.cast(pl.Float64, strict=False) * 100).round(0)
    return pl.when(cents.is_finite() & (cents.abs() < _MOST_CENTS)).then(cents).cast(pl.Int64)
