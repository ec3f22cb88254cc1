"""What goes to the log: for each thing that happened one line of JSON on stderr, with no value that anybody sent.

Our own messages hold ids, numbers and words of ours. Of an exception only its type and its place in our code are
told, as its words may repeat a value, and those of a database driver do. Messages of libraries repeat addresses
and headers: only where they were written is told, and numbers.
"""

import json
import logging
import sys
import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from django.core.exceptions import ImproperlyConfigured

from payerwatch.config.trace_context import trace_id

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""Of the request this thread is answering; each line says it."""

FIELDS = (
    "method", "route", "status", "failure", "milliseconds", "actor", "customer", "job", "step", "thing",
)  # fmt: skip
"""What a message may carry beside its words, by `extra=`: values of our own making."""

LEVELS = ("debug", "info", "warning", "error")
_PACKAGE = Path(__file__).parents[1]
_DEEPEST = 6  # places told of one exception


def log_level(text: str) -> str:
    """The name of a level as logging has it. Raises ImproperlyConfigured."""
    if text.lower() not in LEVELS:
        raise ImproperlyConfigured(f"PAYERWATCH_LOG_LEVEL must be one of {', '.join(LEVELS)}.")
    return text.upper()


def logging_settings(level: str) -> dict[str, Any]:
    """Django's LOGGING. Everything goes through one handler; libraries speak from warnings on."""
    handed_on: dict[str, Any] = {"handlers": [], "propagate": True}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": JsonLines}},
        "handlers": {"stderr": {"()": StandardError, "formatter": "lines"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            _PACKAGE.name: {"level": level},
            "django": {**handed_on, "level": "WARNING"},
            "django.request": {**handed_on, "level": "ERROR"},  # each request has a line of its own
            "django.server": handed_on,
            "gunicorn.error": {**handed_on, "level": "INFO"},
            "gunicorn.access": {**handed_on, "level": "WARNING"},
        },
    }


def log_what_nobody_catches() -> None:
    """Send warnings and the exceptions that end a thread to the log too. For processes that serve."""
    logging.captureWarnings(True)
    threading.excepthook = _log_end_of_thread


def _log_end_of_thread(end: threading.ExceptHookArgs) -> None:
    error = end.exc_value or end.exc_type()
    logging.getLogger(_PACKAGE.name).error("A thread ended.", exc_info=error)


class StandardError(logging.StreamHandler[TextIO]):
    """stderr as it is at the time. A line that cannot be written is lost without a word of what it held."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Say nothing: the framework's own way would print the message and its arguments."""


class JsonLines(logging.Formatter):
    """A record as one line of ASCII: line breaks and terminal controls are written as escapes."""

    def format(self, record: logging.LogRecord) -> str:
        """The line: when (UTC), how grave, who says it, what, in which request and trace, and what went wrong where."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _words(record),
            "request_id": request_id.get(),
            "trace_id": trace_id(),
        }
        line |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if record.exc_info and record.exc_info[1] is not None:
            line |= told(record.exc_info[1])
        return _ONE_LINE.encode(line).replace("\x7f", "\\u007f")


def milliseconds_since(began: float) -> float:
    """Since a moment of time.perf_counter()."""
    return round((time.perf_counter() - began) * 1000, 1)


def told(error: BaseException) -> dict[str, Any]:
    """What may be told of an exception: its type, those of its causes, and where in our code it arose."""
    causes = list(_causes(error))
    about: dict[str, Any] = {"error": _type_name(error), "place": _places(error.__traceback__)}
    if causes:
        about["caused_by"] = [_type_name(cause) for cause in causes]
    states = [state for each in (error, *causes) if (state := getattr(each, "sqlstate", None))]
    return about | ({"sqlstate": states[0]} if states else {})


def _words(record: logging.LogRecord) -> str:
    """The message if it is ours; of a server's life; or holding nothing but numbers. Else where it was written."""
    ours = record.name.split(".")[0] == _PACKAGE.name
    of_its_life = record.name == "gunicorn.error" and record.levelno <= logging.INFO
    numbers = isinstance(record.args, tuple) and record.args and all(isinstance(each, int) for each in record.args)
    if ours or of_its_life or numbers:
        return record.getMessage()
    return f"({record.module}.{record.funcName}:{record.lineno})"


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen = {id(error)}
    cause = error.__cause__ or error.__context__
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__


def _places(trace: TracebackType | None) -> list[str]:
    """`file:line` of our frames, outermost first; of an exception that met none of ours, where it arose."""
    frames = []
    while trace is not None:
        frames.append((Path(trace.tb_frame.f_code.co_filename), trace.tb_lineno))
        trace = trace.tb_next
    ours = [f"{path.relative_to(_PACKAGE.parent)}:{line}" for path, line in frames if path.is_relative_to(_PACKAGE)]
    return ours[-_DEEPEST:] or [f"{path.name}:{line}" for path, line in frames[-1:]]


def _type_name(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")


def _no_value(value: object) -> str:
    return type(value).__name__


_ONE_LINE = json.JSONEncoder(default=_no_value)
