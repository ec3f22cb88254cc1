"""How many bytes of requests a process holds: those that wait for a thread count until they are answered."""

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.workers.gthread import ThreadWorker

from payerwatch.web import server
from payerwatch.web.arriving import Arriving, Limits

pytestmark = pytest.mark.pure

WHOLE = b"POST /small/ HTTP/1.1\r\nContent-Length: 500\r\n\r\n" + b"x" * 500


class Connection(SimpleNamespace):
    """Of the server's kind as far as it is asked here; it keeps what it was answered."""

    def __init__(self, *pieces: bytes) -> None:
        waiting = [*pieces]
        sock = SimpleNamespace(recv=lambda _size: waiting.pop(0), send=self._send, shutdown=lambda _how: None)
        sock.setblocking = lambda _flag: None
        unreader = SimpleNamespace(unread=lambda _data: None)
        super().__init__(sock=sock, parser=SimpleNamespace(unreader=unreader), init=lambda: None, answered=b"")

    def __hash__(self) -> int:
        return id(self)

    def _send(self, data: bytes) -> None:
        self.answered += data


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> server.Worker:
    monkeypatch.setattr(ThreadWorker, "__init__", lambda _self: None)
    monkeypatch.setattr(ThreadWorker, "enqueue_req", lambda _self, _conn: None)
    monkeypatch.setattr(ThreadWorker, "finish_request", lambda _self, _conn, _done: None)
    monkeypatch.setattr(server, "MOST_HELD", len(WHOLE) + 100)
    made = server.Worker()
    made.limits = Limits(1_000, lambda _method, _path: 1_000)
    made.poller = SimpleNamespace(register=lambda *_: None, unregister=lambda *_: None)
    return made


def hear(worker: server.Worker, *pieces: bytes) -> Connection:
    conn = Connection(*pieces)
    worker.arriving[conn] = Arriving(worker.limits, began=0)
    for _ in pieces:
        worker._on_bytes(conn, conn.sock)
    return conn


def test_a_request_that_waits_for_a_thread_takes_its_room_until_it_is_answered(worker: server.Worker):
    first = hear(worker, WHOLE)
    assert worker.held == len(WHOLE)
    refused = hear(worker, WHOLE)
    assert refused.answered.startswith(b"HTTP/1.1 503 ")
    assert worker.held == len(WHOLE)
    done: Future[Any] = Future()
    done.set_result(True)
    worker.finish_request(first, done)
    assert worker.held == 0
    assert hear(worker, WHOLE).answered == b""


def test_a_request_that_is_half_here_takes_its_room_until_its_client_goes(worker: server.Worker):
    conn = hear(worker, WHOLE[:60])
    assert worker.held == 60
    worker.nr_conns, conn.close = 1, lambda: None
    worker._drop(conn)
    assert worker.held == 0
