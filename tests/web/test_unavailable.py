"""What cannot be opened is for the operator: no waiting helps, and the log names the key."""

import time
from typing import Any

import psycopg
import pytest
from django.db import InternalError, OperationalError, connection, connections
from psycopg_pool import PoolTimeout

from payerwatch.config.limits import Limits
from payerwatch.members.door_refusals import Busy, broke_off
from payerwatch.sealing.keys import FieldKeyMissing
from payerwatch.tenancy.connections import limit_time
from payerwatch.web.api.health import Health
from payerwatch.web.api.settings import Settings
from tests.web.asking import NOBODY, Caller, problem_in

pytestmark = pytest.mark.django_db(transaction=True)
KEY = "year-2026"


def asked(monkeypatch: pytest.MonkeyPatch, refusal: Exception) -> Any:
    def refuse(*_: Any) -> None:
        raise refusal

    monkeypatch.setattr(Health, "show", refuse)
    return NOBODY.ask("GET", "/api/v1/health/")


def test_a_missing_field_key_sends_to_the_operator_whom_the_log_tells_which(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    answer = asked(monkeypatch, FieldKeyMissing(KEY))
    document = problem_in(answer)
    assert (answer.status_code, document["code"]) == (503, "field_key_missing")
    assert "operator" in document["fix"]
    assert "Retry-After" not in answer.headers
    assert KEY not in answer.content.decode()
    assert KEY in caplog.text


def test_what_passes_is_to_be_tried_again(monkeypatch: pytest.MonkeyPatch):
    answer = asked(monkeypatch, Busy())
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "Try again" in problem_in(answer)["fix"]


# What broke off while it was kept


@pytest.fixture
def breaks_at_the_commit(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Every transaction is kept, and then the connection breaks before it is said so."""
    wrapper = type(connections["default"])
    commit = wrapper._commit

    def break_off(self: Any) -> None:
        commit(self)
        raise OperationalError from psycopg.OperationalError("server closed the connection unexpectedly")

    with monkeypatch.context() as patched:
        patched.setattr(wrapper, "_commit", break_off)
        yield patched


INVITED = ("POST", "/api/v1/invitations/", {"email": "b@example.com", "role": "viewer"})


@pytest.mark.postgresql
def test_nobody_is_told_that_nothing_was_changed_when_that_is_not_known(owner: Caller, breaks_at_the_commit: Any):
    key = {"Idempotency-Key": "once-and-not-twice"}
    answer = owner.ask(*INVITED, **key)
    told = problem_in(answer)
    assert (answer.status_code, told["code"], answer.headers["Retry-After"]) == (503, "outcome_unknown", "5")
    assert "Idempotency-Key" in told["fix"]
    breaks_at_the_commit.undo()
    kept = owner.ask(*INVITED, **key)
    assert kept.status_code == 201
    assert len(owner.ask("GET", "/api/v1/invitations/").json()["results"]) == 1


@pytest.mark.postgresql
def test_who_keeps_its_change_itself_says_so_too(breaks_at_the_commit: Any):
    answer = NOBODY.ask("POST", "/api/v1/auth/token/", {"email": "nobody@example.com", "password": "x" * 12})
    assert problem_in(answer)["code"] == "outcome_unknown"


@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("cause", "unknown"),
    [
        (psycopg.OperationalError("gone"), True),
        (psycopg.errors.AdminShutdown(), True),
        (psycopg.errors.ProtocolViolation(), True),
        (psycopg.errors.LockNotAvailable(), False),
        (psycopg.errors.DeadlockDetected(), False),
        (PoolTimeout(), False),
    ],
)
def test_a_connection_that_is_lost_leaves_open_what_was_kept(cause: Exception, unknown: bool):
    error = OperationalError()
    error.__cause__ = cause
    assert broke_off(error) is unknown


@pytest.mark.postgresql
def test_what_the_server_itself_refuses_to_keep_was_not_kept(owner: Caller, monkeypatch: pytest.MonkeyPatch):
    def refuse(_self: Any) -> None:
        raise OperationalError from psycopg.errors.LockNotAvailable()

    with monkeypatch.context() as patched:
        patched.setattr(type(connections["default"]), "_commit", refuse)
        answer = owner.ask(*INVITED)
    assert problem_in(answer)["code"] == "busy"
    assert owner.ask("GET", "/api/v1/invitations/").json()["results"] == []


# What took too long


@pytest.fixture
def little_time(connections_as_before: None) -> None:
    limit_time(Limits(statement=1, idle=1))
    connection.close()


def slow(*_: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(5)")


def idle(*_: Any) -> None:
    time.sleep(1.5)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


@pytest.mark.postgresql
@pytest.mark.parametrize("take_long", [slow, idle])
def test_what_the_server_broke_off_was_not_done_and_may_be_tried_again(
    owner: Caller, little_time: None, monkeypatch: pytest.MonkeyPatch, take_long: Any
):
    with monkeypatch.context() as patched:
        patched.setattr(Settings, "show", take_long)
        answer = owner.ask("GET", "/api/v1/settings/")
        assert (answer.status_code, problem_in(answer)["code"], answer.headers["Retry-After"]) == (503, "busy", "5")
    assert owner.ask("GET", "/api/v1/settings/").status_code == 200


@pytest.mark.postgresql
def test_a_mistake_of_ours_is_not_called_busy(owner: Caller, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: Any) -> None:
        raise InternalError from psycopg.errors.InvalidCursorName()

    monkeypatch.setattr(Settings, "show", fail)
    assert problem_in(owner.ask("GET", "/api/v1/settings/"))["code"] == "failed"
