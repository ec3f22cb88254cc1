"""An open model asks whether or not it is answered, and counts from when a request was due."""

import asyncio
import itertools
from collections import Counter
from itertools import islice
from random import Random

import pytest
from loadtest.arrivals import Answered, Generator, Phase, _requests
from loadtest.tasks import TASKS, Caller

pytestmark = pytest.mark.pure

CALLERS = [Caller(f"{name}@example.org", "", (f"{name}1", f"{name}2"), ("Aetna",), ("clm_1",), ("1",)) for name in "ab"]
WITH_LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
IN_PIECES = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"
ENDED = b"HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\n{}"
CUT = b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n{}"


def asked(phase: Phase, answer: bytes, *, held_until: int = 1) -> list[Answered]:
    """What came of it, with a server that answers nobody before so many have asked."""

    async def scenario() -> list[Answered]:
        have_asked, held = itertools.count(1), asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            if next(have_asked) == held_until:
                held.set()
            await held.wait()
            writer.write(answer)
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            generator = Generator(server.sockets[0].getsockname()[1], CALLERS)
            answered = await generator.offer([phase])
            await asyncio.sleep(0.05)  # in which the server sees that it was left
            return answered

    return asyncio.run(scenario())


def test_while_the_server_stalls_requests_come_all_the_same_and_their_waiting_counts():
    answered = asked(Phase("stalled", 100, 1), WITH_LENGTH, held_until=100)
    assert [each.status for each in answered] == [200] * 100
    assert [each.due for each in answered] == pytest.approx([number / 100 for number in range(100)])
    assert all(each.latency >= answered[-1].due - each.due for each in answered)


@pytest.mark.parametrize(("answer", "status"), [(WITH_LENGTH, 200), (IN_PIECES, 200), (ENDED, 503), (CUT, 0)])
def test_an_answer_counts_when_all_of_it_is_here(answer: bytes, status: int):
    answered = asked(Phase("short", 40, 0.5), answer)
    assert [each.status for each in answered] == [status] * 20


def test_the_tasks_come_by_their_weights_and_the_keys_in_turn():
    deck = sum(task.weight for task in TASKS)
    several = list(islice(_requests(CALLERS, Random(1)), deck * 4))
    assert Counter(name for name, _ in several[:deck]) == {task.name: task.weight for task in TASKS}
    keys = [request.rpartition(b"Bearer ")[2].strip() for _, request in several]
    assert keys[:4] == [b"a1", b"b1", b"a2", b"b2"]
    assert Counter(keys) == dict.fromkeys(keys[:4], deck)
