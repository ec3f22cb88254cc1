"""Reading each distinct cell once: claims repeat their payers, codes, dates and words."""

from __future__ import annotations

from collections.abc import Callable

from payerwatch.late import polars as pl

_REMEMBERED = 50_000


class Lookup:
    """Turns a column of text into columns of what `read` says of each distinct cell.

    `read` answers a tuple of the values of `schema`, in its order. The latest 50,000 distinct cells are kept.
    """

    def __init__(self, read: Callable[[str], tuple[object, ...]], schema: dict[str, pl.DataType]) -> None:
        self._read = read
        self._schema: dict[str, pl.DataType] = {"cell": pl.String(), **schema}
        self._known: dict[str, tuple[object, ...]] = {}

    def columns(self, cells: pl.Series) -> list[pl.Series]:
        """A series per column of the schema, as long as `cells`."""
        distinct: list[str] = cells.unique().to_list()
        if len(self._known) > _REMEMBERED:
            self._known.clear()
        for cell in distinct:
            if cell not in self._known:
                self._known[cell] = self._read(cell)
        table = pl.DataFrame([(cell, *self._known[cell]) for cell in distinct], schema=self._schema, orient="row")
        return cells.to_frame("cell").join(table, on="cell", how="left", maintain_order="left").get_columns()[1:]
