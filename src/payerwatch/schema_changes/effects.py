"""What users of a table notice of an operation: which lock it takes for an instant, and whether it reads all rows."""

from typing import NamedTuple


class Effect(NamedTuple):
    lock: str
    """The strongest that it holds, for an instant; blank where none stops reading or writing."""
    reads_all_rows: bool
    """While others go on reading and writing."""


INSTANT = Effect("ACCESS EXCLUSIVE", reads_all_rows=False)
BESIDE = Effect("", reads_all_rows=True)
INSTANT_AND_BESIDE = Effect("ACCESS EXCLUSIVE", reads_all_rows=True)
NOTHING = Effect("", reads_all_rows=False)
