"""How gunicorn runs here: its refusals are problem details, and neither they nor its log repeat what was sent.

A client that is slow costs no thread: the loop of a process collects each request, and threads answer whole ones.
"""

import gc
import json
import logging
import re
import selectors
import signal
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http import HTTPStatus
from typing import Any, ClassVar

from django.conf import settings
from django.db import connection
from django.utils import timezone
from gunicorn import util
from gunicorn.glogging import Logger
from gunicorn.http import errors
from gunicorn.workers.gthread import ThreadWorker

from payerwatch.config.logging import log_what_nobody_catches, request_id
from payerwatch.config.trace_context import continued
from payerwatch.jobs import in_process
from payerwatch.jobs.background import every
from payerwatch.jobs.periodic import Calendar, without_a_table
from payerwatch.measuring import metrics
from payerwatch.members.door_bodies import largest_body
from payerwatch.members.door_refusals import BodyLate, Busy
from payerwatch.refusals import Refusal
from payerwatch.schedule import PERIODIC
from payerwatch.tenancy.connections import limit_time, share_connections
from payerwatch.web import http_refusals as http
from payerwatch.web.arriving import Arriving, Limits, Patience
from payerwatch.web.collected import Collected
from payerwatch.web.problems import CONTENT_TYPE, Failed, headers_of, of_refusal, status_of
from payerwatch.web.waiting import Line

log = logging.getLogger(__name__)

REFUSAL_OF: dict[type[Exception], Callable[[], Refusal]] = {
    errors.LimitRequestLine: http.UriTooLong,
    errors.LimitRequestHeaders: http.HeadersTooLarge,
    errors.ExpectationFailed: http.ExpectationFailed,
    errors.UnsupportedTransferCoding: http.TransferCodingUnknown,
}
MOST_HELD = 64 * 1024 * 1024  # bytes of requests that are not answered, in one process
MOST_HELD_LARGE = 64 * 1024 * 1024  # and of those with a body longer than usual, which are promised their room
AT_ONCE, AT_ONCE_LARGE = 64 * 1024, 1024 * 1024  # bytes that are taken in before others have their turn
OBJECTS_BETWEEN_SEARCHES = 20_000  # a request makes and drops some hundred that may hold each other
SECONDS_BETWEEN_LOOKS = 60
LINGER_SECONDS = 2  # in which a client may read the answer, or say the next thing, before the connection goes
ASKED_WHETHER_LIVE = b"GET /livez "
LIVE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: no-store\r\nContent-Length: 18\r\n"
    b'Connection: close\r\n\r\n{"status": "pass"}'
)
NEVER_SHED = re.compile(rb"(?:GET|HEAD) /(?:readyz|metrics|api/v1/health/)[ ?]")
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_OWN_FAULTS = (errors.InvalidResponseHeader, errors.InvalidResponseHeaderName)


class Lines(Logger):
    """gunicorn's words, through the same handler as everything else."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for each in (self.error_log, self.access_log):
            each.handlers.clear()
            each.propagate = True


class Worker(ThreadWorker):
    """A process with threads, whose answer to what is no HTTP request shows nothing of it."""

    patience: ClassVar[Patience] = Patience()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.arriving: dict[Any, Arriving] = {}
        self.leaving: dict[Any, float] = {}
        self.held = 0
        self.whole: dict[Any, int] = {}
        self.promised: dict[Any, int] = {}
        self.line = Line(settings.WEB_WAIT)
        self.stopping_since: float | None = None
        self.limits = Limits(settings.DATA_UPLOAD_MAX_MEMORY_SIZE, largest_body)

    def init_process(self) -> None:
        _end_when_told()
        log_what_nobody_catches()
        _keep_connections(self.cfg.threads)
        _spare_what_stays()
        if connection.vendor != "postgresql":  # where workers do it
            _do_steps_here()
        super().init_process()

    def enqueue_req(self, conn: Any) -> None:
        """Collect the next request of a connection here, in the loop, until a thread can have all of it."""
        _limit_waiting(conn.sock, self.patience.idle)
        conn.sock.setblocking(False)
        request = Arriving(self.limits, time.monotonic())
        self.arriving[conn] = request
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._on_bytes, conn))
        if conn.parser is not None:  # what came behind the request before
            self._add(conn, request, conn.parser.unreader.take_buffered())

    def _on_bytes(self, conn: Any, _socket: Any) -> None:
        try:
            data = conn.sock.recv(AT_ONCE_LARGE if conn in self.promised else AT_ONCE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(conn)
        elif conn in self.promised or self.held + len(data) <= MOST_HELD:
            self._add(conn, self.arriving[conn], data)
        else:
            self._refuse(conn, Busy())

    def _add(self, conn: Any, request: Arriving, data: bytes) -> None:
        request.add(data, time.monotonic())
        if conn not in self.promised:
            self.held += len(data)
            if request.is_large and not self._promise(conn, request):
                self._refuse(conn, Busy())
                return
        if request.whole and request.received.startswith(ASKED_WHETHER_LIVE):
            self._say_live(conn)
        elif request.whole and request.in_pieces:
            self._refuse(conn, http.TransferCodingUnknown())
        elif request.whole and not self._let_into_line(request):
            self._refuse(conn, http.Overloaded())
        elif request.whole:
            self._forget(conn)
            self._hold_whole(conn, request)
            conn.leaves_rest = request.leaves_rest
            conn.init()
            conn.parser.unreader = Collected(conn.sock, request.received)
            super().enqueue_req(conn)
        elif request.waits_to_be_asked:
            with suppress(OSError):
                conn.sock.send(CONTINUE)

    def _let_into_line(self, request: Arriving) -> bool:
        """Those who ask how the process is doing are answered whatever it does."""
        return self.line.join(time.monotonic(), in_any_case=NEVER_SHED.match(request.received) is not None)

    def handle(self, conn: Any) -> Any:
        """In a thread."""
        self.line.take(time.monotonic())
        return super().handle(conn)

    def _hold_whole(self, conn: Any, request: Arriving) -> None:
        """It takes its room until it is answered: while all threads are at work, more and more might wait for one."""
        if conn not in self.promised:
            self.whole[conn] = len(request.received)
            self.held += self.whole[conn]

    def _promise(self, conn: Any, request: Arriving) -> bool:
        """Keep room for all of a large request, so that none is cut off in the middle; False where there is none."""
        if sum(self.promised.values()) + request.size > MOST_HELD_LARGE:
            return False
        self.promised[conn] = request.size
        self.held -= len(request.received)
        return True

    def murder_pending(self) -> None:
        """What the loop does between events: part with who takes too long, or has said nothing when we stop."""
        super().murder_pending()
        now = time.monotonic()
        if not self.alive and self.stopping_since is None:
            self.stopping_since = now
        for conn, request in list(self.arriving.items()):
            if request.late(self.patience, now) or not (request.received or self._waits_for_the_silent(now)):
                self._give_up(conn, request)
        for conn, until in list(self.leaving.items()):
            if now >= until:
                self._drop(conn)

    def _waits_for_the_silent(self, now: float) -> bool:
        """Until we stop, and a moment longer: a request may be on its way, and is answered and told of the end."""
        return self.stopping_since is None or now - self.stopping_since < LINGER_SECONDS

    def _give_up(self, conn: Any, request: Arriving) -> None:
        if request.received:
            self._refuse(conn, BodyLate())
        else:
            self._drop(conn)

    def _refuse(self, conn: Any, refusal: Refusal) -> None:
        """Answer from the loop what no thread is given. The connection ends: the next may lead to a freer process."""
        with suppress(OSError), _named_request():
            conn.sock.send(_refused(refusal, "not taken in"))
        self._forget(conn)
        self._part(conn)

    def _say_live(self, conn: Any) -> None:
        """Answer from the loop: that all threads are at work, or wait for the database, is no reason to be killed."""
        with suppress(OSError):
            conn.sock.send(LIVE)
        self._forget(conn)
        self._part(conn)

    def _keepalive_after(self, conn: Any, keepalive: bool) -> bool:
        """No thread waits for the rest of a body that nobody reads."""
        return not conn.leaves_rest and bool(super()._keepalive_after(conn, keepalive))

    def handle_request(self, req: Any, conn: Any) -> bool:
        """Each piece of an answer must be taken in time as a whole: who takes it byte by byte keeps no thread."""
        conn.sock.settimeout(self.patience.idle)
        return bool(super().handle_request(req, conn))

    def finish_request(self, conn: Any, fs: Any) -> None:
        """After the last answer let the client read it; the server's own way is to wait for that in the loop."""
        self.promised.pop(conn, None)
        self.held -= self.whole.pop(conn, 0)
        if fs.cancelled() or fs.exception() is not None or fs.result():
            super().finish_request(conn, fs)
            return
        self._part(conn)

    def _part(self, conn: Any) -> None:
        """Send no more, and hear the client out for a moment: else it might lose the answer."""
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(conn)
            return
        self.leaving[conn] = time.monotonic() + LINGER_SECONDS
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._on_rest, conn))

    def _on_rest(self, conn: Any, _socket: Any) -> None:
        try:
            gone = not conn.sock.recv(AT_ONCE)
        except BlockingIOError:
            return
        except OSError:
            gone = True
        if gone:
            self._drop(conn)

    def _drop(self, conn: Any) -> None:
        self._forget(conn)
        self.promised.pop(conn, None)
        self.nr_conns -= 1
        conn.close()

    def _forget(self, conn: Any) -> None:
        """Hear no more of a connection in the loop."""
        self.leaving.pop(conn, None)
        request = self.arriving.pop(conn, None)
        if request is not None and conn not in self.promised:
            self.held -= len(request.received)
        with suppress(OSError, KeyError, ValueError):
            self.poller.unregister(conn.sock)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:  # noqa: ARG002
        not_http = isinstance(exc, errors.ParseException) and not isinstance(exc, _OWN_FAULTS)
        with _named_request():
            if not_http:
                sent = _refused(REFUSAL_OF.get(type(exc), http.BadRequest)(), "not HTTP")
            else:
                log.error("The server failed.", exc_info=exc)
                metrics.requests.labels("another", "none", "5xx").inc()
                sent = response(Failed())
            try:
                util.write_nonblock(client, sent)
            except OSError:
                log.debug("The client had gone.")


def load_views() -> None:
    """Once, before the server forks its processes: nobody's first request waits for them, and memory is shared."""
    largest_body("GET", "/")


def _end_when_told() -> None:
    """Until a process has handlers of its own for them: what it has from before the fork hears them for nobody, and
    the server would wait for its end as long as for requests that are being answered."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


def _keep_connections(threads: int) -> None:
    """Each thread keeps one, unless there are to be fewer than threads: then they take turns."""
    limit_time(settings.WEB_LIMITS)
    if 0 < settings.WEB_CONNECTIONS < threads:
        share_connections(settings.WEB_CONNECTIONS)


def _spare_what_stays() -> None:
    """Let the search for garbage pass over what was loaded until now, and come after so many objects more."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN_SEARCHES)


def _do_steps_here() -> None:
    """Behind the answers, and what is due by the clock as well: when the server starts, and whenever it is idle."""
    in_process.behind_answers()
    calendar = Calendar(without_a_table(PERIODIC))
    _do_what_is_due(calendar)
    every(SECONDS_BETWEEN_LOOKS, partial(_do_what_is_due, calendar))


def _do_what_is_due(calendar: Calendar) -> None:
    """Unless this process is at work: then its queue has some."""
    if in_process.worker.finish(0):
        for each, _moment in calendar.due(timezone.now()):
            in_process.worker.do(each.work)


@contextmanager
def _named_request() -> Iterator[None]:
    """What never became a request has an id all the same, in the answer and in the log."""
    with continued(name="request") as span:
        before = request_id.set(span.trace_id)
        try:
            yield
        finally:
            request_id.reset(before)


def _refused(refusal: Refusal, why: str) -> bytes:
    status = status_of(type(refusal))
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        metrics.shed.inc()
    else:
        metrics.requests.labels("another", "unread", f"{status // 100}xx").inc()
    log.warning(why, extra={"status": status.value})
    return response(refusal)


def _limit_waiting(sock: socket.socket, seconds: float) -> None:
    """How long a thread may wait for a client to take an answer, or to send what is read as it comes."""
    whole = int(seconds)
    limit = struct.pack("@ll", whole, int((seconds - whole) * 1_000_000))
    for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        sock.setsockopt(socket.SOL_SOCKET, option, limit)


def response(refusal: Refusal) -> bytes:
    """The whole of an HTTP/1.1 answer, after which the connection is closed."""
    body, status = json.dumps(of_refusal(refusal)).encode(), status_of(type(refusal))
    more = "".join(f"{name}: {value}\r\n" for name, value in headers_of(refusal).items())
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {CONTENT_TYPE}\r\nCache-Control: no-store\r\n"
        f"{more}X-Request-ID: {request_id.get()}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode("ascii") + body
