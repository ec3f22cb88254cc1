"""From the spellings in a file to payers: known ones by their mapping, new ones made on the way."""

from __future__ import annotations

from dataclasses import dataclass

from payerwatch.claims.models import Payer, PayerMapping
from payerwatch.claims.payer_names import ABBREVIATIONS, normalise, suggest
from payerwatch.late import polars as pl
from payerwatch.refusals import Refusal

# Below this a near spelling is more often another payer than the same one.
_WORTH_SUGGESTING = 0.8
_KEY_LENGTH = 200
MOST_NEW_PAYERS = 1_000
# Beyond this a list of suggestions helps nobody, and comparing all with all takes minutes.
_MOST_COMPARED = 200


def payer_key(name: str) -> str:
    """What spellings of a name share, as it is stored; empty for a name without letter or digit."""
    return normalise(name)[:_KEY_LENGTH]  # folding case can make a name longer than it was


@dataclass(frozen=True)
class PayerSuggestion:
    """A new spelling that is probably a payer already known; `score` is 0 to 1."""

    raw_name: str
    payer: str
    score: float


class TooManyPayers(Refusal):
    """A file names more payers than any practice has: another column was taken for the payer."""

    def __init__(self) -> None:
        super().__init__(
            f"The file names more than {MOST_NEW_PAYERS:,} payers that are not known yet",
            where="the column mapped to payer",
            fix='Name the right column with --mapping \'{"payer": "..."}\'.',
        )


class PayerDirectory:
    """The customer's payer mappings, read once and extended as new spellings turn up. Raises TooManyPayers."""

    def __init__(self) -> None:
        self._mapped = {m.raw_key: (m.pk, m.payer_id) for m in PayerMapping.objects.all()}
        self._payers = {payer.name_key: payer for payer in Payer.objects.all()}
        self._new: list[Payer] = []

    def resolve(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Add `payer_mapping_id` and `payer_id` for the column `payer_name`."""
        names = rows["payer_name"].unique(maintain_order=True).to_list()
        found = [(name, *self._mapping(name)) for name in names]
        ids = pl.DataFrame(
            found,
            schema={"payer_name": pl.String, "payer_mapping_id": pl.Int64, "payer_id": pl.Int64},
            orient="row",
        )
        return rows.join(ids, on="payer_name", how="left", maintain_order="left")

    def suggestions(self) -> list[PayerSuggestion]:
        """For each payer made by this load, the payer seen before it that it is probably a spelling of."""
        in_use = {payer_id for _, payer_id in self._mapped.values()} - {payer.pk for payer in self._new}
        seen = [payer.name for payer in self._payers.values() if payer.pk in in_use]
        new: set[str] = set()
        suggestions = []
        for payer in self._new[:_MOST_COMPARED]:
            best = next(iter(suggest(payer.name, seen)), None)
            if best is not None and best[1] >= _WORTH_SUGGESTING:
                suggestions.append(_suggestion(payer.name, best[0], best[1], either_way=best[0] in new))
            seen.append(payer.name)
            new.add(payer.name)
        return suggestions

    def _mapping(self, raw_name: str) -> tuple[int, int]:
        key = payer_key(raw_name)
        if key not in self._mapped:
            payer = self._payers.get(key) or self._add_payer(raw_name, key)
            mapping = PayerMapping.objects.create(raw_name=raw_name, raw_key=key, payer=payer)
            self._mapped[key] = (mapping.pk, payer.pk)
        return self._mapped[key]

    def _add_payer(self, name: str, key: str) -> Payer:
        if len(self._new) == MOST_NEW_PAYERS:
            raise TooManyPayers
        payer = Payer.objects.create(name=name, name_key=key)
        self._payers[key] = payer
        self._new.append(payer)
        return payer


def _suggestion(name: str, other: str, score: float, *, either_way: bool) -> PayerSuggestion:
    """Of two new payers the short form means the long one; otherwise the later means the earlier."""
    if either_way and payer_key(other) in ABBREVIATIONS and payer_key(name) not in ABBREVIATIONS:
        name, other = other, name
    return PayerSuggestion(name, other, round(score, 2))
