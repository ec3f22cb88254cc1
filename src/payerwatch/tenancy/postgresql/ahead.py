"""Statements that travel with the next one, in one message: the journey costs more than most of what is asked.

Nobody waits for what BEGIN or SET LOCAL answer, nor for an entry of the record before the transaction ends. So they
wait here, in order, and are sent with the statement that follows, the last ones with COMMIT. Whatever runs finds
them done; what was never sent goes with the transaction.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from django.db.backends.postgresql import base
from psycopg import sql
from psycopg.pq import Escaping, TransactionStatus

Told = Callable[[tuple], None]
_DjangoCursor: Any = base.Cursor  # which its type stubs know nothing of
LIMITS = "LIMITS"  # key in a connection's settings: statements that hold whatever follows them to its time
_NOTHING_SENT = (TransactionStatus.IDLE, TransactionStatus.INTRANS)  # else the server has refused something, or is gone


class Waiting(NamedTuple):
    """A statement, and who is told the one row of its answer. What nobody is told of need not come before COMMIT."""

    statement: str
    told: Told | None


class Ahead:
    """What waits on one connection."""

    def __init__(self, limits: Sequence[str] = ()) -> None:
        """`limits` are sent with each transaction, and with each statement that stands outside of one."""
        self._waiting: list[Waiting] = []
        self._limits = [Waiting(each, None) for each in limits]

    def begin(self) -> None:
        self._waiting += [Waiting("BEGIN", None), *self._limits]

    def add(self, statement: str, told: Told | None = None) -> None:
        self._waiting.append(Waiting(statement, told))

    def clear(self) -> None:
        self._waiting.clear()

    @property
    def must_be_sent(self) -> bool:
        """Whether a transaction that ends now would leave something out."""
        return any(each.told is not None for each in self._waiting)

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def taken(self) -> list[Waiting]:
        """All that waits, to be sent now."""
        taken, self._waiting = self._waiting, []
        return taken

    def around(self, status: TransactionStatus) -> list[Waiting]:
        """What goes before a statement that nothing waits for: outside of a transaction it is one by itself."""
        return self._limits if status == TransactionStatus.IDLE else []

    def put_back(self, taken: list[Waiting]) -> None:
        self._waiting = taken


def array_written(connection: Any, words: Sequence[str]) -> str:
    """The words as an array in SQL. The driver would look at each to see what it is, and escape it by itself."""
    elements = '","'.join([word.replace("\\", "\\\\").replace('"', '\\"') for word in words])
    literal = Escaping(connection.pgconn).escape_literal(f'{{"{elements}"}}'.encode())
    return f"{bytes(literal).decode()}::text[]"


class Cursor(_DjangoCursor):
    """Django's, on a connection with an `ahead`."""

    def execute(self, query: Any, params: Any = None, **how: Any) -> Any:
        ahead: Ahead = self.connection.ahead
        waiting = ahead.taken()
        before = waiting or ahead.around(self.connection.pgconn.transaction_status)
        if not before:
            return super().execute(query, params, **how)
        sent = False
        try:
            super().execute(self._joined(before, query, params), params, **how)
            sent = True
        finally:
            if not sent and self.connection.info.transaction_status in _NOTHING_SENT:
                ahead.put_back(waiting)
        self._tell(before)
        return self

    def _tell(self, waiting: list[Waiting]) -> None:
        """Hand out the answers that somebody waits for, and leave the cursor at the statement's own."""
        for place, each in enumerate(waiting):
            if each.told is not None:
                self.set_result(place)
                each.told(self.fetchone())
        self.set_result(len(waiting))

    def executemany(self, *args: Any, **how: Any) -> None:
        self.send_ahead()
        super().executemany(*args, **how)

    def copy(self, *args: Any, **how: Any) -> Any:
        self.send_ahead()
        return super().copy(*args, **how)

    def send_ahead(self) -> None:
        """Send what waits, before what cannot be sent with it."""
        if self.connection.ahead:
            self.execute("SELECT")

    def _joined(self, waiting: list[Waiting], query: Any, params: Any) -> str:
        text = query.as_string(self) if isinstance(query, sql.Composable) else query
        before = "; ".join(each.statement for each in waiting)
        return f"{before if params is None else before.replace('%', '%%')}; {text}"
