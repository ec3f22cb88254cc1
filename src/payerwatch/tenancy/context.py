"""Whose rows the running code may see: `with acting_in(customer): ...`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING

from django.db import connection, transaction

if TYPE_CHECKING:
    from payerwatch.tenancy.models import Customer

_acting_customer: ContextVar[int | None] = ContextVar("acting_customer", default=None)
_remembered: ContextVar[set[str] | None] = ContextVar("remembered", default=None)


class NoCustomer(Exception):
    """A tenant table was used outside acting_in(customer)."""

    def __init__(self) -> None:
        super().__init__(
            "A tenant table was used outside acting_in(customer). Enter the customer first: "
            "with acting_in(customer): ... A new thread and a callback after commit start outside."
        )


class AlreadyActing(Exception):
    """acting_in(customer) was entered inside acting_in(another customer)."""

    def __init__(self, outer: int, inner: int) -> None:
        super().__init__(
            f"acting_in(customer {inner}) was entered inside acting_in(customer {outer}). "
            f"Leave one customer before entering the next."
        )


def acting_customer_id() -> int | None:
    """The id of the customer entered by this thread or task, or None."""
    return _acting_customer.get()


def current_customer_id() -> int:
    """The id of the customer entered by this thread or task. Raises NoCustomer outside acting_in."""
    customer_id = _acting_customer.get()
    if customer_id is None:
        raise NoCustomer
    return customer_id


def remembered() -> set[str]:
    """Facts about the customer entered that need not be asked twice; empty at entering. Raises NoCustomer outside."""
    facts = _remembered.get()
    if facts is None:
        raise NoCustomer
    return facts


@contextmanager
def acting_in(customer: Customer | int, *, reading: bool = False) -> Iterator[None]:
    """Run the block for one customer, in one transaction: no other customer's row is seen or written.

    Entering the same customer again is a savepoint; entering another raises AlreadyActing, since a queryset
    made outside would silently change its meaning inside. `reading=True` promises that the block writes
    nothing: SQLite then holds no transaction, so readers neither wait for a writer nor keep one waiting.
    Callbacks of `transaction.on_commit` run after the block, outside the customer, on every database.
    """
    customer_id = customer if isinstance(customer, int) else customer.pk
    if customer_id is None:
        raise ValueError("acting_in needs a customer that has been saved.")
    outer = _acting_customer.get()
    if outer is not None and outer != customer_id:
        raise AlreadyActing(outer, customer_id)
    with _transaction(reading=reading):
        if outer is not None:
            yield
            return
        with _row_policies_see(customer_id), _filters_see(customer_id):
            yield


def _transaction(*, reading: bool) -> AbstractContextManager[None]:
    if reading and connection.vendor == "sqlite":
        return nullcontext()
    return transaction.atomic()


@contextmanager
def _filters_see(customer_id: int) -> Iterator[None]:
    _acting_customer.set(customer_id)
    _remembered.set(set())
    try:
        yield
    finally:
        _acting_customer.set(None)
        _remembered.set(None)


@contextmanager
def _row_policies_see(customer_id: int) -> Iterator[None]:
    """Tell PostgreSQL's row policies the customer until the transaction ends, or the block if sooner.

    SET LOCAL outlives the release of a savepoint, so a block inside a longer transaction clears it. A block
    that fails need not: the savepoint's rollback restores what was set before.
    """
    if connection.vendor != "postgresql":
        yield
        return
    _set_policy_customer(str(int(customer_id)))
    yield
    if connection.savepoint_ids and not connection.needs_rollback:
        _set_policy_customer("")


def _set_policy_customer(value: str) -> None:
    # The statement, not set_config(): where tables are distributed only the statement reaches every node.
    connection.send_with_next(f"SET LOCAL app.customer_id = '{value}'")  # type: ignore[attr-defined]
