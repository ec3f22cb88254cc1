"""What supervisors and monitors ask, on the real server: with all well, and with each thing away that it needs."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg
import pytest

from tests.journeys.conftest import MIGRATOR_URL, Installation, copy_of
from tests.journeys.serving import Answer, Served, serving
from tests.wires import Wire, wire

pytestmark = pytest.mark.database

ROOT = Path(__file__).parents[2]
LIVE, READY, HEALTH, METRICS = "/livez", "/readyz", "/api/v1/health/", "/metrics"
BUILD = "2027-01-15.4"
TOKEN = "a-token-of-those-who-collect-metrics"
WITHIN, TRIES = 1.5, 3
"""Seconds: one is promised, and this is asked on machines that do other things as well. So it is asked again where it
took longer, or what was looked at took longer: whoever is not as quick as promised is so each time.
"""
FRESH_FOR = 1.1
"""Seconds, and a little longer, for which what was found is told."""
NEVER_THROTTLED = {200, 503}
"""The one, or the other where the machine is so busy that the database is late for once."""


@pytest.fixture(scope="module")
def installation(migrated: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with copy_of(migrated, tmp_path_factory.mktemp("probes")) as copy:
        yield copy


@pytest.fixture(scope="module")
def served(installation: Installation) -> Iterator[Served]:
    told = {"PAYERWATCH_BUILD": BUILD, "PAYERWATCH_RATE_ANONYMOUS": "1/h"}
    with serving(installation, workers=1, **told) as running:  # each process looks by itself
        yield running


def checks(answer: Answer) -> dict[str, dict[str, Any]]:
    assert answer.header("Content-Type") == "application/health+json", answer
    return {name: found for name, [found] in answer.document["checks"].items()}


def when_told(served: Served, check: str, status: str, says: str = "") -> dict[str, Any]:
    """The finding, once it is as wanted: what was found is told for a second."""
    deadline = time.monotonic() + 120
    while True:
        found = checks(served.ask("GET", HEALTH)).get(check, {})
        if found.get("status") == status and says in found.get("output", ""):
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def test_all_is_well(served: Served):
    assert served.ask("GET", LIVE).status == 200
    when_ready(served)
    assert served.ask("GET", READY).document == {"status": "pass"}
    deadline = time.monotonic() + 120
    # Until the worker beside it has said that it lives, and the machine lets the database answer at once.
    while not_well(answer := served.ask("GET", HEALTH)) != ["backup:age"]:
        assert time.monotonic() < deadline, answer
        time.sleep(0.1)
    found = checks(answer)
    assert answer.status == 200
    assert answer.document["status"] == "warn"
    assert answer.document["releaseId"] == BUILD
    assert "." in found["migrations:version"]["observedValue"]
    assert found["outbox:lag"]["observedValue"] == 0
    assert {"disk:free", "migrations:pending"} <= set(found)


def not_well(answer: Answer) -> list[str]:
    return [name for name, each in checks(answer).items() if each["status"] != "pass"]


def test_who_asks_is_never_kept_waiting_by_a_throttle_nor_leaves_a_line(served: Served):
    before = len(served.lines())
    assert {served.ask("GET", LIVE).status for _ in range(30)} == {200}
    assert {served.ask("GET", READY).status for _ in range(30)} <= NEVER_THROTTLED
    assert served.ask("HEAD", READY).status in NEVER_THROTTLED
    assert [each for each in served.lines()[before:] if each["message"] == "answered" and each["status"] != 503] == []
    assert {served.ask("GET", HEALTH).status for _ in range(5)} <= NEVER_THROTTLED


def test_nothing_that_anybody_may_read_is_a_secret(served: Served, installation: Installation):
    said = b"".join(served.ask("GET", path).body for path in (LIVE, READY, HEALTH)).decode()
    known = [str(installation.directory), "Practice", "Traceback"]
    for url in (os.environ.get("DATABASE_URL", ""), MIGRATOR_URL):
        known += [part for part in (urlsplit(url).username, urlsplit(url).password) if part]
    assert [each for each in known if each in said] == []


def test_metrics_are_nobodys_where_there_is_no_token(served: Served):
    assert served.ask("GET", METRICS).code == "not_found"


def when_not_ready(served: Served) -> Answer:
    """The answer, once it is one: what was found is told for a second."""
    deadline = time.monotonic() + 120
    while (answer := served.ask("GET", READY)).status == 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert answer.code == "not_ready"
    return answer


def when_ready(served: Served) -> None:
    """Once a look has found all well again: one that was begun before may be told for a second, and each is quick."""
    deadline = time.monotonic() + 120
    while quickly(served, READY).status != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_full_disk_is_told_in_words(installation: Installation):
    with serving(installation, options=["--no-work"], PAYERWATCH_LEAST_DISK=str(2**20 - 1)) as served:
        answer = served.ask("GET", READY)
        assert answer.code == "not_ready"
        assert "little space on the disk" in answer.document["detail"]
        assert str(installation.directory) not in answer.body.decode()
        assert served.ask("GET", LIVE).status == 200
        assert served.ask("GET", HEALTH).document["status"] == "fail"


def test_tables_of_the_release_before_are_told_in_words(migrated: tuple[str, Path], tmp_path: Path):
    with copy_of(migrated, tmp_path / "data") as copy, serving(copy, options=["--no-work"]) as served:
        when_ready(served)
        forget_the_newest_migration(copy)
        assert "payerwatch migrate" in when_not_ready(served).document["detail"]
        assert when_told(served, "migrations:pending", "fail")["observedValue"] == 1


def test_what_is_left_for_later_is_no_reason_not_to_serve(migrated: tuple[str, Path], tmp_path: Path):
    """The new release begins beside the one before, whose end these migrations wait for."""
    environment = {"DJANGO_SETTINGS_MODULE": "tests.journeys.later_settings", "PYTHONPATH": str(ROOT)}
    with copy_of(migrated, tmp_path / "data") as copy, serving(copy, options=["--no-work"], **environment) as served:
        assert "release before" in when_told(served, "migrations:pending", "warn")["output"]
        when_ready(served)


def forget_the_newest_migration(installation: Installation) -> None:
    statement = "DELETE FROM django_migrations WHERE app = 'health'"
    if MIGRATOR_URL:
        with psycopg.connect(installation.environment["MIGRATOR_DATABASE_URL"]) as connection:
            connection.execute(statement)
    else:
        with closing(sqlite3.connect(installation.directory / "payerwatch.sqlite3")) as file, file:
            file.execute(statement)


# The database answers, but not for one of its tables


@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("table", "check", "status", "ready"),
    [("health_backup", "backup:age", "warn", 200), ("procrastinate_jobs", "queue:responseTime", "fail", 503)],
)
def test_what_somebody_keeps_a_table_from_is_told_by_its_name(
    installation: Installation, served: Served, table: str, check: str, status: str, ready: int
):
    with psycopg.connect(installation.environment["MIGRATOR_DATABASE_URL"]) as holder:
        holder.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        found = when_told(served, check, status, says="cannot be asked")
        assert check in found["output"]
        for _ in range(3):
            time.sleep(FRESH_FOR)
            quickly(served, READY, lambda answer: answer.status == ready and (ready == 200 or says_of(answer, check)))
            quickly(served, HEALTH, lambda answer: checks(answer)["database:responseTime"]["status"] != "fail")
        holder.rollback()
    when_ready(served)


# The database is away


@contextmanager
def by_wire(installation: Installation) -> Iterator[tuple[Served, Wire]]:
    """A server that reaches its database by a wire, with a caller who may read."""
    url = urlsplit(installation.environment["DATABASE_URL"])
    host, port = unquote(str(url.hostname)), url.port or 5432
    target = Path(host) / f".s.PGSQL.{port}" if host.startswith("/") else (host, port)
    with wire(lambda: target) as between:
        there = url._replace(netloc=f"{url.username}:{url.password}@127.0.0.1:{between.port}").geturl()
        there_alone = {"DATABASE_URL": there, "MIGRATOR_DATABASE_URL": "", "PAYERWATCH_METRICS_TOKEN": TOKEN}
        with serving(installation, options=["--no-work"], workers=1, **there_alone) as served:  # each process looks
            yield served, between


def quickly(served: Served, path: str, is_as_wanted: Callable[[Answer], bool] = lambda _answer: True) -> Answer:
    """An answer that came within the time, and is as wanted."""
    headers = {"Authorization": f"Bearer {TOKEN}"} if path == METRICS else None
    for _ in range(TRIES):
        began = time.monotonic()
        answer = served.ask("GET", path, headers=headers)
        took = time.monotonic() - began
        if took < WITHIN and is_as_wanted(answer):
            return answer
        time.sleep(FRESH_FOR)  # so that what is asked again is looked at again
    raise AssertionError(took, answer)


def says_of(answer: Answer, check: str) -> bool:
    return check in answer.document["detail"]


@pytest.mark.postgresql
@pytest.mark.parametrize("how", ["refused", "hangs"])
def test_while_the_database_is_away_it_lives_and_says_so_at_once(installation: Installation, how: str):
    with by_wire(installation) as (served, between):
        when_ready(served)
        if how == "refused":
            between.refuse()
            between.cut()
        else:
            between.stall(600)
        when_not_ready(served)
        for _ in range(4):
            answer = quickly(served, READY)
            assert answer.code == "not_ready"
            assert "database does not answer" in answer.document["detail"]
            told = quickly(served, HEALTH)
            assert told.status == 503
            assert set(checks(told)) == {"database:responseTime", "disk:free"}
            assert quickly(served, LIVE).status == 200
            assert b"payerwatch_healthy 0.0" in quickly(served, METRICS).body
        between.refuse(False)
        between.stall(0)
        when_told(served, "database:responseTime", "pass")
        when_ready(served)


@pytest.mark.postgresql
def test_a_process_lives_whose_threads_all_wait(installation: Installation):
    """That all threads wait for the database is no reason to be killed."""
    with by_wire(installation) as (served, between):
        between.stall(8)
        with ThreadPoolExecutor(24) as pool:
            waiting = [pool.submit(served.ask, "GET", "/api/v1/claims/") for _ in range(24)]
            time.sleep(0.5)
            for _ in range(4):
                assert quickly(served, LIVE).status == 200
            assert {each.result().status for each in waiting} <= {401, 503}
