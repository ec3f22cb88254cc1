"""One message to one address: what came of it is told, in time, whatever the other side does."""

import socket
import ssl
import threading
import time
from datetime import timedelta
from itertools import repeat
from pathlib import Path
from types import SimpleNamespace

import pytest

from payerwatch.deliveries import sending
from payerwatch.deliveries.answers import (
    CONNECT_TIMEOUT,
    CONNECTION_FAILED,
    TIMEOUT,
    TLS_FAILED,
    Answer,
)
from payerwatch.deliveries.retries import Meaning, meaning_of
from payerwatch.deliveries.sending import LIMITS, USER_AGENT, Limits, post
from payerwatch.deliveries.signing import new_secret, signed
from tests.deliveries.certificates import DAY, Authority
from tests.deliveries.dialling import ALSO_PUBLIC, PUBLIC, PUBLIC_6, Dialled, Names
from tests.deliveries.receivers import Receiver, answers, receiving, says

pytestmark = pytest.mark.pure

HOST = "hooks.example.org"
URL = f"https://{HOST}/in?from=payerwatch"
BODY = '{"type":"alert.raised","data":{"payer":"Müller & Söhne"}}'.encode()
SHORT = Limits(connect=1.0, total=1.1)  # a busy machine may take its time until it is connected
LONG = Limits(connect=20, total=30)  # where it ends by itself
SPARE = 6.0  # seconds that a busy machine may take besides; who drips would take ten
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def send(receiver: Receiver, **options: object) -> Answer:
    return post(f"http://127.0.0.1:{receiver.port}/in", BODY, {}, **{"limits": LONG, **options})


def send_securely(dialled: Dialled, receiver: Receiver, trust: Path, **options: object) -> Answer:
    dialled.leads = {PUBLIC: receiver.port}
    options = {"limits": LONG, "resolve": Names([PUBLIC]), **options}
    return post(URL, BODY, options.pop("headers", {}), trust=trust, **options)


# What is sent, and to whom.


def test_the_message_arrives_under_the_name_that_was_asked(authority: Authority, dialled: Dialled):
    secured, asked = authority.server(HOST), []
    secured.sni_callback = lambda _socket, name, _context: asked.append(name)
    headers = signed("msg_1", 1_750_000_000, BODY, [new_secret()])
    with receiving(answers("202 Accepted", b"thanks"), secured) as receiver:
        answer = send_securely(dialled, receiver, authority.file, headers=headers)
    assert (answer.status, answer.failure, answer.excerpt) == (202, "", "thanks")
    assert asked == [HOST]
    assert dialled == [PUBLIC]
    assert receiver.body == BODY
    lines = receiver.head.splitlines()
    assert lines[0] == "post /in?from=payerwatch http/1.1"
    assert lines.count(f"host: {HOST}") == sum(line.startswith("host:") for line in lines) == 1
    expected = {
        "user-agent": USER_AGENT.lower(),
        "content-type": "application/json",
        "content-length": str(len(BODY)),
        "accept-encoding": "identity",
        "connection": "close",
        **{name: value.lower() for name, value in headers.items()},
    }
    assert expected.items() <= dict(line.split(": ", 1) for line in lines[1:]).items()


def test_another_kind_of_content_is_said_once(plain: Dialled):
    with receiving(answers("200 OK")) as receiver:
        post(f"http://127.0.0.1:{receiver.port}/", b"x", {"content-type": "text/plain"})
    assert receiver.head.count("content-type") == 1


def test_the_next_address_is_dialled_when_one_does_not_take_the_connection(authority: Authority, dialled: Dialled):
    with receiving(answers("200 OK"), authority.server(HOST)) as receiver:
        names = Names([PUBLIC_6, ALSO_PUBLIC, PUBLIC])
        assert send_securely(dialled, receiver, authority.file, resolve=names).status == 200
    assert dialled == [PUBLIC_6, ALSO_PUBLIC, PUBLIC]


def test_addresses_of_both_kinds_are_dialled_by_turns(dialled: Dialled):
    found = ["2606:4700::1", "2606:4700::2", "2606:4700::3", "2606:4700::4", PUBLIC, ALSO_PUBLIC, "2606:4700::1"]
    assert post(URL, BODY, {}, resolve=Names(found)).failure == CONNECTION_FAILED
    assert dialled == ["2606:4700::1", PUBLIC, "2606:4700::2", ALSO_PUBLIC]


def test_a_redirect_is_an_answer_and_not_followed(plain: Dialled):
    with receiving(answers("200 OK")) as canary:
        inner = f"Location: http://127.0.0.1:{canary.port}/"
        for status in (301, 302, 303, 307, 308):
            with receiving(answers(f"{status} Elsewhere", b"", inner)) as receiver:
                answer = send(receiver)
            assert (answer.status, meaning_of(answer)) == (status, Meaning.FAILED)
        assert canary.called == 0


def test_proxies_of_the_environment_are_not_asked(
    plain: Dialled, authority: Authority, monkeypatch: pytest.MonkeyPatch
):
    with receiving(answers("200 OK")) as canary, receiving(answers("200 OK"), authority.server(HOST)) as receiver:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{canary.port}")
        assert send_securely(plain, receiver, authority.file).status == 200
        assert canary.called == 0


def test_cookies_are_not_kept(plain: Dialled):
    with receiving(answers("200 OK", b"", "Set-Cookie: a=b")) as receiver:
        send(receiver)
        send(receiver)
    assert "cookie" not in receiver.head


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-A", "b\r\nX-C: d"), ("X-A", "b\nX-C: d"), ("X-A", "b\r X-C: d"), ("X-A", "b\r\n\tfolded"), ("X-A", "b\x00"),
        ("X-A", "b\r\n\r\n{}"), ("X-A\r\nX-C", "d"), ("X-A: b\r\nX-C", "d"), ("X A", "b"), ("", "b"), ("X-A:", "b"),
        ("X-A", " b"), ("X-A", "b\x7f"), ("X-A", "\u010a"), ("X-A", "\u2028"), ("X-A", ""), ("Ⅹ-A", "b"),
        ("Host", "127.0.0.1"), ("host", "127.0.0.1"), ("Content-Length", "0"), ("Transfer-Encoding", "chunked"),
        ("Connection", "keep-alive"), ("User-Agent", "x"), ("Accept-Encoding", "gzip"),
    ],
    ids=ascii,
)  # fmt: skip
def test_a_header_cannot_begin_another_or_the_body(name: str, value: str, plain: Dialled):
    with pytest.raises(ValueError, match="header"):
        post("http://127.0.0.1:9000/", BODY, {name: value})
    assert plain == []


# Certificates.


@pytest.mark.parametrize(
    ("host", "ends_in"),
    [("other.example.org", DAY), ("example.org", DAY), ("*.hooks.example.org", DAY), (HOST, timedelta(days=-1))],
)
def test_another_name_or_an_ended_certificate_is_not_believed(
    host: str, ends_in: timedelta, authority: Authority, dialled: Dialled
):
    with receiving(answers("200 OK"), authority.server(host, ends_in=ends_in)) as receiver:
        assert send_securely(dialled, receiver, authority.file).failure == TLS_FAILED
        assert receiver.requests == []


def test_a_name_outside_the_list_of_names_is_not_believed(authority: Authority, dialled: Dialled):
    with receiving(answers("200 OK"), authority.server(HOST, listed=False)) as receiver:
        assert send_securely(dialled, receiver, authority.file).failure == TLS_FAILED


def test_an_authority_that_is_not_known_is_not_believed(authority: Authority, dialled: Dialled, tmp_path: Path):
    stranger = Authority(tmp_path, "Somebody")
    with receiving(answers("200 OK"), stranger.server(HOST)) as receiver:
        assert send_securely(dialled, receiver, authority.file).failure == TLS_FAILED
        assert send_securely(dialled, receiver, None).failure == TLS_FAILED
        assert send_securely(dialled, receiver, stranger.file).status == 200


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_tls_before_1_2_is_not_spoken(authority: Authority, dialled: Dialled):
    old = authority.server(HOST)
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    with receiving(answers("200 OK"), old) as receiver:
        assert send_securely(dialled, receiver, authority.file).failure == TLS_FAILED


def test_a_server_without_tls_is_not_spoken_to(authority: Authority, dialled: Dialled):
    with receiving(says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), reads=False) as receiver:
        assert send_securely(dialled, receiver, authority.file).failure == TLS_FAILED


# Time.


def slowly(*pieces: bytes):
    return says(*pieces, every=0.1)


DRIPPING = {
    "body": slowly(OK + b"Content-Length: 1000\r\n\r\n", *repeat(b"x", 100)),
    "body in chunks": slowly(OK + b"Transfer-Encoding: chunked\r\n\r\n", *repeat(b"1\r\nx\r\n", 100)),
    "body without an end": slowly(OK + b"\r\n", *repeat(b"x", 100)),
    "chunk's length": slowly(OK + b"Transfer-Encoding: chunked\r\n\r\n", *repeat(b"0", 100)),
    "headers": slowly(OK, *repeat(b"x: y\r\n", 100)),
    "one header": slowly(OK + b"x: ", *repeat(b"y", 100)),
    "status line": slowly(*(bytes([sign]) for sign in OK + b"x" * 100)),
    "going on": slowly(*repeat(b"HTTP/1.1 100 Continue\r\n\r\n", 100)),
    "nothing": slowly(b"", *repeat(b"", 100)),
}


@pytest.mark.parametrize("answering", DRIPPING.values(), ids=DRIPPING)
def test_who_drips_is_cut_off_at_the_deadline(answering, plain: Dialled):
    began = time.monotonic()
    with receiving(answering) as receiver:
        answer = send(receiver, limits=SHORT)
    assert (answer.status, answer.failure) == (None, TIMEOUT)
    assert SHORT.total <= time.monotonic() - began < SHORT.total + SPARE
    assert SHORT.total * 1000 <= answer.milliseconds < (SHORT.total + SPARE) * 1000


@pytest.mark.parametrize("name", ["body", "headers", "nothing"])
def test_the_deadline_holds_within_tls(name: str, authority: Authority, dialled: Dialled):
    with receiving(DRIPPING[name], authority.server(HOST)) as receiver:
        began = time.monotonic()
        assert send_securely(dialled, receiver, authority.file, limits=SHORT).failure == TIMEOUT
    assert time.monotonic() - began < SHORT.total + SPARE


def test_a_handshake_that_does_not_end_is_cut_off(authority: Authority, dialled: Dialled):
    began = time.monotonic()
    with receiving(slowly(b"\x16\x03\x03\x40\x00", *repeat(b"\x02", 100)), reads=False) as receiver:
        assert send_securely(dialled, receiver, authority.file, limits=SHORT).failure == TIMEOUT
    assert time.monotonic() - began < SHORT.total + SPARE


def reads_slowly(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    while connection.recv(100_000):
        time.sleep(0.05)


@pytest.mark.parametrize("securely", [False, True])
@pytest.mark.parametrize("answering", [slowly(*repeat(b"", 100)), reads_slowly], ids=["not at all", "slowly"])
def test_who_does_not_read_is_cut_off(answering, securely: bool, authority: Authority, plain: Dialled):
    secured = authority.server(HOST) if securely else None
    began = time.monotonic()
    with receiving(answering, secured, reads=False) as receiver:
        plain.leads = {PUBLIC: receiver.port}
        url = URL if securely else f"http://127.0.0.1:{receiver.port}/"
        answer = post(url, b"x" * 50_000_000, {}, limits=SHORT, trust=authority.file, resolve=here_or(PUBLIC))
    assert answer.failure == TIMEOUT
    assert SHORT.total <= time.monotonic() - began < SHORT.total + SPARE


def here_or(address: str):
    def resolve(host: str, port: int, **options: object):
        return Names(["127.0.0.1"] if host == "127.0.0.1" else [address])(host, port)

    return resolve


def test_a_name_that_is_not_found_in_time_is_not_waited_for(dialled: Dialled):
    found = threading.Event()

    def never() -> list[str]:
        found.wait(60)
        return [PUBLIC]

    answer = post(URL, BODY, {}, limits=SHORT, resolve=Names(never))
    assert answer.failure == CONNECT_TIMEOUT
    assert answer.milliseconds < (SHORT.connect + SPARE) * 1000
    assert dialled == []
    found.set()


def test_all_addresses_together_are_waited_for_as_long_as_one(dialled: Dialled, monkeypatch: pytest.MonkeyPatch):
    now, waited = [1000.0], []

    def connect(self: socket.socket, where: tuple[object, ...]) -> None:
        waited.append((where[0], self.gettimeout()))
        now[0] += self.gettimeout()
        raise TimeoutError

    monkeypatch.setattr(sending, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(socket.socket, "connect", connect)
    many = [PUBLIC, ALSO_PUBLIC, "8.8.8.8", "8.8.4.4", "1.1.1.1"]
    answer = post(URL, BODY, {}, limits=Limits(connect=20, total=40), resolve=Names(many))
    assert (answer.failure, answer.milliseconds) == (CONNECT_TIMEOUT, 20_000)
    assert waited == [(address, 5.0) for address in many[:4]]


def test_without_any_time_nothing_is_dialled(dialled: Dialled):
    answer = post(URL, BODY, {}, limits=Limits(connect=0, total=0), resolve=Names([PUBLIC]))
    assert (answer.failure, dialled) == (CONNECT_TIMEOUT, [])


def test_the_limits_are_five_seconds_and_fifteen():
    assert Limits(connect=5, total=15, body=65536) == LIMITS
