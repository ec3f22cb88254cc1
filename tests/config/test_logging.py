"""A line of the log tells what happened and where, and no value."""

import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from payerwatch.claims.formats.money import read_cents
from payerwatch.config import logging as lines

pytestmark = pytest.mark.pure

CANARY = "Zyxwold-917-65-4329"


class Failing:
    """What cannot be written as text."""

    def __str__(self) -> str:
        raise RuntimeError(CANARY)


def logged(name: str, level: int, message: str, *arguments: object, **more: Any) -> dict[str, Any]:
    """The line of one message, which must be one line of plain ASCII."""
    line = raw(name, level, message, *arguments, **more)
    assert line.isascii()
    assert line.isprintable()
    return json.loads(line)


def raw(name: str, level: int, message: str, *arguments: object, **more: Any) -> str:
    error = more.pop("error", None)
    record = logging.getLogger(name).makeRecord(
        name, level, __file__, 1, message, arguments, error and (type(error), error, error.__traceback__), extra=more
    )
    return lines.JsonLines().format(record)


@pytest.fixture
def failed() -> Iterator[BaseException]:
    """An exception that arose under code of ours, with values in its words and those of its cause."""
    try:
        try:
            raise KeyError(CANARY)
        except KeyError as cause:
            raise ValueError(f"invalid input: {CANARY}") from cause
    except ValueError as error:
        yield error


def test_a_line_says_when_in_utc_who_what_and_in_which_request():
    before = lines.request_id.set("request-0001")
    try:
        line = logged("payerwatch.members.mail", logging.WARNING, "%s was not sent.", "per_22", status=503, route="a/")
    finally:
        lines.request_id.reset(before)
    assert line.pop("at").endswith("+00:00")
    assert line == {
        "level": "warning",
        "logger": "payerwatch.members.mail",
        "message": "per_22 was not sent.",
        "request_id": "request-0001",
        "trace_id": "",
        "status": 503,
        "route": "a/",
    }


def test_what_a_message_carries_beyond_the_known_fields_is_left_out():
    assert CANARY not in str(logged("payerwatch.web", logging.INFO, "answered", request=CANARY, path=CANARY))


@pytest.mark.parametrize(
    "hostile", ["\r\nlevel: error", "\n{}", "\x1b[2J\x1b[31m", "\u2028\u2029\x85", "\x00\x7f\x9b", "\ud800"]
)
def test_nothing_in_a_message_makes_a_second_line_or_moves_a_terminal(hostile: str):
    assert logged("payerwatch.web", logging.INFO, "said %s", hostile)["message"] == f"said {hostile}"


def test_an_exception_is_told_by_type_and_place_and_never_by_its_words(failed: BaseException):
    line = logged("payerwatch.web", logging.ERROR, "failed", error=failed)
    assert (line["error"], line["caused_by"]) == ("ValueError", ["KeyError"])
    assert line["place"] == [f"test_logging.py:{failed.__traceback__.tb_lineno}"]  # type: ignore[union-attr]
    assert CANARY not in str(line)


def test_the_place_is_the_frames_of_our_own_code():
    with pytest.raises(AttributeError) as caught:
        read_cents(None)  # type: ignore[arg-type]
    places = lines.told(caught.value)["place"]
    assert [place.rpartition(":")[0] for place in places] == [
        "payerwatch/claims/formats/money.py",
        "payerwatch/claims/formats/dates.py",
    ]


def test_causes_that_form_a_ring_end():
    first, second = ValueError(), TypeError()
    first.__cause__, second.__cause__ = second, first
    assert lines.told(first)["caused_by"] == ["TypeError"]


def test_the_state_a_database_gives_is_told():
    class Refused(Exception):
        sqlstate = "22003"

    error = ValueError(CANARY)
    error.__cause__ = Refused(CANARY)
    told = lines.told(error)
    assert told["sqlstate"] == "22003"
    assert CANARY not in str(told)


@pytest.mark.parametrize(
    ("name", "level", "message", "arguments"),
    [
        ("django.request", logging.ERROR, "%s: %s", ("Internal Server Error", f"/claims/{CANARY}/")),
        ("django.security.DisallowedHost", logging.ERROR, f"Invalid HTTP_HOST header: {CANARY!r}.", ()),
        ("django.server", logging.INFO, '"%s" %s %s', (f"GET /?q={CANARY} HTTP/1.1", "200", "2")),
        ("django.db.backends", logging.DEBUG, "(%.3f) %s; args=%s", (0.1, "SELECT", (CANARY,))),
        ("gunicorn.error", logging.WARNING, f"Invalid request from ip=192.0.2.1: {CANARY}", ()),
        ("gunicorn.error", logging.ERROR, "Error handling request %s %s", ("GET", f"/{CANARY}")),
        ("py.warnings", logging.WARNING, "%s", (f"naive datetime {CANARY}",)),
        ("some.library", logging.CRITICAL, CANARY, ()),
        ("payerwatchful", logging.INFO, CANARY, ()),
    ],
)
def test_a_librarys_words_are_not_told_only_where_they_were_written(name, level, message, arguments):
    line = logged(name, level, message, *arguments)
    assert CANARY not in str(line)
    assert line["message"].startswith("(test_logging.")
    assert line["logger"] == name


def test_what_a_server_says_of_its_own_life_is_told():
    assert logged("gunicorn.error", logging.INFO, "Listening at: %s", "127.0.0.1:1")["message"].endswith("127.0.0.1:1")
    assert "77" in logged("gunicorn.error", logging.CRITICAL, "WORKER TIMEOUT (pid:%s)", 77)["message"]


def test_a_line_that_cannot_be_written_is_lost_without_a_word(monkeypatch: pytest.MonkeyPatch):
    said = io.StringIO()
    monkeypatch.setattr(sys, "stderr", said)
    handler = lines.StandardError()
    handler.setFormatter(lines.JsonLines())
    handler.handle(logging.LogRecord("payerwatch", logging.INFO, __file__, 1, "%s " + CANARY, (Failing(),), None))
    assert said.getvalue() == ""
    handler.handle(logging.LogRecord("payerwatch", logging.INFO, __file__, 1, "well", (), None))
    assert json.loads(said.getvalue())["message"] == "well"


def test_a_thread_that_ends_and_a_warning_go_to_the_log_without_their_words(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, failed: BaseException
):
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        try:
            lines.log_what_nobody_catches()
            warnings.warn(CANARY, stacklevel=1)
        finally:
            logging.captureWarnings(False)
    threading.excepthook(threading.ExceptHookArgs((type(failed), failed, None, None)))
    written = [lines.JsonLines().format(record) for record in caplog.records]
    assert [json.loads(line)["logger"] for line in written] == ["py.warnings", "payerwatch"]
    assert CANARY not in "".join(written)


def test_every_logger_ends_in_the_one_handler_and_none_mails_a_traceback():
    root = logging.getLogger()
    assert any(isinstance(handler, lines.StandardError) for handler in root.handlers)
    for name in ("django", "django.request", "django.security", "django.server", "gunicorn.error", "payerwatch"):
        logger = logging.getLogger(name)
        assert logger.propagate
        assert logger.handlers == []
    assert settings.LOGGING["disable_existing_loggers"] is False


def test_a_level_that_is_none_is_refused_with_those_there_are():
    assert lines.log_level("Debug") == "DEBUG"
    with pytest.raises(ImproperlyConfigured, match="debug, info, warning, error"):
        lines.log_level("loud")
