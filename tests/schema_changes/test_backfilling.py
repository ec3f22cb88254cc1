"""Rows are filled in once each, however often it is stopped, and beside those who write them."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from django.db import OperationalError, connection

from payerwatch.schema_changes import backfilling
from payerwatch.schema_changes.backfilling import Filling, RowsStayLocked, fill
from payerwatch.tenancy.postgresql.roles import as_migrator
from tests.schema_changes.holding import connected

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]

ROWS = 3000
ADDING = Filling("test: add one", "filled_rows", ("customer_id", "id"), {"times": "times + 1"}, "times = 0 AND due")


@pytest.fixture(autouse=True)
def rows(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Of three customers; each third one is not due."""
    monkeypatch.setattr(backfilling, "MOST", 200)
    with as_migrator():
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE TABLE filled_rows (customer_id bigint, id bigint, due boolean, times integer DEFAULT 0, "
                "PRIMARY KEY (customer_id, id))"
            )
            cursor.execute(
                "INSERT INTO filled_rows SELECT 1 + n %% 3, n, n %% 5 > 0 FROM generate_series(1, %s) n", [ROWS]
            )
        try:
            yield
        finally:
            with connection.cursor() as cursor:
                cursor.execute(f"DROP TABLE filled_rows; DROP TABLE IF EXISTS {backfilling.PLACES}")


def times() -> dict[tuple[bool, int], int]:
    """How many rows there are of those that are due or not, by how often they were done."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT due, times, count(*) FROM filled_rows GROUP BY due, times")
        return {(due, done): count for due, done, count in cursor.fetchall()}


def places_left() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [backfilling.PLACES])
        return bool(cursor.fetchone()[0])


DONE = {(True, 1): ROWS * 4 // 5, (False, 0): ROWS // 5}


def test_what_is_due_is_done_once_and_nothing_is_left_behind():
    assert fill(connection, ADDING) == ROWS * 4 // 5
    assert times() == DONE
    assert not places_left()
    assert fill(connection, ADDING) == 0


class Stopped(Exception):
    """As by a kill."""


@pytest.mark.parametrize("batches", [1, 4, 9])
def test_what_was_stopped_goes_on_from_there(batches: int):
    """Each batch and its place are one transaction, so that rows behind the place are not looked at again."""
    seen = 0

    def stop(execute, sql, params, many, context):
        nonlocal seen
        if "AS MATERIALIZED" in sql:
            seen += 1
            if seen > batches:
                raise Stopped
        return execute(sql, params, many, context)

    with connection.execute_wrapper(stop), pytest.raises(Stopped):
        fill(connection, ADDING)
    done = sum(count for (_, often), count in times().items() if often)
    assert 0 < done < ROWS * 4 // 5
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM filled_rows AS row, {backfilling.PLACES} AS place "
            "WHERE ARRAY[row.customer_id, row.id] <= place.key AND row.due"
        )
        assert cursor.fetchone() == (done,)
    assert fill(connection, ADDING) == ROWS * 4 // 5 - done
    assert times() == DONE


def test_a_batch_that_fails_is_not_done_in_part():
    def break_off(execute, sql, params, many, context):
        if sql.startswith(f"INSERT INTO {backfilling.PLACES}"):
            raise Stopped
        return execute(sql, params, many, context)

    with connection.execute_wrapper(break_off), pytest.raises(Stopped):
        fill(connection, ADDING)
    assert (True, 1) not in times()


def test_rows_that_others_hold_are_done_when_they_are_free():
    with connected() as other:
        other.execute("BEGIN")
        other.execute("UPDATE filled_rows SET due = due WHERE id BETWEEN 100 AND 120")
        free = threading.Timer(0.5, lambda: other.execute("COMMIT"))
        free.start()
        assert fill(connection, ADDING) == ROWS * 4 // 5
        free.join()
    assert times() == DONE


def test_rows_that_others_never_let_go_are_told_of(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(backfilling, "WAYS", 3)
    with connected() as other:
        other.execute("BEGIN")
        other.execute("UPDATE filled_rows SET due = due WHERE id = 101")
        with pytest.raises(RowsStayLocked, match="filled_rows"):
            fill(connection, ADDING)
        other.execute("ROLLBACK")
    assert fill(connection, ADDING) == 1


def test_rows_that_come_meanwhile_are_done_too():
    batches = 0

    def add(execute, sql, params, many, context):
        nonlocal batches
        batches += "AS MATERIALIZED" in sql
        if "AS MATERIALIZED" in sql and batches == 2:
            with connected() as other:
                other.execute("INSERT INTO filled_rows VALUES (1, -5, true)")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(add):
        assert fill(connection, ADDING) == ROWS * 4 // 5 + 1


def test_it_ends_though_rows_that_are_due_keep_coming():
    added = 0

    def add(execute, sql, params, many, context):
        nonlocal added
        if "AS MATERIALIZED" in sql:
            added += 1
            with connected() as other:
                other.execute("INSERT INTO filled_rows VALUES (1, %s, true)", [-added])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(add):
        done = fill(connection, ADDING)
    assert ROWS * 4 // 5 < done < ROWS * 4 // 5 + added


def test_nobody_waits_long_for_a_row():
    """Each batch is a transaction of its own: another writes any row between two of them."""
    batches = 0

    def write(execute, sql, params, many, context):
        nonlocal batches
        if "AS MATERIALIZED" in sql:
            batches += 1
            with connected() as other:
                other.execute("SET lock_timeout = '1s'")
                other.execute("UPDATE filled_rows SET due = due WHERE id = 1")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(write):
        fill(connection, ADDING)
    assert batches > ROWS / backfilling.MOST


def test_a_batch_that_takes_too_long_is_made_smaller(monkeypatch: pytest.MonkeyPatch):
    sizes: list[int] = []

    def slow(execute, sql, params, many, context):
        if "OFFSET %s" in sql:
            sizes.append(params[-1])
            if params[-1] > 150:
                sql = "SET LOCAL statement_timeout = '1ms'; SELECT pg_sleep(1), %s" + ", %s" * (len(params) - 1)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(slow):
        assert fill(connection, ADDING) == ROWS * 4 // 5
    assert sizes[0] > 150 > sizes[1]


def test_a_batch_that_cannot_be_made_small_enough_fails():
    def slow(execute, sql, params, many, context):
        if "OFFSET %s" in sql:
            sql = "SET LOCAL statement_timeout = '1ms'; SELECT pg_sleep(1), %s" + ", %s" * (len(params) - 1)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(slow), pytest.raises(OperationalError):
        fill(connection, ADDING)
