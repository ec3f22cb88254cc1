"""The wire itself: what it is told to do, it does, and nothing else; else what is shown by it shows nothing."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.wires import Wire, wire

pytestmark = pytest.mark.pure


@pytest.fixture
def echoed() -> Iterator[Wire]:
    """A wire to a server that says again what it hears."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_echo, args=(listener,), daemon=True).start()
        with wire(lambda: listener.getsockname()) as found:
            yield found
        listener.shutdown(socket.SHUT_RDWR)


def _echo(listener: socket.socket) -> None:
    while True:
        try:
            peer, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_answer, args=(peer,), daemon=True).start()


def _answer(peer: socket.socket) -> None:
    with peer:
        try:
            while data := peer.recv(65536):
                peer.sendall(data)
        except OSError:
            return


def connected(between: Wire) -> socket.socket:
    return socket.create_connection(("127.0.0.1", between.port), timeout=30)


def says(peer: socket.socket, words: bytes) -> bytes:
    peer.sendall(words)
    return peer.recv(65536)


def test_what_is_sent_arrives(echoed: Wire):
    with connected(echoed) as peer:
        assert says(peer, b"hello") == b"hello"


def test_what_is_cut_is_told_at_once_and_who_connects_later_is_connected(echoed: Wire):
    with connected(echoed) as peer, connected(echoed) as other:
        assert says(peer, b"hello") == says(other, b"hello")
        echoed.cut()
        for each in (peer, other):
            with pytest.raises(ConnectionResetError):
                each.recv(1)
    with connected(echoed) as later:
        assert says(later, b"hello") == b"hello"


def test_what_stalls_arrives_afterwards(echoed: Wire):
    with connected(echoed) as peer:
        assert says(peer, b"hello") == b"hello"
        began = time.monotonic()  # before: until the stall is over half a second has gone since, whatever comes between
        echoed.stall(0.5)
        assert says(peer, b"again") == b"again"
        assert time.monotonic() - began > 0.4


def test_on_what_is_left_open_nothing_passes_and_neither_end_is_told(echoed: Wire):
    with connected(echoed) as peer:
        assert says(peer, b"hello") == b"hello"
        echoed.leave_open()
        peer.settimeout(0.5)
        with pytest.raises(TimeoutError):
            says(peer, b"again")
    with connected(echoed) as later:
        assert says(later, b"hello") == b"hello"


def test_who_is_refused_is_told_until_it_is_over(echoed: Wire):
    echoed.refuse()
    with pytest.raises(ConnectionResetError), connected(echoed) as peer:
        peer.recv(1)
    echoed.refuse(False)
    with connected(echoed) as peer:
        assert says(peer, b"hello") == b"hello"
