"""Why a change of a table is not made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from django.core.management.base import CommandError

if TYPE_CHECKING:
    from payerwatch.schema_changes.blockers import Blocker

NAMED = 20
"""How many customers a message names."""


class ChangeRefused(CommandError):
    """A change of a table was not made. What was changed before it stays; `payerwatch migrate` goes on from there."""


class LockNotToBeHad(ChangeRefused):
    """There was no instant in which nobody used the table."""

    def __init__(self, tables: Sequence[str], blockers: Sequence[Blocker], seconds: float) -> None:
        self.blockers = list(blockers)
        who = "; ".join(each.in_words() for each in self.blockers) or "many short transactions one after the other"
        super().__init__(
            f"The lock on {', '.join(tables)} was not to be had in {seconds:.0f} s: {who}. Nobody was kept waiting. "
            f"Run it again when there is less to do, or end that connection: SELECT pg_terminate_backend(pid)."
        )


class ChangeTakesTooLong(ChangeRefused):
    """The change reads or writes all rows while it keeps everybody out."""

    def __init__(self, tables: Sequence[str], milliseconds: int) -> None:
        super().__init__(
            f"The change of {', '.join(tables)} did not end in {milliseconds} ms and was taken back: it keeps "
            f"everybody out meanwhile. Write it with an operation that goes through the rows beside them."
        )


class DuplicatesFound(ChangeRefused):
    """What is to be unique is not."""

    def __init__(self, table: str, columns: Sequence[str], by_customer: Mapping[str, int]) -> None:
        self.by_customer = dict(by_customer)
        super().__init__(
            f"{table} has rows that are alike in {', '.join(columns)}, so that these cannot be unique. Values that "
            f"stand more than once, by customer: {_most(by_customer)}. Nothing was changed; put these right and run "
            f"it again."
        )


class RowsDoNotFit(ChangeRefused):
    """What is to hold for all rows does not hold for some. `by_customer` is empty where they cannot be counted."""

    def __init__(self, table: str, name: str, definition: str, by_customer: Mapping[str, int]) -> None:
        self.by_customer = dict(by_customer)
        how_many = f" Rows for which it does not hold, by customer: {_most(by_customer)}." if by_customer else ""
        super().__init__(
            f"{table} has rows that do not fit {name}, {definition}.{how_many} The constraint was taken away again; "
            f"put these right and run it again."
        )


def _most(by_customer: Mapping[str, int]) -> str:
    most = sorted(by_customer.items(), key=lambda each: (-each[1], each[0]))
    told = ", ".join(f"{customer}: {count}" for customer, count in most[:NAMED])
    return told + (f" and {len(most) - NAMED} customers more" if len(most) > NAMED else "")


class AnotherOfThatName(ChangeRefused):
    """The database has something of the name that is to be made, and it is something else."""

    def __init__(self, name: str, there: str, wanted: str) -> None:
        super().__init__(
            f"There is {name} already, and it is another: {there}. Wanted is: {wanted}. Rename or drop that one first."
        )


class UnsafeChange(ChangeRefused):
    """A plain operation would keep everybody out of a table that has many rows."""

    def __init__(self, what: str, table: str, instead: str) -> None:
        super().__init__(f"{what} would keep everybody out of {table}, which has many rows. Write it as {instead}.")


class InsideATransaction(ChangeRefused):
    """The operation cannot be part of a transaction that holds other things."""

    def __init__(self, operation: str) -> None:
        super().__init__(f"{operation} makes its own transactions: write `atomic = False` in the migration.")
