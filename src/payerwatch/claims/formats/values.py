"""The checks a row passes: cells to typed columns, and for each row that fails, the code of the first reason."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import date
from functools import partial

from payerwatch.claims.denials import denial_category, reason_given
from payerwatch.claims.formats.codes import read_claim_number, read_cpt
from payerwatch.claims.formats.dates import DateOrder, is_blank, read_date
from payerwatch.claims.formats.denial_words import known_words
from payerwatch.claims.formats.header_words import AMOUNT_FIELDS, DATE_FIELDS, FIELDS
from payerwatch.claims.formats.lines import printable
from payerwatch.claims.formats.lookups import Lookup
from payerwatch.claims.formats.money import plain_cents, read_cents
from payerwatch.claims.formats.outcomes import Asks, read_outcome
from payerwatch.claims.formats.privacy import mask_numbers
from payerwatch.claims.payer_names import normalise
from payerwatch.late import polars as pl

MAX_TEXT = 200

_KEY_FIELDS = [field for field in FIELDS if field != "claim_number"]
# What Python calls white space: the separator of the cells in a key is among it, so no cell can hold one.
_SPACES = r"[\s\x1c-\x1f]+"
# Such a claim number needs no second look: digits, or capitals with a digit among them.
_USUAL_NUMBER = r"^(?:[A-Z][A-Z-]{0,19}\d[0-9A-Z-]{0,39}|\d[\d-]{0,59})$"


def accepted_schema() -> dict[str, pl.DataType]:
    """The columns of accepted rows, in their order, each with its type."""
    return {
        "row": pl.Int64(),
        "payer_name": pl.String(),
        "cpt": pl.String(),
        "submitted_date": pl.Date(),
        "service_date": pl.Date(),
        "decided_date": pl.Date(),
        "outcome": pl.String(),
        "status": pl.String(),
        "billed_amount": pl.Int64(),
        "allowed_amount": pl.Int64(),
        "paid_amount": pl.Int64(),
        "denial_code": pl.String(),
        "denial_reason": pl.String(),
        "denial_category": pl.String(),
        "claim_number": pl.String(),
        "content_key": pl.String(),
    }


class RowChecks:
    """Checks tables of one file, whose mapping, date order and outcome question are settled."""

    def __init__(
        self,
        mapping: Mapping[str, int],
        *,
        order: DateOrder | None,
        asks: Asks | None,
        negated: frozenset[str],
        today: date,
    ) -> None:
        self._mapping = mapping
        self._negated = negated
        self._today = today
        dated = Lookup(partial(read_date, order=order), {"date": pl.Date(), "problem": pl.String()})
        self._lookups = {
            **dict.fromkeys(DATE_FIELDS, dated),
            "payer": Lookup(_read_payer, {"payer_name": pl.String(), "payer_problem": pl.String()}),
            "cpt": Lookup(read_cpt, {"cpt": pl.String(), "cpt_problem": pl.String()}),
            "outcome": Lookup(
                partial(read_outcome, asks=asks),
                dict.fromkeys(("outcome", "status", "outcome_problem", "undecided_as"), pl.String()),
            ),
            "denial_reason": Lookup(
                _read_reason, {"denial_code": pl.String(), "denial_reason": pl.String(), "denial_category": pl.String()}
            ),
        }
        self._odd_numbers = Lookup(read_claim_number, {"number": pl.String(), "claim_number_problem": pl.String()})
        self._odd_amounts = Lookup(_read_odd_amount, {"cents": pl.Int64(), "is_amount": pl.Boolean()})

    def check(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The columns of `accepted_schema`, plus `record` and `problem` (null where the row is accepted)."""
        columns = [frame["row"], frame["record"]]
        for field in ("payer", "cpt", "outcome", "denial_reason"):
            columns += self._looked_up(frame, field)
        for field in DATE_FIELDS:
            value, problem = self._lookups[field].columns(_without_times(self._cells(frame, field)))
            columns += [value.alias(field), problem.alias(f"{field}_problem")]
        for field in AMOUNT_FIELDS:
            columns += self._amount(frame, field)
        columns += self._claim_number(frame)
        checked = pl.DataFrame(columns).pipe(self._settle_undecided)
        checked = checked.with_columns(self._problem().alias("problem")).pipe(self._tidied)
        return checked.with_columns(self._content_keys(frame, checked))

    def _cells(self, frame: pl.DataFrame, field: str) -> pl.Series:
        at = self._mapping.get(field)
        if at is None:
            return pl.repeat("", frame.height, dtype=pl.String, eager=True)
        return frame[str(at)]

    def _looked_up(self, frame: pl.DataFrame, field: str) -> list[pl.Series]:
        return self._lookups[field].columns(self._cells(frame, field))

    def _amount(self, frame: pl.DataFrame, field: str) -> list[pl.Series]:
        cells = self._cells(frame, field)
        cents = cells.to_frame("cell").select(plain_cents(pl.col("cell")))["cell"]
        odd = cents.is_null()
        readable = pl.repeat(True, frame.height, dtype=pl.Boolean, eager=True)
        if odd.any():
            found, is_amount = self._odd_amounts.columns(cells.set(~odd, "0"))
            cents, readable = found.zip_with(odd, cents), is_amount
        if field in self._negated:
            cents = -cents
        return [cents.alias(field), (~readable).alias(f"{field}_invalid")]

    def _claim_number(self, frame: pl.DataFrame) -> list[pl.Series]:
        cells = self._cells(frame, "claim_number")
        usual = cells.str.contains(_USUAL_NUMBER)
        if usual.all():
            return [cells.alias("claim_number"), _nothing(frame.height).alias("claim_number_problem")]
        number, problem = self._odd_numbers.columns(cells.set(usual, ""))
        return [cells.zip_with(usual, number).alias("claim_number"), problem]

    def _settle_undecided(self, checked: pl.DataFrame) -> pl.DataFrame:
        """A cell that means a decision only beside a decision date, such as `Denied? No`, without one."""
        if "decided_date" not in self._mapping:
            return checked
        undecided = pl.col("undecided_as").is_not_null() & (pl.col("decided_date_problem") == "missing")
        pending = undecided & (pl.col("undecided_as") == "pending")
        return checked.with_columns(
            pl.when(pending).then(pl.lit("pending")).otherwise("outcome").alias("outcome"),
            pl.when(pending).then(pl.lit("pending")).otherwise("status").alias("status"),
            pl.when(undecided & ~pending).then("undecided_as").otherwise("outcome_problem").alias("outcome_problem"),
        )

    def _problem(self) -> pl.Expr:
        decided = pl.col("outcome") != "pending"
        return pl.coalesce(
            pl.col("payer_problem"),
            pl.col("cpt_problem"),
            self._date_problem("submitted_date"),
            pl.col("outcome_problem"),
            pl.when(decided).then(self._date_problem("decided_date")),
            _code("decided_before_submitted", decided & (pl.col("decided_date") < pl.col("submitted_date"))),
            _code("amount_invalid", pl.any_horizontal(*(f"{field}_invalid" for field in AMOUNT_FIELDS))),
            _code("amount_negative", pl.any_horizontal(*(pl.col(field) < 0 for field in AMOUNT_FIELDS))),
            pl.col("claim_number_problem"),
        )

    def _date_problem(self, field: str) -> pl.Expr:
        problem = pl.col(f"{field}_problem")
        named = problem.replace_strict(
            ["missing", "invalid", "serial", "out_of_range"],
            [f"{field}_{name}" for name in ("missing", "invalid", "is_serial", "out_of_range")],
            default=None,
            return_dtype=pl.String,
        )
        return pl.coalesce(named, _code(f"{field}_in_future", pl.col(field) > self._today))

    def _content_keys(self, frame: pl.DataFrame, checked: pl.DataFrame) -> pl.Series:
        """22 characters for each row without a claim number, equal where the cells of all mapped columns are.

        The cells are taken as they stand but for spaces: what is made of them changes with our vocabulary and with
        the calendar, and the same row must be the same claim then too.
        """
        unnumbered = checked["claim_number"].is_null() & checked["problem"].is_null()
        if not unnumbered.any():
            return _nothing(checked.height).alias("content_key")
        cells = pl.DataFrame([self._cells(frame, field).alias(field) for field in _KEY_FIELDS]).with_columns(
            pl.all().fill_null("").str.replace_all(_SPACES, " ").str.strip_chars(" ")
        )
        texts = cells.select(pl.concat_str(pl.all(), separator="\x1f")).to_series()
        keys = [_digest(text) if wanted else None for text, wanted in zip(texts, unnumbered, strict=True)]
        return pl.Series("content_key", keys, dtype=pl.String)

    def _tidied(self, checked: pl.DataFrame) -> pl.DataFrame:
        """A pending row's date is that of its status, not of a decision; only a denied row has a category.

        No measure needs the service date: one that cannot be is left out, the row stays.
        """
        is_pending, is_denied = pl.col("outcome") == "pending", pl.col("outcome") == "denied"
        return checked.with_columns(
            pl.when(~is_pending).then("decided_date").alias("decided_date"),
            pl.when(is_denied).then("denial_category").alias("denial_category"),
            pl.when(pl.col("service_date") <= self._today).then("service_date").alias("service_date"),
        )


def _without_times(cells: pl.Series) -> pl.Series:
    """Times of day would make nearly every cell distinct."""
    if not cells.str.contains(":", literal=True).any():
        return cells
    return cells.str.replace(r"[T ]\d{1,2}:\d{2}.*$", "")


def _nothing(height: int) -> pl.Series:
    return pl.repeat(None, height, dtype=pl.String, eager=True)


def _code(name: str, condition: pl.Expr) -> pl.Expr:
    return pl.when(condition).then(pl.lit(name))


def _digest(text: str) -> str:
    digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _read_payer(cell: str) -> tuple[str | None, str | None]:
    name = mask_numbers(printable(cell))[:MAX_TEXT].rstrip()
    if is_blank(name) or not normalise(name):
        return None, "payer_missing"
    return (None, "payer_is_formula") if name[0] in "=+-@" else (name, None)


def _read_reason(cell: str) -> tuple[str | None, str | None, str]:
    plain = "" if is_blank(cell) else printable(cell)
    code, category = denial_category(plain)
    return code, known_words(plain)[:MAX_TEXT] or None, reason_given(category)


def _read_odd_amount(cell: str) -> tuple[int | None, bool]:
    try:
        return read_cents(cell), True
    except ValueError:
        return None, False
