"""What only the PostgreSQL store does: its function agrees with the pure window, and no waiting without end."""

import random
import socket
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from django.core.management import call_command
from django.db import ProgrammingError, connection, transaction

from payerwatch.tenancy.postgresql.roles import as_migrator
from payerwatch.throttling.postgresql import CONNECTIONS, PostgresqlStore, _Connection
from payerwatch.throttling.rates import Rate
from payerwatch.throttling.refusals import ThrottleUnavailable
from payerwatch.throttling.stores import store
from payerwatch.throttling.taking import take
from payerwatch.throttling.verdict import Bucket
from payerwatch.throttling.window import has_room, held, settled
from tests.tenancy.schema import schema_as_text
from tests.throttling.counts import FORGET, refused_in_time
from tests.throttling.rows import execute, hits, put
from tests.wires import Wire, wire

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]

BUCKET = [Bucket("a", Rate(3, 60), b"a" * 32)]


def test_the_function_and_the_window_agree_on_any_state():
    """150 random states of one to three buckets: empty, full, over full, with hits long past and in the future."""
    rng = random.Random(5)
    outcomes = set()
    for number in range(150):
        execute(FORGET)
        buckets = [
            Bucket("a", Rate(rng.randint(1, 6), rng.randint(1, 90)), rng.randbytes(32))
            for _ in range(rng.randint(1, 3))
        ]
        put([row for bucket in buckets for row in invented_hits(rng, bucket)])
        outcomes.add(compared(buckets, receipt=number + 1))
    assert outcomes == {True, False}


def invented_hits(rng: random.Random, bucket: Bucket) -> list[tuple[bytes, int, int, int]]:
    now = time.time_ns() // 1_000
    spread = (-3.0, 0.2) if rng.random() < 0.5 else (-0.9, -0.1)  # in windows
    times = [now + round(rng.uniform(*spread) * bucket.rate.window) for _ in range(rng.randint(0, 8))]
    return [(bucket.digest, at, 10_000 + number, at + bucket.rate.window) for number, at in enumerate(times)]


def compared(buckets: list[Bucket], receipt: int) -> bool:
    """Whether it passed; fails unless answer and table are what the window says at the server's time."""
    before = times_by_bucket()
    answer = store().take(receipt, buckets)
    logs = [settled(before[bucket.digest], bucket.rate, answer.now) for bucket in buckets]
    allowed = all(has_room(log, bucket.rate) for log, bucket in zip(logs, buckets, strict=True))
    if allowed:
        logs = [[*log, answer.now] for log in logs]
    assert answer.allowed == allowed
    assert answer.held == tuple(held(log, bucket.rate) for log, bucket in zip(logs, buckets, strict=True))
    after = times_by_bucket()
    assert [after[bucket.digest] for bucket in buckets] == logs
    return allowed


def times_by_bucket() -> dict[bytes, list[int]]:
    found = defaultdict(list)
    for bucket, at, _receipt, _leaves in hits():
        found[bytes(bucket)].append(at)
    return found


def test_the_clock_is_the_servers_and_read_when_the_locks_are_held():
    """A hit that waited for another carries the later time."""
    with closing(another_connection()) as other:
        other.execute("SELECT throttling_lock(%s)", [[BUCKET[0].digest]])
        held_at = other.execute("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint").fetchone()[0]
        with closing(another_connection()) as waiting:
            waiting.execute("SET LOCAL lock_timeout = 0")
            waiting.pgconn.send_query_params(
                b"SELECT moment FROM throttling_take(1, ARRAY[$1::bytea], ARRAY[3], ARRAY[60000000])",
                [b"\\x" + BUCKET[0].digest.hex().encode()],
            )
            time.sleep(0.3)
            other.rollback()
            moment = int(waiting.pgconn.get_result().get_value(0, 0))
    assert moment >= held_at + 300_000


def test_a_bucket_held_for_too_long_is_refused_in_time():
    assert store().take(1, BUCKET).allowed
    with closing(another_connection()) as other:
        other.execute("SELECT throttling_lock(%s)", [[BUCKET[0].digest]])
        with refused_in_time():
            store().take(2, BUCKET)
    assert store().take(3, BUCKET).held[0].hits == 2


def test_a_server_that_accepts_and_never_answers_is_refused_in_time(tmp_path: Path):
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / ".s.PGSQL.5432"))
        silent.listen()
        with refused_in_time():
            PostgresqlStore({"host": str(tmp_path), "port": 5432, "user": "a", "dbname": "a"}).take(1, BUCKET)


def test_a_server_that_is_not_there_is_refused_in_time(tmp_path: Path):
    there = {"host": str(tmp_path), "port": 5432, "user": "a", "dbname": "a", "password": "not repeated"}
    with refused_in_time() as refused:
        PostgresqlStore(there).take(1, BUCKET)
    assert "not repeated" not in str(refused.value)


def test_a_server_that_stops_answering_is_refused_in_time():
    asleep = "SELECT pg_sleep(60)"
    with refused_in_time():
        execute(asleep)
    assert store().take(1, BUCKET).allowed
    with closing(another_connection()) as other:
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = %s", [asleep])


def test_a_connection_that_the_server_closed_is_replaced():
    assert store().take(1, BUCKET).allowed
    [[process]] = execute("SELECT pg_backend_pid()")
    with closing(another_connection()) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [process])
    assert store().take(2, BUCKET).held[0].hits == 2


def test_connections_that_fall_silent_together_cost_one_answer():
    with by_wire() as (between, counting):
        counting._idle.extend([made_by(counting) for _ in range(CONNECTIONS)])
        between.leave_open()
        with refused_in_time():
            counting.take(1, BUCKET)
        assert counting.take(2, BUCKET).allowed


def made_by(counting: PostgresqlStore) -> _Connection:
    """A connection of its own that it has used, and has no more."""
    counting._ask("SELECT 1", [])
    [made] = counting._idle
    counting._idle.clear()
    return made


@contextmanager
def by_wire() -> Iterator[tuple[Wire, PostgresqlStore]]:
    with closing(another_connection()) as other:
        there = other.info
        target = Path(there.host) / f".s.PGSQL.{there.port}" if there.host.startswith("/") else (there.host, there.port)
    with wire(lambda: target) as between:
        by = {"host": "127.0.0.1", "port": between.port}
        counting = PostgresqlStore(connection.get_connection_params() | by)
        yield between, counting
        counting.close()


def test_counting_under_another_isolation_is_an_error():
    count = "SELECT throttling_take(1, ARRAY[]::bytea[], ARRAY[]::integer[], ARRAY[]::bigint[])"
    with closing(another_connection()) as other:
        other.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with pytest.raises(psycopg.errors.RaiseException, match="READ COMMITTED"):
            other.execute(count)


def test_only_the_application_may_count():
    [[granted]] = execute(
        "SELECT array_agg(DISTINCT acl.grantee::regrole::text) "
        "FROM pg_proc, aclexplode(proacl) AS acl WHERE proname LIKE 'throttling%%' AND acl.grantee <> proowner"
    )
    assert granted == [connection.settings_dict["USER"]]
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        connection.cursor().execute("TRUNCATE throttling_hit")


def another_connection() -> psycopg.Connection:
    return psycopg.connect(**connection.get_connection_params())


@pytest.mark.django_db(transaction=True)
def test_the_migration_is_undone_and_made_again():
    before = [*schema_as_text(), *functions()]
    assert len(functions()) == 3
    store().close()
    call_command("migrate", "throttling", "zero", verbosity=0)
    assert not any("throttling" in line for line in [*schema_as_text(), *functions()])
    with pytest.raises(ThrottleUnavailable, match="migrate"):
        take([("api", "a")])
    call_command("migrate", "throttling", verbosity=0)
    assert [*schema_as_text(), *functions()] == before
    assert take([("api", "a")]).allowed


def functions() -> list[str]:
    with as_migrator(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT proname || pg_get_functiondef(oid) || proacl::text FROM pg_proc "
            "WHERE proname LIKE 'throttling%' ORDER BY 1"
        )
        return [line for (line,) in cursor.fetchall()]
