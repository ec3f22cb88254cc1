"""What the server's parser is given is what was collected, whatever it asks for at a time."""

import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payerwatch.web.collected import Collected

pytestmark = pytest.mark.pure


@pytest.fixture(scope="module")
def silent() -> Iterator[socket.socket]:
    """A connection over which nothing more comes."""
    here, there = socket.socketpair()
    there.close()
    with here:
        yield here


@given(
    collected=st.integers(0, 40_000).map(lambda size: bytes(number % 251 for number in range(size))),
    asked=st.lists(st.none() | st.integers(1, 30_000), max_size=8),
)
def test_what_is_taken_in_any_pieces_is_what_was_collected(
    silent: socket.socket, collected: bytes, asked: list[int | None]
):
    given_out, reader = b"", Collected(silent, bytearray(collected))
    for size in asked:
        piece = reader.read(size, read_ahead=50_000)
        given_out += piece
        assert size is None or len(piece) == min(size, len(collected) - len(given_out) + len(piece))
    assert given_out + reader.take_buffered() == collected
    assert reader.take_buffered() == b""


def test_what_was_read_too_far_is_given_again(silent: socket.socket):
    reader = Collected(silent, bytearray(b"0123456789" * 2_000))
    head = reader.read()
    reader.unread(head[5:])
    assert reader.read(10_000) == b"5678901234" * 1_000


def test_what_follows_comes_over_the_connection():
    here, there = socket.socketpair()
    with here, there:
        there.sendall(b"more")
        reader = Collected(here, bytearray(b"some "))
        assert reader.read(9) == b"some more"


def test_what_was_taken_is_not_kept_in_memory(silent: socket.socket):
    """A connection that stays open for the next request would keep the one before."""
    for take in (lambda reader: reader.read(20_000), lambda reader: reader.take_buffered()):
        collected = bytearray(20_000)
        assert len(take(Collected(silent, collected))) == 20_000
        held = Collected(silent, collected)
        take(held)
        collected.clear()  # which it could not be while any part of it is held
