"""Connections that threads share: what one left there the next does not meet. And the time that is given on them."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

import psycopg
import pytest
from django.db import InternalError, OperationalError, connection, connections, transaction
from psycopg.pq import TransactionStatus
from psycopg_pool import ConnectionPool

from payerwatch.config.limits import Limits
from payerwatch.tenancy.connections import have_own_connection, limit_time, share_connections
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from payerwatch.tenancy.postgresql import base, pooling
from payerwatch.tenancy.postgresql.ahead import Ahead
from payerwatch.tenancy.postgresql.roles import RoleIgnoresPolicies
from tests.tenancy.conftest import World
from tests.tenancy.shelf.models import Book

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.postgresql,
    pytest.mark.usefixtures("connections_as_before"),
]

CUSTOMER = "SELECT current_setting('app.customer_id', true), pg_backend_pid()"


def asked(statement: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()


def elsewhere(work: Callable[[], Any]) -> Any:
    """In another thread, which then gives its connection back."""

    def do() -> Any:
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(do).result()


def left_open(customer: int) -> None:
    """A transaction that somebody forgot, by which the connection sees a customer's rows."""
    with connection.cursor() as cursor:
        cursor.execute(f"BEGIN; SET LOCAL app.customer_id = '{customer}'")


def left_unsent(customer: int) -> None:
    """A statement that waits for another, which never came."""
    connection.send_with_next(f"SET app.customer_id = '{customer}'")


def next_one(world: World, leave: Callable[[int], None]) -> tuple[str, bool]:
    """The customer that the next thread meets, and whether it is on the same connection to the server."""

    def leave_something() -> int:
        number = asked("SELECT pg_backend_pid()")[0]
        leave(world.other.customer.pk)
        return int(number)

    share_connections(1)
    first = elsewhere(leave_something)
    customer, second = elsewhere(lambda: asked(CUSTOMER))
    return customer or "", first == second


@pytest.mark.parametrize("leave", [left_open, left_unsent])
def test_what_one_left_on_a_connection_the_next_does_not_meet(world: World, leave: Callable[[int], None]):
    assert next_one(world, leave) == ("", True)


def test_a_transaction_that_was_not_undone_would_be_met(world: World, monkeypatch: pytest.MonkeyPatch):
    """The control."""
    monkeypatch.setattr(ConnectionPool, "_reset_connection", lambda *_: None)
    assert next_one(world, left_open) == (str(world.other.customer.pk), True)


def test_a_statement_that_went_on_waiting_would_be_met(world: World, monkeypatch: pytest.MonkeyPatch):
    """The control."""
    only = Ahead()
    monkeypatch.setattr(only, "clear", lambda: None)
    monkeypatch.setattr(base, "Ahead", lambda _limits: only)
    assert next_one(world, left_unsent) == (str(world.other.customer.pk), True)


def test_threads_take_turns_and_each_sees_its_own(world: World):
    share_connections(3)

    def titles(number: int) -> tuple[set[str], int]:
        practice = (world.own, world.other)[number % 2]
        try:
            with acting_in(practice.customer):
                found = set(Book.objects.values_list("title", flat=True))
            return found ^ {book.title for book in practice.books}, asked("SELECT pg_backend_pid()")[0]
        finally:
            connection.close()

    with ThreadPoolExecutor(12) as threads:
        found = list(threads.map(titles, range(300)))
    assert [strange for strange, _ in found if strange] == []
    assert len({process for _, process in found}) <= 3


def test_a_role_is_looked_at_once_for_each_connection_to_the_server(monkeypatch: pytest.MonkeyPatch):
    looked: list[Any] = []
    real = base.refuse_connected_role_above_policies
    monkeypatch.setattr(base, "refuse_connected_role_above_policies", lambda each: (looked.append(each), real(each)))
    share_connections(1)
    processes = {elsewhere(lambda: asked("SELECT pg_backend_pid()")) for _ in range(5)}
    assert (len(processes), len(looked)) == (1, 1)


def test_no_connection_is_given_to_a_role_above_the_policies(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def refuse(_connection: Any) -> None:
        raise RoleIgnoresPolicies("postgres", "is a superuser")

    monkeypatch.setattr(base, "refuse_connected_role_above_policies", refuse)
    monkeypatch.setattr(pooling, "WAIT_SECONDS", 0.5)
    share_connections(1)
    with pytest.raises(OperationalError, match="couldn't get a connection"):
        elsewhere(lambda: asked("SELECT 1"))
    until = time.monotonic() + 60
    while "is a superuser" not in caplog.text:  # who waits may give up before the pool's thread has tried
        assert time.monotonic() < until
        time.sleep(0.05)


def test_one_that_nobody_used_for_a_while_is_asked_first_and_used_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pooling, "TRUSTED_SECONDS", 0.0)
    limit_time(Limits(statement=5, idle=5))
    share_connections(1)
    assert len({elsewhere(lambda: asked("SELECT pg_backend_pid()")) for _ in range(3)}) == 1


def test_who_comes_first_after_a_restart_of_the_server_is_answered(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pooling, "TRUSTED_SECONDS", 0.0)
    share_connections(4)
    each_has_one = threading.Barrier(4)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: (asked("SELECT 1"), each_has_one.wait(60), connection.close()), range(4)))
    with psycopg.connect(**connection.get_connection_params()) as another:
        ended = another.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"
        ).fetchone()
    assert ended >= (4,)
    began = time.monotonic()
    assert elsewhere(lambda: asked("SELECT 7")) == (7,)
    assert time.monotonic() - began < 3


def test_who_has_one_of_its_own_shares_it_with_nobody():
    share_connections(1)
    assert asked("SELECT 1") == (1,)
    connection.close()

    def hold() -> Any:
        assert have_own_connection()
        own = asked("SELECT pg_backend_pid()")
        with ThreadPoolExecutor(1) as thread:
            other = thread.submit(lambda: (asked("SELECT pg_backend_pid()"), connection.close())[0]).result()
        return own != other

    assert elsewhere(hold)


def test_a_forked_process_has_not_its_parents_connections(monkeypatch: pytest.MonkeyPatch):
    share_connections(2)
    own = connection.pool
    monkeypatch.setattr(pooling.os, "getpid", lambda: -1)
    assert connection.pool is not own
    connection.close_pool()


# Time


def session_setting(name: str) -> str:
    """As it is for whoever has the connection next."""
    with psycopg.Cursor(connection.connection) as cursor:
        return str(cursor.execute(f"SHOW {name}").fetchone()[0])


def test_a_statement_is_broken_off_in_a_transaction_and_outside_of_one():
    limit_time(Limits(statement=1, idle=0))
    connection.close()
    for block in (transaction.atomic(), nullcontext()):
        with pytest.raises(OperationalError, match="statement timeout"), block:
            asked("SELECT pg_sleep(3)")
    assert session_setting("statement_timeout") == "0"


def test_each_statement_has_the_whole_time():
    limit_time(Limits(statement=3, idle=0))
    connection.close()
    with transaction.atomic():
        for _ in range(4):
            asked("SELECT pg_sleep(1)")


def test_a_transaction_is_not_left_idle():
    limit_time(Limits(statement=0, idle=1))
    connection.close()

    def wait() -> None:
        with transaction.atomic():
            asked("SELECT 1")
            time.sleep(1.5)
            asked("SELECT 1")

    with pytest.raises(InternalError, match="idle-in-transaction"):
        wait()
    assert asked("SELECT 7") == (7,)
    assert session_setting("idle_in_transaction_session_timeout") == "0"


def test_a_command_has_all_the_time_it_takes():
    connection.close()
    assert asked("SHOW statement_timeout") == ("0",)
    assert connection.connection.pgconn.transaction_status == TransactionStatus.IDLE


# Behind PgBouncer


def cursors_declared(read: Callable[[], Any]) -> list[str]:
    """The cursors that are open on the server when the first row has come, and whether they outlive the transaction."""
    rows = read()
    next(rows)
    with psycopg.Cursor(connection.connection) as cursor:
        held = cursor.execute("SELECT is_holdable FROM pg_cursors").fetchall()
    rows.close()
    return ["held" if each else "in the transaction" for (each,) in held]


@pytest.mark.parametrize(("behind", "outside"), [(False, ["held"]), (True, [])])
def test_rows_come_by_a_cursor_that_no_one_else_meets(world: World, behind: bool, outside: list[str]):
    connections.settings["default"]["BEHIND_PGBOUNCER"] = behind
    with acting_in(world.own.customer):
        found = cursors_declared(lambda: iter(Book.objects.values_list("pk").iterator(chunk_size=1)))
    assert found == ["in the transaction"]
    assert cursors_declared(lambda: iter(Customer.objects.values_list("pk").iterator(chunk_size=1))) == outside
