"""A wire between a client and a server that can be cut, stalled and left half open; and a proxy in front of sockets.

    with wire(lambda: ("127.0.0.1", 5432)) as between:
        ... connect to between.port ...
        between.cut()          # both ends are told at once (RST)
        between.stall(5)       # nothing passes for so long, then all does
        between.leave_open()   # nothing passes any more on what is there now, and neither end is told

What it leads to is asked anew for each connection: a path of a socket that is a link leads wherever the link does.
An end that takes nothing holds up its own connection alone.
"""

import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

Target = tuple[str, int] | Path
_PIECE = 64 * 1024
_AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: on, no seconds: closing tells the other end by RST


@dataclass(eq=False)
class _Half:
    """One end of a connection, and what is on its way to it."""

    socket: socket.socket
    waiting: bytearray = field(default_factory=bytearray)
    is_told_of_the_end: bool = False
    """Whether the other end sends no more; this one hears of it once it has all that was sent before."""


class _Strand:
    """One connection, in two halves."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.halves = (_Half(client), _Half(server))
        self.is_left_open = False

    def other(self, half: _Half) -> _Half:
        return self.halves[half is self.halves[0]]

    def close(self, *, at_once: bool = False) -> None:
        for half in self.halves:
            with suppress(OSError):
                if at_once:
                    half.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
                half.socket.close()


class Wire:
    def __init__(self, target: Callable[[], Target]) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self._strands: set[_Strand] = set()
        self._lock = threading.RLock()
        self._poller = selectors.DefaultSelector()
        self._poller.register(self._listener, selectors.EVENT_READ)
        self._stalled_until = 0.0
        self._refuses = False
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="wire", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def cut(self) -> None:
        """What is connected now; whoever connects later is."""
        with self._lock:
            for strand in list(self._strands):
                self._drop(strand, at_once=True)

    def stall(self, seconds: float) -> None:
        self._stalled_until = time.monotonic() + seconds

    def leave_open(self) -> None:
        """Those left open before are gone from both ends, as keepalives would have found by then."""
        with self._lock:
            for strand in [each for each in self._strands if each.is_left_open]:
                self._drop(strand, at_once=True)
            for strand in self._strands:
                strand.is_left_open = True
                for half in strand.halves:
                    self._hear(half, strand, 0)

    def refuse(self, refuses: bool = True) -> None:
        """Or, with False, connect again."""
        self._refuses = refuses

    def close(self) -> None:
        self._ending = True
        self._thread.join(30)
        with self._lock:
            for strand in list(self._strands):
                strand.close()
            self._listener.close()
            self._poller.close()

    def _run(self) -> None:
        while not self._ending:
            if time.monotonic() < self._stalled_until:
                time.sleep(0.01)
                continue
            for key, events in self._poller.select(0.05):
                with self._lock:
                    if key.data is None:
                        self._connect()
                    else:
                        self._pass_on(*key.data, events)

    def _connect(self) -> None:
        with suppress(OSError):  # whoever asked has gone again
            client, _ = self._listener.accept()
            try:
                if self._refuses:
                    raise ConnectionRefusedError
                server = _connected(self._target())
            except OSError:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
                client.close()
                return
            strand = _Strand(client, server)
            self._strands.add(strand)
            for half in strand.halves:
                half.socket.setblocking(False)
                self._hear(half, strand, selectors.EVENT_READ)

    def _hear(self, half: _Half, strand: _Strand, events: int) -> None:
        """Be told of these events of that end, and of no others."""
        with suppress(KeyError, ValueError):
            self._poller.unregister(half.socket)
        if events:
            self._poller.register(half.socket, events, (half, strand))

    def _pass_on(self, half: _Half, strand: _Strand, events: int) -> None:
        if strand not in self._strands or strand.is_left_open:
            return
        other = strand.other(half)
        try:
            if events & selectors.EVENT_READ:
                data = half.socket.recv(_PIECE)
                other.waiting += data
                other.is_told_of_the_end |= not data
                _send(other)
            else:
                _send(half)
        except BlockingIOError:
            return
        except OSError:
            self._drop(strand, at_once=True)
            return
        self._wait_on(strand)

    def _wait_on(self, strand: _Strand) -> None:
        """Read from each end while the other one takes what was read; where both have ended, so does the strand."""
        if all(half.is_told_of_the_end and not half.waiting for half in strand.halves):
            self._drop(strand)
            return
        for half in strand.halves:
            other = strand.other(half)
            reads = not other.waiting and not other.is_told_of_the_end
            self._hear(half, strand, selectors.EVENT_READ * reads | selectors.EVENT_WRITE * bool(half.waiting))

    def _drop(self, strand: _Strand, *, at_once: bool = False) -> None:
        self._strands.discard(strand)
        for half in strand.halves:
            self._hear(half, strand, 0)
        strand.close(at_once=at_once)


def _send(half: _Half) -> None:
    with suppress(BlockingIOError):
        while half.waiting:
            del half.waiting[: half.socket.send(half.waiting)]
    if half.is_told_of_the_end and not half.waiting:
        half.socket.shutdown(socket.SHUT_WR)


def _connected(target: Target) -> socket.socket:
    if isinstance(target, Path):
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            server.connect(str(target))
        except OSError:
            server.close()
            raise
        return server
    return socket.create_connection(target, timeout=5)


@contextmanager
def wire(target: Callable[[], Target]) -> Iterator[Wire]:
    between = Wire(target)
    try:
        yield between
    finally:
        between.close()
