"""A lock is waited for aside, with nobody waiting behind, and not for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import psycopg
import pytest
from django.db import DataError, connection, transaction

from payerwatch.schema_changes.locks import SHARE_ROW_EXCLUSIVE, Patience, TableLock, locked, patience_as
from payerwatch.schema_changes.refusals import ChangeTakesTooLong, LockNotToBeHad
from payerwatch.tenancy.postgresql.roles import as_migrator
from tests.schema_changes.holding import connected, using

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]

TABLE = "claims_claim"
IMPATIENT = Patience(aside=0.3, in_line_ms=(20, 50), tries=2, pause_in_line=0.01, beside_others=0.3)
UNTIL_FREE = Patience(aside=30)


@pytest.fixture(autouse=True)
def owner() -> Iterator[None]:
    with as_migrator():
        yield


def held_by_this() -> set[tuple[str, str]]:
    """The tables that this connection keeps from anybody, and how."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relation::regclass::text, mode FROM pg_locks WHERE pid = pg_backend_pid() AND granted "
            "AND mode IN ('AccessExclusiveLock', 'ShareRowExclusiveLock')"
        )
        return set(cursor.fetchall())


def test_the_lock_is_held_within_and_not_after():
    with locked(connection, [TableLock(TABLE), TableLock("claims_upload", SHARE_ROW_EXCLUSIVE)]):
        assert held_by_this() == {(TABLE, "AccessExclusiveLock"), ("claims_upload", "ShareRowExclusiveLock")}
    assert held_by_this() == set()


def test_what_fails_within_is_taken_back():
    with pytest.raises(DataError), locked(connection, [TableLock(TABLE)]):
        connection.cursor().execute(f"ALTER TABLE {TABLE} ADD COLUMN never integer; SELECT 1 / 0")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_attribute WHERE attname = 'never'")
        assert cursor.fetchone() == (0,)


def test_it_is_had_once_the_table_is_free():
    with using(TABLE, seconds=0.5), patience_as(UNTIL_FREE), locked(connection, [TableLock(TABLE)]):
        assert held_by_this()


@pytest.mark.parametrize("mode", ["ACCESS SHARE", "ROW EXCLUSIVE"])
def test_nobody_waits_behind_who_waits_aside(mode: str):
    """While the lock is not to be had, others come to the table as if nobody wanted it."""
    waited: list[str] = []

    def come(stopping: threading.Event) -> None:
        with connected() as other:
            other.execute("SET lock_timeout = '1ms'")  # any waiting at all, and it fails
            while not stopping.is_set():
                try:
                    with other.transaction():
                        other.execute(f"LOCK TABLE {TABLE} IN {mode} MODE")
                except psycopg.Error as error:
                    waited.append(type(error).__name__)

    with using(TABLE, mode), patience_as(Patience(aside=0.7, just_begun=-1, tries=0)):
        stopping = threading.Event()
        thread = threading.Thread(target=come, args=(stopping,))
        thread.start()
        with pytest.raises(LockNotToBeHad), locked(connection, [TableLock(TABLE)]):
            pass
        stopping.set()
        thread.join()
    assert waited == []


def test_many_that_come_and_go_are_no_reason_to_wait_for_long():
    """There is never an instant in which nobody uses the table: each comes before the one before has gone."""
    stopping = threading.Event()

    def come_and_go(delay: float) -> None:
        with connected() as other:
            stopping.wait(delay)
            while not stopping.is_set():
                with other.transaction():
                    other.execute(f"LOCK TABLE {TABLE} IN ACCESS SHARE MODE")
                    stopping.wait(0.01)

    threads = [threading.Thread(target=come_and_go, args=(0.002 * number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    try:
        patience = Patience(aside=30, look=0.05, just_begun=5, tries=0)
        with patience_as(patience), locked(connection, [TableLock(TABLE)]):
            assert held_by_this()
    finally:
        stopping.set()
        for thread in threads:
            thread.join()


def test_the_queue_is_joined_at_the_end_and_left_again():
    """Where there is no free instant: with steps, each with a limit."""
    with using(TABLE), patience_as(IMPATIENT):
        began = time.monotonic()
        with pytest.raises(LockNotToBeHad), locked(connection, [TableLock(TABLE)]):
            pass
        assert time.monotonic() - began >= 0.3 + 2 * 0.020 + 2 * 0.050


def test_who_is_in_the_way_is_named():
    with (
        using(TABLE) as pid,
        patience_as(IMPATIENT),
        pytest.raises(LockNotToBeHad) as refused,
        locked(connection, [TableLock(TABLE)]),
    ):
        pass
    (blocker,) = refused.value.blockers
    assert (blocker.pid, blocker.table, blocker.state) == (pid, TABLE, "idle in transaction")
    assert blocker.seconds is not None
    assert blocker.seconds >= 0.3
    assert f"pid {pid}" in str(refused.value)


def test_another_change_of_the_table_is_waited_for_and_named():
    with (
        using(TABLE, "SHARE UPDATE EXCLUSIVE") as pid,
        patience_as(IMPATIENT),
        pytest.raises(LockNotToBeHad, match=f"pid {pid}"),
        locked(connection, [TableLock(TABLE)]),
    ):
        pass


def test_a_change_that_takes_long_is_taken_back():
    hasty = Patience(longest_ms=50)
    with pytest.raises(ChangeTakesTooLong), patience_as(hasty), locked(connection, [TableLock(TABLE)]):
        connection.cursor().execute("SELECT pg_sleep(5)")
    assert held_by_this() == set()


def test_it_is_never_part_of_a_longer_transaction():
    with transaction.atomic(), pytest.raises(RuntimeError), locked(connection, [TableLock(TABLE)]):
        pass
