"""Ports of this machine that nobody else is given."""

import socket

_kept: list[socket.socket] = []


def free_port() -> int:
    """One at which nobody listens, and which the system gives to nobody else for as long as this process lives.

    It is bound and not listened at. Who is told of it may bind it as well, as servers do by SO_REUSEADDR, and listen.
    """
    kept = socket.socket()
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    kept.bind(("127.0.0.1", 0))
    _kept.append(kept)
    return int(kept.getsockname()[1])
