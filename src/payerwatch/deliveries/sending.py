"""One message to one address, once: what came of it is told as an `Answer` and never as an error.

The name is looked up once and every address that it leads to is checked; what is dialled is one of those. The
certificate is checked against the name. Redirects are not followed, proxies of the environment not asked, cookies not
kept, nothing is unpacked, and not more is read than an excerpt is worth. One deadline holds for all of it.
"""

import functools
import re
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from importlib.metadata import version
from itertools import chain, zip_longest
from pathlib import Path
from threading import Thread
from typing import Any, cast

from payerwatch.deliveries import answers
from payerwatch.deliveries.addresses import IPAddress, Resolver, Target, checked_addresses, refuse_unusable
from payerwatch.deliveries.answers import Answer
from payerwatch.deliveries.excerpts import excerpt_of
from payerwatch.refusals import Refusal

USER_AGENT = f"Payerwatch/{version('payerwatch')}"
MOST_DIALLED = 4  # of the addresses of a name, so that each is given a fair part of the time to connect
LONGEST_RETRY_AFTER = 64  # characters


@dataclass(frozen=True)
class Limits:
    """What one sending may take: seconds to look up and connect, seconds in all, and bytes read of a body."""

    connect: float = 5
    total: float = 15
    body: int = 64 * 1024


LIMITS = Limits()


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    limits: Limits = LIMITS,
    trust: Path | None = None,
    resolve: Resolver = socket.getaddrinfo,
) -> Answer:
    """Send `body` and say what came of it. Raises ValueError for headers that are none or not the caller's to set.

    `trust` is a file with whose certificates are believed, instead of those that the system believes.
    """
    began = time.monotonic()
    whole = _with_our_own(headers)
    try:
        target, clock = refuse_unusable(url), _Clock(began, limits)
        with (
            _connected(target, clock, trust, resolve) as connection,
            _asked(connection, target, body, whole) as response,
        ):
            answer = _told(response, limits.body, (body, target.path.encode(), *_values(headers)))
    except (Refusal, OSError, HTTPException) as error:
        answer = {"status": None, "failure": _word_for(error)}
    return Answer(**answer, milliseconds=round((time.monotonic() - began) * 1000))


class _NotConnectedInTime(TimeoutError):
    """Nobody was reached while there was time to connect."""


# The first that fits.
_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (Refusal, answers.ADDRESS_REFUSED),
    (socket.gaierror, answers.NAME_NOT_FOUND),
    (_NotConnectedInTime, answers.CONNECT_TIMEOUT),
    (TimeoutError, answers.TIMEOUT),
    (ssl.SSLError, answers.TLS_FAILED),
    (OSError, answers.CONNECTION_FAILED),
    (HTTPException, answers.ANSWER_UNREADABLE),
)


def _word_for(error: Exception) -> str:
    return next(word for kind, word in _WORDS if isinstance(error, kind))


class _Clock:
    """How long there is still to connect, and in all."""

    def __init__(self, began: float, limits: Limits) -> None:
        self.limits = limits
        self.end = began + limits.total
        self.end_of_connecting = began + min(limits.connect, limits.total)

    def to_connect(self) -> float:
        """Seconds. Raises _NotConnectedInTime."""
        try:
            return _until(self.end_of_connecting)
        except TimeoutError:
            raise _NotConnectedInTime from None


def _until(moment: float) -> float:
    seconds = moment - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds


class _Timed(socket.socket):
    """A socket whose every waiting ends at one moment: who sends a byte a second gains nothing by it."""

    end = 0.0

    def recv_into(self, *where: Any, **how: Any) -> int:
        self.settimeout(_until(self.end))
        return super().recv_into(*where, **how)

    def sendall(self, *what: Any, **how: Any) -> None:
        self.settimeout(_until(self.end))
        super().sendall(*what, **how)


class _TimedTLS(_Timed, ssl.SSLSocket):
    """The same, secured."""


@functools.cache
def _context(trust: Path | None) -> ssl.SSLContext:
    """TLS 1.2 or newer, with a certificate for the name that is asked. Reading whom to believe takes long."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False
    context.set_alpn_protocols(["http/1.1"])
    context.sslsocket_class = _TimedTLS
    if trust:
        context.load_verify_locations(trust)
    else:
        context.load_default_certs()
    return context


def _asked(connection: _Timed, target: Target, body: bytes, headers: Mapping[str, str]) -> HTTPResponse:
    speaking = HTTPConnection(target.host, target.port)
    speaking.sock = connection  # else it would dial the name
    speaking.request("POST", target.path, body, {**headers, "Host": target.authority})
    return speaking.getresponse()


def _told(response: HTTPResponse, most: int, sent: Sequence[bytes]) -> dict[str, Any]:
    kind = _KIND.match(response.getheader("content-type") or "")
    packed = (response.getheader("content-encoding") or "identity").lower() != "identity"
    answered = _read(response, most)
    return {
        "status": response.status,
        "excerpt": "" if packed else excerpt_of(answered, sent),
        "retry_after": (response.getheader("retry-after") or "")[:LONGEST_RETRY_AFTER] or None,
        "headers": {"content-type": kind[0]} if kind else {},
    }


def _read(response: HTTPResponse, most: int) -> bytes:
    """The body as far as it is worth reading. One that breaks off changes nothing of the status; one that does not end
    in time does.
    """
    read = b""
    with suppress(ConnectionError, ssl.SSLError, HTTPException):
        while len(read) < most and (piece := response.read1(most - len(read))):
            read += piece
    return read


def _connected(target: Target, clock: _Clock, trust: Path | None, resolve: Resolver) -> _Timed:
    connection = _dialled(_looked_up(target, clock, resolve), target.port, clock)
    try:
        if target.scheme == "https":
            connection = _secured(connection, target.host, clock, trust)
    except OSError:
        connection.close()
        raise
    connection.end = clock.end
    return connection


def _secured(connection: _Timed, host: str, clock: _Clock, trust: Path | None) -> _TimedTLS:
    connection.settimeout(_until(clock.end))  # for the whole handshake
    return cast("_TimedTLS", _context(trust).wrap_socket(connection, server_hostname=host))


def _looked_up(target: Target, clock: _Clock, resolve: Resolver) -> list[IPAddress]:
    """Looking up knows no time-out, so it is left to itself when there is no more time for it."""
    found: Future[list[IPAddress]] = Future()
    Thread(target=_look_up, args=(found, target, resolve), daemon=True).start()
    try:
        return found.result(timeout=clock.to_connect())
    except TimeoutError:
        raise _NotConnectedInTime from None


def _look_up(found: Future[list[IPAddress]], target: Target, resolve: Resolver) -> None:
    try:
        found.set_result(checked_addresses(target.host, target.port, resolve=resolve))
    except (Refusal, OSError) as error:
        found.set_exception(error)


def _dialled(addresses: Sequence[IPAddress], port: int, clock: _Clock) -> _Timed:
    """The first of them that takes the connection; each is waited for its part of what time is left."""
    tried = _by_turns(addresses)[:MOST_DIALLED]
    for number, address in enumerate(tried, 1):
        try:
            return _dial(address, port, clock.to_connect() / (len(tried) - number + 1))
        except OSError as error:
            failed = error
    raise _NotConnectedInTime if isinstance(failed, TimeoutError) else failed


def _by_turns(addresses: Sequence[IPAddress]) -> list[IPAddress]:
    """One of IPv6, one of IPv4 and so on, beginning as the resolver does: one of the two may not work at all.

    https://www.rfc-editor.org/rfc/rfc8305#section-4
    """
    first = [each for each in addresses if each.version == addresses[0].version]
    others = [each for each in addresses if each.version != addresses[0].version]
    return [each for each in chain(*zip_longest(first, others)) if each]


def _dial(address: IPAddress, port: int, seconds: float) -> _Timed:
    connection = _Timed(socket.AF_INET6 if address.version == 6 else socket.AF_INET, socket.SOCK_STREAM)
    try:
        connection.settimeout(seconds)
        connection.connect((str(address), port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError:
        connection.close()
        raise
    return connection


_OURS = {
    "User-Agent": USER_AGENT,
    "Accept": "*/*",
    "Accept-Encoding": "identity",
    "Connection": "close",
}
_NOT_THE_CALLERS = {"host", "content-length", "transfer-encoding", *map(str.lower, _OURS)}
_KIND = re.compile(r"(?:application|text|image)/[a-z0-9.+-]{1,50}", re.ASCII | re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z0-9-]+", re.ASCII)
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?", re.ASCII)


def _values(headers: Mapping[str, str]) -> list[bytes]:
    """Of headers, what must not come back in an excerpt."""
    return [value.encode() for name, value in headers.items() if name.lower() != "content-type"]


def _with_our_own(headers: Mapping[str, str]) -> dict[str, str]:
    """Nothing in a header can end it and begin another header, or the body."""
    for name, value in headers.items():
        if not (_NAME.fullmatch(name) and _VALUE.fullmatch(value)) or name.lower() in _NOT_THE_CALLERS:
            raise ValueError(f"{name!r} cannot be sent as a header.")
    typed = any(name.lower() == "content-type" for name in headers)
    return {**({} if typed else {"Content-Type": "application/json"}), **headers, **_OURS}
