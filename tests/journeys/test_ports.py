"""A port that a test tells a server of is that server's, though it takes a while to begin."""

import errno
import os
import socket

import pytest

from tests.journeys.ports import free_port

pytestmark = pytest.mark.pure


def test_it_is_given_to_nobody_else_meanwhile():
    with socket.socket() as other, pytest.raises(OSError, match=os.strerror(errno.EADDRINUSE)):
        other.bind(("127.0.0.1", free_port()))


def test_a_server_that_is_told_of_it_is_reached_there_and_nobody_before():
    port = free_port()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
    with socket.create_server(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        assert client.getpeername()[1] == port
