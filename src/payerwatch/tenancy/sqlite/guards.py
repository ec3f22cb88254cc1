"""What the triggers of tenant tables ask: whether a row of this customer may be written now."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from payerwatch.tenancy.context import acting_customer_id

_lifted: ContextVar[bool] = ContextVar("guards_lifted", default=False)


def tenancy_allows(customer_id: int | None) -> bool:
    """Whether this thread acts in the customer, or guards are lifted. NULL asks for the latter alone."""
    return _lifted.get() or (customer_id is not None and customer_id == acting_customer_id())


@contextmanager
def guards_lifted() -> Iterator[None]:
    """Let migrations and flush touch every customer's rows, as the owner's policy does on PostgreSQL."""
    token = _lifted.set(True)
    try:
        yield
    finally:
        _lifted.reset(token)
