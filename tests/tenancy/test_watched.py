"""A connection that is silent: given up where the server is not at work on what was asked, and never where it is."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import polars as pl
import psycopg
import pytest
from django.db import OperationalError, connection

from payerwatch.claims import staging
from payerwatch.config.limits import Limits
from payerwatch.tenancy.connections import limit_time
from payerwatch.tenancy.postgresql import watched
from payerwatch.tenancy.postgresql.watched import MARGIN, AnswerLost, WatchedConnection
from tests.wires import Wire, wire

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]

GIVEN_UP_WITHIN = 20.0  # seconds; looked after 0.3 and again half a second later, more on a busy machine
PASSWORD = {"password": urlsplit(os.environ.get("DATABASE_URL", "")).password or ""}
BACKENDS = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s"


@pytest.fixture(autouse=True)
def looks_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched, "LOOK_AFTER", 0.3)


@pytest.fixture
def between() -> Iterator[Wire]:
    """What leads to the tests' server."""
    info = connection_info()
    target = info["host"]

    def reached() -> Any:
        return _socket(info) if target.startswith("/") else (target, int(info["port"]))

    with wire(reached) as found:
        yield found


def connection_info() -> dict[str, str]:
    connection.ensure_connection()
    info = connection.connection.info
    return {"host": info.host, "port": str(info.port), "dbname": info.dbname, "user": info.user}


def _socket(info: dict[str, str]) -> Any:
    return Path(info["host"]) / f".s.PGSQL.{info['port']}"


@pytest.fixture
def through(between: Wire) -> Iterator[WatchedConnection]:
    """A connection by the wire, which knows its way."""
    way = connection_info() | PASSWORD | {"host": "127.0.0.1", "port": str(between.port)}
    with WatchedConnection.connect(**way, autocommit=True) as found:
        found.answers_within = None
        found.know_way(way)
        yield found
        found.close()


def lost(through: WatchedConnection, statement: str) -> float:
    """After how many seconds it was given up."""
    began = time.monotonic()
    with pytest.raises(AnswerLost):
        through.execute(statement)
    return time.monotonic() - began


def is_there(pid: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(BACKENDS, [pid])
        return bool(cursor.fetchone()[0])


def test_an_answer_that_is_lost_is_not_waited_for_and_the_server_lets_go(through: WatchedConnection, between: Wire):
    through.execute("BEGIN; SELECT pg_advisory_xact_lock(77)")
    pid = through.info.backend_pid
    between.leave_open()
    assert lost(through, "SELECT 1") < GIVEN_UP_WITHIN
    assert through.closed
    until = time.monotonic() + 60
    while is_there(pid):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_server_that_is_at_work_is_waited_for(through: WatchedConnection):
    assert through.execute("SELECT pg_sleep(2), 7").fetchone() == ("", 7)


def test_who_waits_for_a_lock_is_at_work(through: WatchedConnection):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(78)")
    with pytest.raises(psycopg.errors.QueryCanceled):
        through.execute("SET statement_timeout = '2s'; SELECT pg_advisory_lock(78)")


def test_an_answer_that_stalls_for_less_than_a_look_arrives(through: WatchedConnection, between: Wire):
    between.stall(0.25)
    assert through.execute("SELECT 7").fetchone() == (7,)


def test_where_nothing_can_be_seen_it_is_given_up_a_little_after_the_servers_own_limit(
    through: WatchedConnection, between: Wire
):
    through.way = None  # as behind PgBouncer
    through.answers_within = 1.0
    between.leave_open()
    assert 0.9 < lost(through, "SELECT 1") < GIVEN_UP_WITHIN


def test_while_the_server_cannot_be_reached_a_silence_says_nothing(through: WatchedConnection, between: Wire):
    between.leave_open()
    between.refuse()
    through.answers_within = 2.0
    assert lost(through, "SELECT 1") > 1.9


@pytest.mark.usefixtures("connections_as_before")
def test_a_process_with_limits_gives_up_soon_after_them():
    limit_time(Limits(statement=7, idle=0))
    connection.close()
    connection.ensure_connection()
    assert connection.connection.answers_within == 7 + MARGIN
    assert connection.connection.info.get_parameters()["connect_timeout"] == "5"


def test_a_connection_that_does_not_answer_a_question_is_made_anew(between: Wire, monkeypatch: pytest.MonkeyPatch):
    """Django's, at the first statement of a request: it is looked after at once."""
    monkeypatch.setattr(watched, "LOOK_AFTER", 60)
    monkeypatch.setattr(watched, "PING_SECONDS", 60)
    own = connection.settings_dict
    connection.close()
    connection.settings_dict = own | {"HOST": "127.0.0.1", "PORT": str(between.port), "CONN_HEALTH_CHECKS": True}
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            first = cursor.fetchone()
        between.leave_open()
        connection._used_at, connection.health_check_done, connection.health_check_enabled = 0.0, False, True
        began = time.monotonic()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            assert cursor.fetchone() != first
        assert time.monotonic() - began < GIVEN_UP_WITHIN
    finally:
        connection.close()
        connection.settings_dict = own


def test_rows_whose_connection_breaks_are_no_fault_of_the_load():
    rows = pl.DataFrame({name: [None] for name in staging.COLUMNS}, schema=dict.fromkeys(staging.COLUMNS, pl.String))
    staging.create()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [pid] = cursor.fetchone()
    with psycopg.connect(**connection_info(), **PASSWORD, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    with pytest.raises(OperationalError):
        staging.append(rows)
    connection.close()
