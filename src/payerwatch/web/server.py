"""How gunicorn runs here: its refusals are problem details, and neither they nor its log repeat what was sent."""

import json
import logging
from http import HTTPStatus
from typing import Any

from gunicorn import util
from gunicorn.glogging import Logger
from gunicorn.http import errors
from gunicorn.workers.gthread import ThreadWorker

from payerwatch.config.logging import log_what_nobody_catches
from payerwatch.web.problems import CONTENT_TYPE, problem

log = logging.getLogger(__name__)

NOT_UNDERSTOOD = HTTPStatus.BAD_REQUEST
STATUS_OF: dict[type[Exception], HTTPStatus] = {
    errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    errors.UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
}
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

    def init_process(self) -> None:
        log_what_nobody_catches()
        super().init_process()

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:  # noqa: ARG002
        if isinstance(exc, errors.ParseException) and not isinstance(exc, _OWN_FAULTS):
            status = STATUS_OF.get(type(exc), NOT_UNDERSTOOD)
            log.warning("not HTTP", extra={"status": status.value})
            document = problem(status, "bad_request", "The request cannot be understood.")
        else:
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            log.error("The server failed.", exc_info=exc)
            document = problem(status, "failed", "Something went wrong on the server.")
        try:
            util.write_nonblock(client, response(status, document))
        except OSError:
            log.debug("The client had gone.")


def response(status: HTTPStatus, document: dict[str, Any]) -> bytes:
    """The whole of an HTTP/1.1 answer, after which the connection is closed."""
    body = json.dumps(document).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {CONTENT_TYPE}\r\nCache-Control: no-store\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode("ascii") + body
