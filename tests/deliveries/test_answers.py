"""Answers to a message that are none, or too much, and what is kept of one."""

import gzip
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from payerwatch.deliveries.answers import ANSWER_UNREADABLE, CONNECTION_FAILED, FAILURES, NAME_NOT_FOUND
from payerwatch.deliveries.sending import post
from payerwatch.deliveries.signing import new_secret, signed
from tests.deliveries.dialling import Dialled, Names
from tests.deliveries.receivers import Receiver, answers, receiving, says
from tests.deliveries.test_sending import BODY, OK, URL, send

pytestmark = pytest.mark.pure


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def sends_no_more(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_WR)
    time.sleep(0.1)


BAD = {
    "nothing": (says(), CONNECTION_FAILED),
    "reset": (reset, CONNECTION_FAILED),
    "half closed": (sends_no_more, CONNECTION_FAILED),
    "another protocol": (says(b"SSH-2.0-OpenSSH_9.6\r\n"), ANSWER_UNREADABLE),
    "no protocol": (says(b"\x00\xff\xfe\r\n\r\n"), ANSWER_UNREADABLE),
    "no status": (says(b"HTTP/1.1 abc OK\r\n\r\n"), ANSWER_UNREADABLE),
    "status too small": (says(b"HTTP/1.1 20\r\n\r\n"), ANSWER_UNREADABLE),
    "status too large": (says(b"HTTP/1.1 20000\r\n\r\n"), ANSWER_UNREADABLE),
    "another HTTP": (says(b"HTTP/3.0 200 OK\r\n\r\n"), ANSWER_UNREADABLE),
    "a long line": (says(OK + b"x: " + b"y" * 70_000 + b"\r\n\r\n"), ANSWER_UNREADABLE),
    "many headers": (says(OK + b"x: y\r\n" * 200 + b"\r\n"), ANSWER_UNREADABLE),
    "a status line without an end": (says(b"x" * 100_000), ANSWER_UNREADABLE),
}


@pytest.mark.parametrize(("answering", "failure"), BAD.values(), ids=BAD)
def test_what_is_no_answer_is_told_in_a_word(answering, failure: str, plain: Dialled):
    with receiving(answering) as receiver:
        answer = send(receiver)
    assert (answer.status, answer.failure, answer.excerpt) == (None, failure, "")
    assert failure in FAILURES


def test_nobody_listens_and_no_name_leads_there(plain: Dialled):
    with receiving(answers("200 OK")) as receiver:
        pass
    assert send(receiver).failure == CONNECTION_FAILED
    assert post(URL, BODY, {}, resolve=Names(socket.gaierror(-2, "unknown"))).failure == NAME_NOT_FOUND


BROKEN_OFF = {
    "fewer bytes than said": OK + b"Content-Length: 100\r\n\r\nten bytes.",
    "a chunk without a length": OK + b"Transfer-Encoding: chunked\r\n\r\na\r\nten bytes.\r\nzz\r\n",
    "a chunk without an end": OK + b"Transfer-Encoding: chunked\r\n\r\na\r\nten bytes.\r\nff\r\n",
    "lengths that differ": OK + b"Content-Length: 10\r\nContent-Length: 20\r\n\r\nten bytes.",
    "no length": OK + b"Content-Length: many\r\n\r\nten bytes.",
}


@pytest.mark.parametrize("answer", BROKEN_OFF.values(), ids=BROKEN_OFF)
def test_a_body_that_breaks_off_changes_nothing_of_the_status(answer: bytes, plain: Dialled):
    with receiving(says(answer)) as receiver:
        got = send(receiver)
    assert (got.status, got.failure, got.excerpt) == (200, "", "ten bytes.")


def test_of_an_endless_answer_no_more_is_read_than_64_kilobytes(plain: Dialled):
    sent = []

    def endlessly(connection: socket.socket) -> None:
        with suppress(OSError):
            connection.sendall(OK + b"\r\n")
            for _ in range(10_000):
                connection.sendall(b"many words " * 1000)
                sent.append(11_000)

    with receiving(endlessly) as receiver:
        answer = send(receiver)
    assert (answer.status, answer.failure) == (200, "")
    assert len(answer.excerpt.encode()) <= 1024
    assert sum(sent) < 10_000_000  # what the system's own buffers hold


def test_nothing_is_unpacked(plain: Dialled):
    packed = gzip.compress(b"0" * 10_000_000)
    with receiving(answers("200 OK", packed, "Content-Encoding: gzip")) as receiver:
        answer = send(receiver)
    assert (answer.status, answer.excerpt) == (200, "")


def test_what_is_kept_of_an_answer(plain: Dialled):
    headers = ("Retry-After: 120", "Content-Type: application/problem+json; x=secret", "Server: x", "X-Token: abc")
    with receiving(answers("503 Busy", b'{"why":"too much to do"}', *headers)) as receiver:
        answer = send(receiver)
    assert answer.retry_after == "120"
    assert answer.headers == {"content-type": "application/problem+json"}
    assert answer.excerpt == '{"why":"too much to do"}'


@pytest.fixture
def echoing() -> Iterator[Receiver]:
    """Answers with all that it was sent."""
    with receiving(lambda connection: connection.sendall(OK + b"\r\n" + box[0].requests[-1])) as receiver:
        box = [receiver]
        yield receiver


def test_nothing_of_the_message_comes_back_in_what_is_kept(plain: Dialled, echoing: Receiver):
    headers = signed("msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", 1_750_000_000, BODY, [new_secret()]) | {"X-Note": "plain words"}
    url = f"http://127.0.0.1:{echoing.port}/in/quietly?as=before"
    excerpt = post(url, BODY, headers).excerpt
    assert excerpt
    assert not any(word in excerpt for word in ("Müller", "Söhne", "quiet", "before", "plain", "2KWPB", "17500", "v1,"))
