"""The clients' own watch: what counts is when an answer comes, however early it was asked for."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from tests.chaos.clients import Clients
from tests.chaos.ledger import Ledger

pytestmark = pytest.mark.pure

TAKES = 0.3  # seconds


class _Slow(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        time.sleep(TAKES)
        self.send_response(200)
        self.end_headers()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_said: object) -> None:
        """Nothing."""


@contextmanager
def slow_server() -> Iterator[Clients]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Slow) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield Clients(server.server_address[1], {})
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("writes", [False, True])
def test_an_answer_that_comes_too_late_is_too_late(writes: bool):
    with slow_server() as clients:
        with pytest.raises(AssertionError):
            clients.answered_within(TAKES / 2, since=time.monotonic(), writes=writes)
        assert TAKES <= clients.answered_within(10, since=time.monotonic(), writes=writes) < 10


def test_what_was_asked_for_before_says_nothing_of_what_came_after():
    ledger, since = Ledger(), time.monotonic()
    ledger.note(200, since - 1, writes=True)
    ledger.note(503, since + 0.001, writes=True)
    assert ledger.first_after(since, writes=False) is None
    ledger.note(202, since + 0.001, writes=False)
    assert ledger.first_after(since, writes=True) is None
    assert ledger.first_after(since, writes=False) == pytest.approx(0, abs=1)
