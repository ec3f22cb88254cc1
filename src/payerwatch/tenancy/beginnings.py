"""What every transaction of this thread begins with, where something has to hold for all it does.

The statement travels with the first that the transaction sends (`postgresql/ahead.py`), so it costs no journey. Where
it is refused nothing behind it is done, not even COMMIT. A new thread begins without: whoever starts one hands it on.
SQLite knows nothing of it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_statement: ContextVar[str] = ContextVar("transactions_begin_with", default="")


def beginning() -> str:
    """The statement, or blank."""
    return _statement.get()


def begin_with(statement: str) -> None:
    """Let the transactions of this thread begin with the statement from now on."""
    _statement.set(statement)


@contextmanager
def transactions_begin_with(statement: str) -> Iterator[None]:
    """Let the transactions that are begun within the block begin with the statement."""
    token = _statement.set(statement)
    try:
        yield
    finally:
        _statement.reset(token)
