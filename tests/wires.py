"""A wire between a client and a server that can be cut, stalled and left half open; and a proxy in front of sockets.

    with wire(lambda: ("127.0.0.1", 5432)) as between:
        ... connect to between.port ...
        between.cut()          # both ends are told at once (RST)
        between.stall(5)       # nothing passes for so long, then all does
        between.leave_open()   # nothing passes any more on what is there now, and neither end is told

What it leads to is asked anew for each connection: a path of a socket that is a link leads wherever the link does.
"""

import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

Target = tuple[str, int] | Path
_PIECE = 64 * 1024
_AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: on, no seconds: closing tells the other end by RST


class _Strand:
    """One connection, in two halves."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.halves = {client: server, server: client}
        self.is_left_open = False

    def close(self, *, at_once: bool = False) -> None:
        for each in self.halves:
            with suppress(OSError):
                if at_once:
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
                each.close()


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
        with self._lock:
            for strand in self._strands:
                strand.is_left_open = True

    def refuse(self, refuses: bool = True) -> None:
        """Or, with False, connect again."""
        self._refuses = refuses

    def close(self) -> None:
        self._ending = True
        self._thread.join(5)
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
            for key, _ in self._poller.select(0.05):
                with self._lock:
                    if key.fileobj is self._listener:
                        self._connect()
                    else:
                        self._pass_on(key.fileobj, key.data)  # type: ignore[arg-type]

    def _connect(self) -> None:
        client, _ = self._listener.accept()
        client.setblocking(True)
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
        for each in strand.halves:
            self._poller.register(each, selectors.EVENT_READ, strand)

    def _pass_on(self, half: socket.socket, strand: _Strand) -> None:
        if strand not in self._strands:
            return
        if strand.is_left_open:
            with suppress(OSError, KeyError, ValueError):
                self._poller.unregister(half)
            return
        try:
            data = half.recv(_PIECE)
            if data:
                strand.halves[half].sendall(data)
        except OSError:
            self._drop(strand, at_once=True)
            return
        if not data:
            self._drop(strand)

    def _drop(self, strand: _Strand, *, at_once: bool = False) -> None:
        self._strands.discard(strand)
        for each in strand.halves:
            with suppress(OSError, KeyError, ValueError):
                self._poller.unregister(each)
        strand.close(at_once=at_once)


def _connected(target: Target) -> socket.socket:
    if isinstance(target, Path):
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        server.connect(str(target))
        return server
    return socket.create_connection(target, timeout=5)


@contextmanager
def wire(target: Callable[[], Target]) -> Iterator[Wire]:
    between = Wire(target)
    try:
        yield between
    finally:
        between.close()
