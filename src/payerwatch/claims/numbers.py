"""How claim numbers are stored: as they are, or as a blind index with the number sealed beside it.

A number of ours, `~content.place`, is digest and place: of a sealed customer's the digest is indexed and sealed like
any number, since what is little known can be guessed from its digest, and the place stays readable.
"""

from __future__ import annotations

from payerwatch.late import polars as pl
from payerwatch.sealing.keys import customer_index, customer_sealer
from payerwatch.tenancy.context import current_customer_id

PURPOSE = "claim.number"


class StoredNumbers:
    """The stored forms of the entered customer's claim numbers under a field key; None: as they are.

    Raises FieldKeyMissing.
    """

    def __init__(self, key_id: str | None) -> None:
        self._seals = None
        if key_id is not None:
            customer_id = current_customer_id()
            self._seals = (
                customer_index(customer_id, PURPOSE, key_id),
                customer_sealer(customer_id, PURPOSE, key_id),
            )

    def key_of(self, number: str) -> str:
        """What stands for the number in `claim_key`."""
        if self._seals is None:
            return number
        text, place = _split(number)
        own = "~" if place else ""
        return f"{own}{self._seals[0].of(text)}{place}"

    def forms_of(self, number: str) -> tuple[str, str | None]:
        """`claim_key` and `sealed_number`."""
        if self._seals is None:
            return number, None
        return self.key_of(number), self._seals[1].seal(_split(number)[0])

    def columns(self, numbers: pl.Series) -> list[pl.Series]:
        """`claim_key` and `sealed_number` of each row."""
        if self._seals is None:
            nothing = pl.repeat(None, len(numbers), dtype=pl.String, eager=True)
            return [numbers.alias("claim_key"), nothing.alias("sealed_number")]
        forms = [self.forms_of(number) for number in numbers]
        return [
            pl.Series("claim_key", [key for key, _ in forms], dtype=pl.String),
            pl.Series("sealed_number", [sealed for _, sealed in forms], dtype=pl.String),
        ]


def number_from(claim_key: str, opened: str | None) -> str:
    """The claim number of what is stored; `opened` is `sealed_number` opened, None where it is plain."""
    return claim_key if opened is None else f"{opened}{_split(claim_key)[1]}"


def _split(number: str) -> tuple[str, str]:
    """A number and nothing; of our own numbers `~content` and `.place`."""
    if not number.startswith("~"):
        return number, ""
    content, dot, place = number.rpartition(".")
    return content, dot + place
