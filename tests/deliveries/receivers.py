"""Receivers on this machine: they note what they are sent and answer as badly as they are told to."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Answering = Callable[[socket.socket], None]


class Receiver:
    """Listens on 127.0.0.1 and ::1 (the same port) until it is closed."""

    def __init__(self, answering: Answering, secured: ssl.SSLContext | None = None, *, reads: bool = True) -> None:
        self.requests: list[bytes] = []
        self.called = 0
        self._answering, self._secured, self._reads = answering, secured, reads
        self._listening = _listening_on_both()
        self.port: int = self._listening[0].getsockname()[1]
        for each in self._listening:
            threading.Thread(target=self._accept, args=(each,), daemon=True).start()

    @property
    def head(self) -> str:
        """What the last request says before its body, in lower case."""
        return self.requests[-1].partition(b"\r\n\r\n")[0].decode().lower()

    @property
    def body(self) -> bytes:
        return self.requests[-1].partition(b"\r\n\r\n")[2]

    def close(self) -> None:
        for each in self._listening:
            each.shutdown(socket.SHUT_RDWR)  # else who waits in accept would take one more
            each.close()

    def _accept(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                self.called += 1
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            connection.settimeout(10)
            spoken = self._secured.wrap_socket(connection, server_side=True) if self._secured else connection
            with spoken:
                if self._reads:
                    self.requests.append(_request(spoken))
                self._answering(spoken)


@contextmanager
def receiving(answering: Answering, secured: ssl.SSLContext | None = None, *, reads: bool = True) -> Iterator[Receiver]:
    receiver = Receiver(answering, secured, reads=reads)
    try:
        yield receiver
    finally:
        receiver.close()


def says(*pieces: bytes, every: float = 0.0) -> Answering:
    """Sends the pieces one by one, then ends the connection."""

    def answer(connection: socket.socket) -> None:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(every)

    return answer


def answers(status: str, body: bytes = b"", *headers: str) -> Answering:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return says("\r\n".join(lines).encode() + body)


def _listening_on_both() -> list[socket.socket]:
    while True:
        first = socket.create_server(("127.0.0.1", 0))
        try:
            return [first, socket.create_server(("::1", first.getsockname()[1]), family=socket.AF_INET6)]
        except OSError:
            first.close()


def _request(connection: socket.socket) -> bytes:
    read = b""
    while b"\r\n\r\n" not in read:
        piece = connection.recv(65536)
        if not piece:
            return read
        read += piece
    head, _, body = read.partition(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    while len(body) < length and (piece := connection.recv(65536)):
        body += piece
    return head + b"\r\n\r\n" + body
