"""Where the code under test dials to and what names lead to, in place of the network: nothing leaves this machine."""

import socket
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Any

import pytest

PUBLIC, ALSO_PUBLIC, PUBLIC_6 = "93.184.215.14", "93.184.215.15", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"


class Dialled(list[str]):
    """Every address that was dialled, in order. `leads` says which port of this machine a public one stands for."""

    def __init__(self) -> None:
        super().__init__()
        self.leads: dict[str, int] = {}


def watch(monkeypatch: pytest.MonkeyPatch) -> Dialled:
    dialled, really = Dialled(), socket.socket.connect

    def connect(self: socket.socket, where: tuple[Any, ...]) -> None:
        dialled.append(where[0])
        if where[0] in dialled.leads:
            # A socket for IPv6 cannot call 127.0.0.1.
            here = "::1" if self.family == socket.AF_INET6 else "127.0.0.1"
            return really(self, (here, dialled.leads[where[0]]))
        if not ip_address(where[0]).is_loopback:
            raise ConnectionRefusedError("tests call this machine alone")
        return really(self, where)

    monkeypatch.setattr(socket.socket, "connect", connect)
    return dialled


def rows(addresses: Sequence[str], port: int) -> list[tuple[Any, ...]]:
    """As getaddrinfo answers."""
    found: list[tuple[Any, ...]] = []
    for address in addresses:
        six = ":" in address
        where = (address, port, 0, 0) if six else (address, port)
        found.append((socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_STREAM, 6, "", where))
    return found


class Names:
    """What names lead to: each look-up the next of the given answers, and the last from then on."""

    def __init__(self, *answers: Sequence[str] | Exception | Callable[[], Sequence[str]]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, port: int, **_options: Any) -> list[tuple[Any, ...]]:
        self.asked.append(host)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return rows(answer() if callable(answer) else answer, port)


def numbers_or_here(host: str, port: int, **options: Any) -> list[tuple[Any, ...]]:
    """What the system itself makes of every spelling of a number, and this machine for every name."""
    try:
        return socket.getaddrinfo(host, port, flags=socket.AI_NUMERICHOST, **options)
    except socket.gaierror:
        return rows(["127.0.0.1", "::1"], port)
