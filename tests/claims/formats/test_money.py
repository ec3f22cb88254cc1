"""Amounts as exports write them."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payerwatch.claims.formats.money import plain_cents, read_cents

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        *(("$1,200.50", 120050), ("1200.5", 120050), ("(12.00)", -1200), ("($1,012.00)", -101200), ("-3", -300)),
        *(("12.00-", -1200), ("-$3.10", -310), ("USD 5", 500), ("5 USD", 500), (".5", 50), ("1.200,50", 120050)),
        *(("1200,50", 120050), ("1,200", 120000), ("1 200.00", 120000), ("0", 0), ("'12.30", 1230), ("€7,10", 710)),
        *(("", None), ("N/A", None), ("-", None), (" ", None)),
    ],
)
def test_amounts_are_read_in_cents(text: str, cents: int | None) -> None:
    assert read_cents(text) == cents


@pytest.mark.parametrize("text", ["abc", "1.2.3", "12,34,56", "1e5", "inf", "(5", "--5", "$", "9999999999"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="amount"):
        read_cents(text)


@settings(max_examples=100)
@given(st.integers(min_value=-(10**9), max_value=10**9))
def test_the_fast_way_and_the_careful_way_agree(cents: int) -> None:
    text = f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02d}"
    fast = pl.DataFrame({"cell": [text]}).select(plain_cents(pl.col("cell"))).item()
    assert fast == read_cents(text) == cents
    dollars = f"${abs(cents) // 100:,}.{abs(cents) % 100:02d}"
    assert pl.DataFrame({"cell": [dollars]}).select(plain_cents(pl.col("cell"))).item() == read_cents(dollars)


@pytest.mark.parametrize("text", ["nan", "inf", "1e300", "99999999999999", "$1,2", "(5)", ""])
def test_the_fast_way_leaves_the_unusual_to_the_careful_way(text: str) -> None:
    assert pl.DataFrame({"cell": [text]}).select(plain_cents(pl.col("cell"))).item() is None
