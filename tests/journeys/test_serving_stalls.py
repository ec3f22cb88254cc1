"""Clients that send half of a request and wait: nobody else waits for them, and they are parted with."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.journeys.conftest import Installation, copy_of
from tests.journeys.serving import ANSWERED_WITHIN, UNHINDERED, Served, add_member, bearer, serving, tokens_of
from tests.journeys.test_uploads_over_http import key_of, send, watched
from tests.make import claims_file, row

pytestmark = pytest.mark.database

IDLE, WHOLE = 2.0, 3.0  # seconds
LONG = 60.0
"""Seconds: whoever had to wait for a client that is given so long would wait much longer than for a busy machine."""
LATE_BY = 20.0
"""Seconds more than promised, on a machine that does other things as well."""
STALLED = 40  # more than all threads of all processes
THREADS = 8
TOKEN = "/api/v1/auth/token/"
INDEX = b"GET /api/v1/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.fixture(scope="module")
def installation(migrated: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with copy_of(migrated, tmp_path_factory.mktemp("stalls")) as copy:
        yield copy


@pytest.fixture(scope="module")
def served(installation: Installation) -> Iterator[Served]:
    options = ("--idle-seconds", str(IDLE), "--request-seconds", str(WHOLE))
    with serving(installation, options=options, **UNHINDERED) as running:
        yield running


@pytest.fixture(scope="module")
def patient(installation: Installation) -> Iterator[Served]:
    """A server that gives its clients long."""
    options = ("--idle-seconds", str(LONG), "--request-seconds", str(LONG))
    with serving(installation, options=options, **UNHINDERED) as running:
        yield running


def head(length: int, *fields: str, path: str = TOKEN) -> bytes:
    lines = (f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json", f"Content-Length: {length}")
    return "\r\n".join((*lines, *fields, "", "")).encode()


def connected(served: Served) -> socket.socket:
    return socket.create_connection(("127.0.0.1", served.port), timeout=ANSWERED_WITHIN)


def rest_of(peer: socket.socket) -> bytes:
    """What comes until the server closes."""
    return b"".join(iter(lambda: peer.recv(65536), b""))


HALF_SENT = {
    "a body": head(60) + b"{",
    "the rest of the head": b"POST /api/v1/auth/token/ HTTP/1.1\r\nHost: 127.0.0",
    "a chunk": head(0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked") + b"5\r\n{",
    "a body too large": head(9_000_000) + b"{",
    "everything": b"",
    "to read its answer": INDEX.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
}


@pytest.mark.once
@pytest.mark.parametrize("missing", HALF_SENT)
def test_however_many_clients_keep_back_something_others_are_answered_at_once(patient: Served, missing: str):
    with ExitStack() as stack:
        for _ in range(STALLED):
            stack.enter_context(connected(patient)).sendall(HALF_SENT[missing])
        time.sleep(0.2)
        for _ in range(6):  # by chance every process is asked
            began = time.monotonic()
            assert patient.ask("GET", "/api/v1/").status == 200
            assert time.monotonic() - began < LONG / 4


@pytest.mark.once
@pytest.mark.parametrize("missing", ["a body", "the rest of the head"])
def test_a_client_that_sends_no_more_is_told_that_it_is_late(served: Served, missing: str):
    with connected(served) as peer:
        began = time.monotonic()
        peer.sendall(HALF_SENT[missing])
        answer = rest_of(peer)
    assert IDLE * 0.9 < time.monotonic() - began < IDLE + LATE_BY
    fields, _, body = answer.partition(b"\r\n\r\n")
    assert fields.startswith(b"HTTP/1.1 408 ")
    assert b"application/problem+json" in fields
    assert json.loads(body)["code"] == "body_late"


@pytest.mark.once
def test_a_client_that_never_ends_is_late_although_it_is_never_silent(served: Served):
    with connected(served) as peer:
        began = time.monotonic()
        peer.sendall(head(1000))
        peer.settimeout(0.3)
        answer = b""
        while not answer:
            try:
                peer.sendall(b" ")
                answer = peer.recv(65536)
            except TimeoutError:
                assert time.monotonic() - began < WHOLE + LATE_BY
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - began > WHOLE * 0.9


@pytest.mark.once
def test_a_client_that_says_nothing_is_parted_with_in_silence(served: Served):
    with connected(served) as peer:
        assert rest_of(peer) == b""


@pytest.mark.once
def test_a_slow_client_that_ends_in_time_is_answered_like_any(served: Served):
    body = b'{"email": "nobody@example.com", "password": "wrong wrong wrong"}'
    sent = head(len(body), "Connection: close") + body
    with connected(served) as peer:
        for start in range(0, len(sent), 40):
            peer.sendall(sent[start : start + 40])
            time.sleep(0.05)
        assert rest_of(peer).startswith(b"HTTP/1.1 401 ")


@pytest.mark.once
def test_a_client_that_waits_to_be_asked_for_the_body_is_asked(served: Served):
    with connected(served) as peer:
        peer.sendall(head(2, "Expect: 100-continue", "Connection: close"))
        assert peer.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        peer.sendall(b"{}")
        assert b"HTTP/1.1 400 " in rest_of(peer)


@pytest.mark.once
def test_requests_sent_one_behind_the_other_are_all_answered(served: Served):
    with connected(served) as peer:
        peer.sendall(INDEX * 3 + INDEX[:20])
        time.sleep(0.3)
        peer.sendall(INDEX[20:].replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert rest_of(peer).count(b"HTTP/1.1 200 OK") == 4


def reading_slowly(served: Served, path: str, key: dict[str, str]) -> socket.socket:
    peer = socket.socket()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    peer.connect(("127.0.0.1", served.port))
    fields = "".join(f"{name}: {value}\r\n" for name, value in key.items())
    peer.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{fields}\r\n".encode())
    peer.setblocking(False)
    return peer


@pytest.mark.once
def test_who_takes_an_answer_byte_by_byte_keeps_no_thread(installation: Installation, served: Served, tmp_path: Path):
    key = key_of(installation)
    good, *broken = [row(number="C1"), *(row(number=f"B{number}", cpt="none") for number in range(25_000))]
    sent = send(served, key, claims_file(tmp_path, [good, *broken]).read_bytes(), date_order="ymd")
    path = sent.header("Location")
    assert watched(served, key, path)["set_aside"] == len(broken)
    stop = threading.Event()
    with ExitStack() as stack:
        peers = [stack.enter_context(reading_slowly(served, f"{path}rejected-rows/", key)) for _ in range(THREADS + 2)]

        def trickle() -> None:
            while not stop.wait(0.1):
                for each in peers:
                    with suppress(OSError):
                        each.recv(100)

        reader = threading.Thread(target=trickle)
        reader.start()
        time.sleep(0.5)
        began = time.monotonic()
        try:
            for _ in range(6):
                assert served.ask("GET", "/api/v1/").status == 200
        finally:
            stop.set()
            reader.join()
    assert time.monotonic() - began < IDLE * 6 + LATE_BY


def test_who_is_removed_while_their_request_is_on_its_way_can_do_nothing_more(installation: Installation):
    first, second = "ada@example.com", "bob@example.com"
    add_member(installation, first)
    add_member(installation, second)
    body = b'{"email": "eve@example.com", "role": "owner"}'
    with serving(installation, options=["--no-work"], **UNHINDERED) as served:
        own, other = (bearer(tokens_of(served, email)["access"]) for email in (first, second))
        members = served.ask("GET", "/api/v1/members/", headers=own).document["results"]
        [target] = [each["id"] for each in members if each["email"] == second]
        with connected(served) as peer:
            fields = (f"Authorization: {other['Authorization']}", "Connection: close")
            peer.sendall(head(len(body), *fields, path="/api/v1/invitations/") + body[:1])
            time.sleep(0.3)
            assert served.ask("DELETE", f"/api/v1/members/{target}/", headers=own).status == 204
            peer.sendall(body[1:])
            assert rest_of(peer).startswith(b"HTTP/1.1 401 ")
        assert served.ask("GET", "/api/v1/invitations/", headers=own).document["results"] == []


@pytest.mark.sqlite
def test_a_body_that_is_on_its_way_keeps_nobody_from_writing(patient: Served, installation: Installation):
    add_member(installation, "cyd@example.com")
    own = bearer(tokens_of(patient, "cyd@example.com")["access"])
    with connected(patient) as peer:
        fields = f"Authorization: {own['Authorization']}"
        peer.sendall(head(60, fields, path="/api/v1/invitations/") + b"{")
        time.sleep(0.2)
        began = time.monotonic()
        body = {"email": "dee@example.com", "role": "viewer"}
        assert patient.ask("POST", "/api/v1/invitations/", body, own).status == 201
        assert time.monotonic() - began < LONG / 4
