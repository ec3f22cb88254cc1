"""A connection on which nobody waits for ever: the server, or what lies on the way to it, may fall silent for good.

A cut is told by the network. A machine that lost its power, a way that drops what it carries, or a proxy that hangs
says nothing: for the system's keepalives all may even be well. So whoever waits here looks, after a silence, on another
connection whether the server is at work on what was asked; where it is not, the answer is lost, and the connection too.
"""

import threading
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, LiteralString, TypeVar

import psycopg

ANSWERS_WITHIN = "ANSWERS_WITHIN"  # key in a connection's settings: seconds after which a silent server is given up
MARGIN = 5
"""Seconds beyond the server's own limit of a statement: it breaks off first, and says so."""
SETUP_SECONDS = 10.0
"""That the first statements on a connection may take, and those of a look."""
PING_SECONDS = 2.0
"""In which a server that is there answers the question whether it is, however busy."""
LOOK_AFTER = 1.0
"""Seconds of silence; the next look is after twice as long, and then every few seconds."""
LOOK_AFTER_PING = 0.3
"""Sooner after the question whether the server is there: no more is lost by another connection than making it."""
LOOK_EVERY = 5.0
LOOK_SECONDS = 2
ON_ITS_WAY = 0.5
"""In which an answer that was sent as we looked arrives."""

_AT_WORK = "state IN ('active', 'disabled') AND wait_event_type IS DISTINCT FROM 'Client'"  # NULL where it is hidden
_LOOK = f"SELECT {_AT_WORK} FROM pg_stat_activity WHERE pid = %s"
_END = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = %s AND NOT ({_AT_WORK})"
_one_looks = threading.Lock()
_OUR_END = "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3"
_NOT_OF_THE_WAY = ("context", "cursor_factory", "prepare_threshold")
IN_TIME: Mapping[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
"""How a connection is made where its address says nothing of that: seconds, a number, and milliseconds."""
Result = TypeVar("Result")
Waiting = Generator[Any, Any, Result]


class AnswerLost(psycopg.OperationalError):
    """The database has not answered for too long, or is not at work on what was asked: the connection is closed."""


class WatchedConnection(psycopg.Connection[Any]):
    """psycopg's, which gives up a server that is silent. A process looks on at most one more connection at a time."""

    answers_within: float | None = SETUP_SECONDS
    """Seconds of silence after which the server is given up, whatever it does; None: it is only looked after."""
    look_after: float | None = None
    """Seconds of silence after which the server is looked after; None: LOOK_AFTER."""
    way: Mapping[str, Any] | None = None
    """How another connection to the same server is made; None where it would be another server, as behind a pool."""

    def wait(self, gen: Waiting[Result], interval: float = 0.1, timeout: float | None = None) -> Result:
        return super().wait(self._watched(gen), interval, timeout)

    def let_server_notice_our_end(self) -> None:
        """Else what a machine held that lost its power, a job too, would be held for as long as two hours."""
        with psycopg.Cursor(self) as cursor:
            cursor.execute(_OUR_END)

    def know_way(self, parameters: Mapping[str, Any]) -> None:
        """From now on another connection may be made to see what the server does, by what this one was made by."""
        self.way = {name: value for name, value in parameters.items() if name not in _NOT_OF_THE_WAY}

    @contextmanager
    def asked_whether_it_is_there(self) -> Iterator[None]:
        """What is asked meanwhile is answered at once by a server that is, and soon given up otherwise."""
        usual = self.answers_within, self.look_after
        self.answers_within, self.look_after = PING_SECONDS, LOOK_AFTER_PING
        try:
            yield
        finally:
            self.answers_within, self.look_after = usual

    def _watched(self, gen: Waiting[Result]) -> Waiting[Result]:
        """What it gives; each time that nothing has come for an interval is a moment of silence."""
        silence, ready = None, None
        while True:
            try:
                wanted = gen.send(ready)
            except StopIteration as end:
                result: Result = end.value
                return result
            ready = yield wanted
            silence = None if ready else silence or _Silence(self)
            if silence is not None and silence.is_for_good():
                self.pgconn.finish()
                raise AnswerLost("The database does not answer: it is not at work on what was asked, or for too long.")


class _Silence:
    """Of one connection while somebody waits."""

    def __init__(self, connection: WatchedConnection) -> None:
        self._connection = connection
        self._since = time.monotonic()
        self._look_after = connection.look_after or LOOK_AFTER
        self._is_doubted = False

    def is_for_good(self) -> bool:
        silent_for, most = time.monotonic() - self._since, self._connection.answers_within
        if most is not None and silent_for >= most:
            return True
        if silent_for < self._look_after or self._connection.way is None or not _one_looks.acquire(blocking=False):
            return False
        try:
            return self._is_lost(silent_for)
        except psycopg.Error:  # that it cannot be seen now says nothing
            self._look_later(silent_for)
            return False
        finally:
            _one_looks.release()

    def _is_lost(self, silent_for: float) -> bool:
        """Whether the server was seen idle, and no answer came after that: then it lets go of what it holds for us."""
        if self._is_doubted:
            self._ask_apart(_END)
            return True
        self._is_doubted = self._ask_apart(_LOOK) in (None, (False,))
        if self._is_doubted:
            self._look_after = silent_for + ON_ITS_WAY
        else:
            self._look_later(silent_for)
        return False

    def _look_later(self, silent_for: float) -> None:
        """Whoever waits for a lock is at work, and has it once another is found to be lost that held it."""
        self._look_after = silent_for + min(silent_for, LOOK_EVERY)

    def _ask_apart(self, statement: LiteralString) -> tuple[Any, ...] | None:
        """The row that another connection to the same server gives about this one."""
        info = self._connection.info
        there = {"host": info.host, "port": info.port, "connect_timeout": LOOK_SECONDS, "autocommit": True}
        with WatchedConnection.connect(**{**(self._connection.way or {}), **there}) as other:
            other.answers_within = LOOK_SECONDS
            return other.execute(statement, [info.backend_pid]).fetchone()


DRIVER: Any = SimpleNamespace(**{**vars(psycopg), "connect": WatchedConnection.connect})
"""psycopg as Django asks for it, which makes connections of this kind."""
