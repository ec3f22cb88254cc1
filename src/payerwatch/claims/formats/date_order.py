"""Whether the day or the month comes first in a file: proven by its dates, or asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from payerwatch.claims.formats.dates import DateOrder, order_proven, take_apart
from payerwatch.claims.formats.refusals import DateOrderAmbiguous, DateOrderContradictory
from payerwatch.late import polars as pl

_ENOUGH_PROOFS = 10
_MOST_CONTRARY_SHARE = 0.05


@dataclass
class DateEvidence:
    """How many cells prove month first, day first, either, or carry their order within them (ymd)."""

    counts: Counter[str] = field(default_factory=Counter)

    def add(self, cells: pl.Series) -> None:
        """Count the dates in a column of text."""
        for text, times in cells.value_counts(name="times").iter_rows():
            parts = take_apart(text)
            if parts is not None:
                self.counts[order_proven(parts) or ("ymd" if parts.order else "same")] += times

    @property
    def is_settled(self) -> bool:
        """Whether the sample says enough for the rest not to be read first."""
        proofs = self.counts["mdy"] + self.counts["dmy"]
        if proofs == 0:
            return not self.counts["either"] and self.counts["ymd"] >= _ENOUGH_PROOFS
        return proofs >= _ENOUGH_PROOFS and self._contrary_share() <= _MOST_CONTRARY_SHARE

    def order(self, columns: Sequence[str], remembered: DateOrder | None = None) -> DateOrder | None:
        """The order, None where no date needs one; `remembered` decides where the dates do not.

        Raises DateOrderAmbiguous, or DateOrderContradictory where more than 5 % prove the other order.
        """
        proofs = self.counts["mdy"] + self.counts["dmy"]
        if proofs == 0:
            if self.counts["either"] and remembered in ("mdy", "dmy"):
                return remembered
            if self.counts["either"]:
                raise _ambiguous(columns)
            return None
        if self._contrary_share() > _MOST_CONTRARY_SHARE:
            raise _contradictory(self.counts, columns)
        return "mdy" if self.counts["mdy"] > self.counts["dmy"] else "dmy"

    def _contrary_share(self) -> float:
        month_first, day_first = self.counts["mdy"], self.counts["dmy"]
        return min(month_first, day_first) / (month_first + day_first)


def gather(tables: Iterable[pl.DataFrame], columns: Sequence[str]) -> DateEvidence:
    """Evidence of all rows of `tables`, read only until it is settled."""
    evidence = DateEvidence()
    for table in tables:
        for column in columns:
            evidence.add(table[column])
        if evidence.is_settled:
            break
    return evidence


def _ambiguous(columns: Sequence[str]) -> DateOrderAmbiguous:
    return DateOrderAmbiguous(
        "Nothing in the file says whether the day or the month comes first: a date like 03/04/2025"
        " would be March 4, 2025 with mdy and April 3, 2025 with dmy",
        where=_in_columns(columns),
        fix="Say which with --date-order mdy or --date-order dmy.",
    )


def _contradictory(counts: Counter[str], columns: Sequence[str]) -> DateOrderContradictory:
    return DateOrderContradictory(
        f"{counts['mdy']:,} dates have the month first (like 03/25/2025) and {counts['dmy']:,} the day first"
        " (like 25/03/2025)",
        where=_in_columns(columns),
        fix="Export the dates as YYYY-MM-DD; or choose with --date-order mdy or --date-order dmy,"
        " and the dates that do not fit are set aside.",
    )


def _in_columns(columns: Sequence[str]) -> str:
    return "columns " + ", ".join(columns) if len(columns) > 1 else f"column {columns[0]}"
