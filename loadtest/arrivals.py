"""Requests that come whether or not those before were answered, each at its time: an open model.

Latency is counted from when a request was due. A generator that waits for answers asks less while the server stalls,
and so measures least when it matters most ("coordinated omission", Gil Tene).
"""

import asyncio
import re
import time
from collections.abc import Iterator, Sequence
from itertools import cycle
from random import Random
from typing import NamedTuple

from loadtest.tasks import API, TASKS, Caller

GIVES_UP = 30.0  # seconds after which an answer is waited for no longer
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_IN_PIECES = re.compile(rb"\r\ntransfer-encoding: *chunked\r\n", re.IGNORECASE)


class Phase(NamedTuple):
    """Requests at a constant rate, each second so many."""

    name: str
    rate: float
    seconds: float


class Answered(NamedTuple):
    """One request; times are seconds since the first phase began."""

    task: str
    due: float
    sent: float
    ended: float
    status: int
    """0 where there was no answer."""

    @property
    def latency(self) -> float:
        """Seconds from when it was due to the last byte of its answer."""
        return self.ended - self.due


class Generator:
    """Asks a server on loopback by the callers' keys in turn, so that none meets its rate.

    Each time on a new connection, as the proxy in front of it does: whichever process is free takes it.
    """

    def __init__(self, port: int, callers: Sequence[Caller]) -> None:
        self._port = port
        self._requests = _requests(callers, Random(1))
        self._began = time.monotonic()

    async def offer(self, phases: Sequence[Phase]) -> list[Answered]:
        """One phase right after the other; once all that was asked is answered or given up."""
        self._began = start = time.monotonic()
        asked = []
        for phase in phases:
            for number in range(round(phase.rate * phase.seconds)):
                due = start + number / phase.rate
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                asked.append(asyncio.create_task(self._ask(due)))
            start += phase.seconds
        return list(await asyncio.gather(*asked))

    async def saturate(self, at_once: int, seconds: float) -> list[Answered]:
        """So many callers who ask again as soon as they are answered: what the server can do at most."""
        self._began = time.monotonic()
        each = [self._ask_until(self._began + seconds) for _ in range(at_once)]
        return [answered for those in await asyncio.gather(*each) for answered in those]

    async def _ask_until(self, end: float) -> list[Answered]:
        answered = []
        while (now := time.monotonic()) < end:
            answered.append(await self._ask(now))
        return answered

    async def _ask(self, due: float) -> Answered:
        task, request = next(self._requests)
        sent, status = time.monotonic(), 0
        try:
            async with asyncio.timeout(GIVES_UP):
                status = await self._answer(request)
        except (OSError, EOFError, TimeoutError):
            status = 0
        return Answered(task, due - self._began, sent - self._began, time.monotonic() - self._began, status)

    async def _answer(self, request: bytes) -> int:
        """The status of an answer that was read to its end."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            status = _STATUS.match(head)
            if status is None:
                raise EOFError
            await _read_body(reader, head)
            return int(status[1])
        finally:
            writer.close()


async def _read_body(reader: asyncio.StreamReader, head: bytes) -> None:
    """To its end, by its length or in pieces. Raises EOFError where it ends before, or has neither."""
    length = _LENGTH.search(head)
    if length is not None:
        await reader.readexactly(int(length[1]))
        return
    if _IN_PIECES.search(head) is None:
        raise EOFError
    size = -1
    while size:
        size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
        await reader.readexactly(size + 2)


def _requests(callers: Sequence[Caller], chance: Random) -> Iterator[tuple[str, bytes]]:
    """Without end: the name of a task, and the bytes that ask it. In each deck are the tasks by their weights."""
    deck = [task for task in TASKS for _ in range(task.weight)]
    keys = cycle([pair for those in zip(*(_keys_of(caller) for caller in callers), strict=True) for pair in those])
    while True:
        chance.shuffle(deck)
        for task, (caller, key) in zip(deck, keys, strict=False):
            address = API + task.address(caller, chance)
            head = (
                f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nAuthorization: Bearer {key}\r\n\r\n"
            )
            yield task.name, head.encode("ascii")


def _keys_of(caller: Caller) -> list[tuple[Caller, str]]:
    return [(caller, key) for key in caller.keys]
