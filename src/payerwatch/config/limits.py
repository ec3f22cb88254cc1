"""How long PostgreSQL may take."""

from typing import NamedTuple


class Limits(NamedTuple):
    """In seconds; 0: none."""

    statement: int
    """That a statement may take, its waiting for locks included."""
    idle: int
    """That a transaction may lie open while nothing is asked of it."""
