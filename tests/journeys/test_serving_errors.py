"""What is no request, or a hostile one, on the real server: a problem document, and nothing of it on the log."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.conftest import copy_of
from tests.journeys.serving import UNHINDERED, Served, add_member, bearer, serving, tokens_of

pytestmark = pytest.mark.database

CANARY = "Zyxwold-917-65-4329"
EMAIL = "ada@example.com"
ME = "/api/v1/me/"


@pytest.fixture(scope="module")
def served(migrated: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with copy_of(migrated, tmp_path_factory.mktemp("errors")) as installation:
        add_member(installation, EMAIL)
        with serving(installation, options=["--no-work"], **UNHINDERED) as running:
            yield running


def request(line: str = f"GET {ME} HTTP/1.1", *fields: str, body: bytes = b"", host: str = "127.0.0.1") -> bytes:
    head = "\r\n".join([line, *([f"Host: {host}"] if host else []), "Connection: close", *fields, "", ""])
    return head.encode("utf-8", "surrogateescape") + body


@pytest.mark.parametrize("path", [ME, "/api/v1/schema/", "/api/v1/unknown/", "/livez"])
def test_an_answer_says_its_length_and_comes_as_a_whole(served: Served, path: str):
    asked, head = (
        served.ask(method, path, None, bearer(tokens_of(served, EMAIL)["access"])) for method in ("GET", "HEAD")
    )
    assert asked.header("Transfer-Encoding") is None
    assert asked.header("Content-Length") == head.header("Content-Length") == str(len(asked.body))
    assert not head.body


CHUNKED = ("Content-Type: application/json", "Transfer-Encoding: chunked")
TOKEN = "POST /api/v1/auth/token/ HTTP/1.1"
NO_REQUESTS = {
    "no HTTP": (f"{CANARY}\r\n\r\n".encode(), 400),
    "no version": (request(f"GET /{CANARY}"), 400),
    "an unknown version": (request(f"GET /{CANARY} HTTP/9.9"), 400),
    "a method of other letters": (request(f"get{CANARY}! / HTTP/1.1"), 400),
    "too long an address": (request(f"GET /{CANARY * 500} HTTP/1.1"), 414),
    "a header without a colon": (request(f"GET {ME} HTTP/1.1", CANARY), 400),
    "a header's name of other letters": (request(f"GET {ME} HTTP/1.1", f"{CANARY}[]: x"), 400),
    "a NUL in a header": (request(f"GET {ME} HTTP/1.1", f"X-Any: {CANARY}\x00"), 400),
    "a folded header": (request(f"GET {ME} HTTP/1.1", "X-Any: a", f" {CANARY}"), 400),
    "too long a header": (request(f"GET {ME} HTTP/1.1", f"X-Any: {CANARY * 1000}"), 431),
    "too many headers": (request(f"GET {ME} HTTP/1.1", *(f"X-{n}: {CANARY}" for n in range(200))), 431),
    "a length that is none": (request(TOKEN, f"Content-Length: {CANARY}"), 400),
    "two lengths": (request(TOKEN, "Content-Length: 1", "Content-Length: 2", body=b"{}"), 400),
    "a length and chunks": (request(TOKEN, *CHUNKED, "Content-Length: 5", body=b"0\r\n\r\n"), 501),
    "chunks": (request(TOKEN, *CHUNKED, body=b"2\r\n{}\r\n0\r\n\r\n"), 501),
    "a coding in which nothing comes": (request(TOKEN, "Transfer-Encoding: identity", "Content-Length: 0"), 501),
    "an unknown coding": (request(TOKEN, f"Transfer-Encoding: {CANARY}"), 501),
    "a blank before the colon": (request(f"GET {ME} HTTP/1.1", f"X-Any : {CANARY}"), 400),
}

CODES = {400: "bad_request", 414: "uri_too_long", 431: "headers_too_large", 501: "transfer_coding_unknown"}


@pytest.mark.parametrize("name", NO_REQUESTS)
def test_what_is_no_request_is_not_understood_and_not_repeated(served: Served, name: str):
    sent, status = NO_REQUESTS[name]
    answer = served.send(sent)
    assert (answer.status, answer.code) == (status, CODES[status])
    assert CANARY not in answer.body.decode() + str(answer.fields)


STRANGE = {
    "another method": (request(f"ZYXWOLD {ME} HTTP/1.1"), {401, 405}),
    "an unknown address": (request(f"GET /{CANARY} HTTP/1.1"), {404}),
    "an address with a host": (request(f"GET http://evil.example{ME}?{CANARY} HTTP/1.1"), {401, 400}),
    "an address of another form": (request("OPTIONS * HTTP/1.1"), {404, 400}),
    "bytes that are no letters": (request("GET /%ff%00%zz/\udcff\udcfe HTTP/1.1"), {404, 400}),
    "a foreign host": (request(host=f"{CANARY}.example"), {400}),
    "a host that is none": (request(host=f"[{CANARY}"), {400}),
    "two hosts": (request(f"GET {ME} HTTP/1.1", "Host: evil.example"), {400}),
    "two credentials": (request(f"GET {ME} HTTP/1.1", *[f"Authorization: Bearer {CANARY}"] * 2), {401}),
    "a credential of 7 kB": (request(f"GET {ME} HTTP/1.1", f"Authorization: Bearer {'A' * 7000}"), {401}),
    "a credential of other letters": (request(f"GET {ME} HTTP/1.1", "Authorization: Bearer \u2603\u00e9"), {401}),
    "a cookie of other letters": (request(f"GET {ME} HTTP/1.1", f"Cookie: payerwatch=\u2603{CANARY}; =; ;;"), {401}),
    "a name with an underscore": (request(f"GET {ME} HTTP/1.1", f"SCRIPT_NAME: /{CANARY}"), {400, 401}),
    "chunks that are none": (request(TOKEN, *CHUNKED, body=f"{CANARY}\r\n".encode()), {501}),
    "chunks of broken JSON": (request(TOKEN, *CHUNKED, body=b"4\r\n{\"a\"\r\n0\r\n\r\n"), {501}),
    "a body too large": (request(TOKEN, "Content-Type: application/json", "Content-Length: 9000000"), {413}),
    "a body of another kind": (request(TOKEN, f"Content-Type: text/{CANARY}", "Content-Length: 2", body=b"{}"), {415}),
    "an upgrade": (request(f"GET {ME} HTTP/1.1", "Upgrade: h2c", "Connection: Upgrade"), {401, 400}),
}  # fmt: skip


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_request_is_a_problem_and_never_a_page(served: Served, name: str):
    sent, statuses = STRANGE[name]
    answer = served.send(sent)
    assert answer.status in statuses, answer
    assert answer.code
    assert CANARY not in answer.body.decode() + str(answer.fields)


def test_no_second_credential_lets_in(served: Served):
    good = tokens_of(served, EMAIL)["access"]
    assert served.ask("GET", ME, None, bearer(good)).status == 200
    for first, second in ((good, "x"), ("x", good), (good, good)):
        fields = (f"Authorization: Bearer {first}", f"Authorization: Bearer {second}")
        assert served.send(request(f"GET {ME} HTTP/1.1", *fields)).code == "caller_not_known"


def test_a_second_request_hidden_in_the_first_is_not_answered(served: Served):
    """Were a length and chunks both believed, whoever stands in front would see one request and we two."""
    hidden = request("GET /api/v1/health/ HTTP/1.1")
    sent = request(TOKEN, *CHUNKED, f"Content-Length: {len(hidden) + 5}", body=b"0\r\n\r\n" + hidden)
    with socket.create_connection(("127.0.0.1", served.port), timeout=20) as peer:
        peer.sendall(sent)
        received = b"".join(iter(lambda: peer.recv(65536), b""))
    assert received.count(b"HTTP/1.1 ") == 1
    assert received.startswith(b"HTTP/1.1 501 ")


def test_nothing_of_all_that_is_on_the_log(served: Served):
    """The last of this file: by now the log holds a line for each of the requests above."""
    lines = served.lines()
    assert len(lines) > len(NO_REQUESTS) + len(STRANGE)
    assert {line["level"] for line in lines} <= {"info", "warning", "error"}
    assert not [line for line in lines if line.get("status") == 500]
    said = served.log.read_text()
    assert [word for word in (CANARY, "Zyxwold", "ZYXWOLD", "evil.example", EMAIL) if word in said] == []
