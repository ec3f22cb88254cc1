"""How long a body may be, and for how long it is waited for, before any of it is here."""

import pytest

from payerwatch.web.arriving import SLOWEST, Arriving, Limits, Patience

pytestmark = pytest.mark.pure

LIMITS = Limits(1_000, lambda method, path: 100_000 if (method, path) == ("POST", "/large files/") else 1_000)
KNOWN = "Authorization: Bearer something"


def arrived(line: str, length: int | str, *fields: str) -> Arriving:
    request = Arriving(LIMITS, began=0)
    request.add("\r\n".join([line, f"Content-Length: {length}", *fields, "", ""]).encode(), 0)
    return request


@pytest.mark.parametrize("path", ["/large%20files/", "/large%20files/?page=2"])
def test_a_large_body_is_waited_for_where_it_may_be(path: str):
    request = arrived(f"POST {path} HTTP/1.1", 100_000, KNOWN)
    assert (request.is_large, request.leaves_rest, request.whole) == (True, False, False)
    assert request.size > 100_000


@pytest.mark.parametrize(
    ("line", "length", "fields"),
    [
        ("POST /large%20files/ HTTP/1.1", 100_001, (KNOWN,)),
        ("POST /large%20files/ HTTP/1.1", 100_000, ()),
        ("POST /large%20files/ HTTP/1.1", 100_000, ("Authorization: ",)),
        ("POST /large%20files/ HTTP/1.1", 100_000, ("X-Authorization: something",)),
        ("POST /large%20files/ HTTP/1.1", 100_000, (KNOWN, "Transfer-Encoding: chunked")),
        ("PATCH /large%20files/ HTTP/1.1", 100_000, (KNOWN,)),
        ("POST /small/ HTTP/1.1", 100_000, (KNOWN,)),
        ("POST /large%20files HTTP/1.1", 100_000, (KNOWN,)),
        ("POST http://host/large%20files/ HTTP/1.1", 100_000, (KNOWN,)),
    ],
)
def test_no_other_large_body_is_waited_for(line: str, length: int, fields: tuple[str, ...]):
    request = arrived(line, length, *fields)
    assert (request.is_large, request.leaves_rest, request.whole) == (False, True, True)


def test_a_usual_body_is_waited_for_whoever_sends_it():
    request = arrived("POST /small/ HTTP/1.1", 1_000)
    assert (request.is_large, request.leaves_rest, request.whole) == (False, False, False)


PATIENCE = Patience(idle=15, total=60)
LONG = Limits(1_000, lambda _method, _path: 100 * SLOWEST)


def long_body(asked_at: float) -> Arriving:
    request = Arriving(LONG, began=0)
    request.add(f"POST /large/ HTTP/1.1\r\nContent-Length: {100 * SLOWEST}\r\n{KNOWN}\r\n\r\n".encode(), asked_at)
    return request


def test_a_large_body_may_take_long_at_the_slowest_pace():
    large = long_body(asked_at=14)
    for second in range(1, 100):
        large.add(b"x" * SLOWEST, 14 + second)
        assert not large.late(PATIENCE, 14 + second + 0.9)


@pytest.mark.parametrize("sent", [0, 30])
def test_who_falls_behind_it_by_as_long_as_one_may_be_silent_is_late(sent: int):
    large = long_body(asked_at=14)
    large.add(b"x" * sent * SLOWEST, 15)
    for second in range(16, 14 + sent + 15, 10):
        large.add(b"x", second)
        assert not large.late(PATIENCE, second)
    large.add(b"x", 14 + sent + 16)
    assert large.late(PATIENCE, 14 + sent + 16)


def test_a_large_body_has_no_more_silence_than_others():
    large = long_body(asked_at=0)
    large.add(b"x" * 50 * SLOWEST, 1)
    assert not large.late(PATIENCE, 15.9)
    assert large.late(PATIENCE, 16)


@pytest.mark.parametrize("length", ["0000000000000000000000500", "000500", " 500 ", "500"])
def test_a_length_is_a_number_however_it_is_written(length: str):
    request = arrived("POST /small/ HTTP/1.1", length)
    assert (request.leaves_rest, request.whole) == (False, False)
    request.add(b"x" * 500, 0)
    assert request.whole


@pytest.mark.parametrize("length", ["9" * 19, "1" + "0" * 40, "-5", "+5", "5, 5", "5_0", "0x5", "five", "", "\u0665"])
def test_a_body_of_a_length_that_is_none_is_not_waited_for(length: str):
    request = arrived("POST /small/ HTTP/1.1", length)
    assert (request.is_large, request.leaves_rest, request.whole) == (False, True, True)
