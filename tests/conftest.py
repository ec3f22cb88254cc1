"""Which tests run on which database, and that a skipped test is a failure where none may be skipped."""

import gc
import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import hypothesis
import pytest
from django.conf import settings
from django.db import connection, connections
from django.test import TransactionTestCase

from payerwatch.jobs import queue
from payerwatch.tenancy import clock
from payerwatch.tenancy.postgresql.roles import as_migrator
from tests.queries import repeated
from tests.throttling.counts import own_counts

ON_POSTGRESQL = "postgresql" in settings.DATABASES["default"]["ENGINE"]
TESTS = Path(__file__).parent
LONG = ("chaos", "release", "journeys", "openapi", "api")  # folders of which files take long, the longest first
_NUMBERS = count()

# How long an example takes says what the machine is doing, and nothing of what is tested.
hypothesis.settings.register_profile("steady", deadline=None)
hypothesis.settings.load_profile("steady")


@pytest.fixture(scope="session")
def throttle_directory(tmp_path_factory: pytest.TempPathFactory):
    return tmp_path_factory.mktemp("throttles")


@pytest.fixture(autouse=True)
def own_throttles(throttle_directory) -> Iterator[None]:
    """What one test counts throttles no other."""
    with own_counts(throttle_directory / f"{next(_NUMBERS)}.sqlite3"):
        yield


@pytest.fixture(autouse=True)
def a_worker_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    """None runs beside tests. What the health document says without one is tried on servers that run."""
    monkeypatch.setattr(queue, "state", lambda: queue.State(0.0, 1, {}, 0))


@pytest.fixture(autouse=True)
def own_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a worker of one test was told of the database's clock no other goes by."""
    monkeypatch.setattr(clock, "_told", [])


@pytest.fixture
def connections_as_before(transactional_db: None) -> Iterator[None]:
    """What a process says of its connections it says for good; here only until the test ends."""
    named = connections.settings["default"]
    before = dict(named)
    yield
    connection.close()
    connections["default"].close_pool()
    connections["default"].settings_dict = named
    named.clear()
    named.update(before)


@pytest.fixture(scope="session", autouse=True)
def emptied_over_one_connection() -> Iterator[None]:
    """As who owns the tables, whom emptying them would else connect anew for each part of it."""
    empty = TransactionTestCase._fixture_teardown

    def emptied(case: TransactionTestCase) -> None:
        with as_migrator():
            empty(case)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", emptied)
        yield


@pytest.fixture(scope="session", autouse=True)
def requests_and_steps_watched() -> Iterator[None]:
    with repeated.requests_and_steps_watched():
        yield


@pytest.fixture(autouse=True)
def nothing_sent_again_and_again() -> Iterator[None]:
    """A request or a step that sends one statement many times fails the test that made it."""
    yield
    found = repeated.taken()
    assert not found, "\n".join(["One statement was sent again and again:", *map(str, found)])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL only what has to do with a database runs again; a test of one database runs on that one.

    A process is given whole files, so what takes long comes first: else one would wait for the other at the end.
    """
    kept, left_out = [], []
    for item in items:
        (kept if _belongs_here(item) else left_out).append(item)
    items[:] = sorted(kept, key=_place)
    config.hook.pytest_deselected(items=left_out)


def _place(item: pytest.Item) -> int:
    if item.get_closest_marker("minutes"):
        return -1
    folder = item.path.relative_to(TESTS).parts[0]
    return LONG.index(folder) if folder in LONG else len(LONG)


def _belongs_here(item: pytest.Item) -> bool:
    if ON_POSTGRESQL:
        touches_database = item.get_closest_marker("django_db") or item.get_closest_marker("database")
        elsewhere = item.get_closest_marker("sqlite") or item.get_closest_marker("once")
        return bool(touches_database) and not elsewhere
    return item.get_closest_marker("postgresql") is None


def pytest_collection_finish() -> None:
    """What was collected stays until the end: looking through it for garbage after each test is for nothing."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """With PAYERWATCH_SKIPS=none a skipped test fails the run: a skipped proof is no proof.

    With `samples` only those may be skipped whose reason names the folder of sample files, which not everybody has.
    """
    allowed = {"none": "", "samples": "PAYERWATCH_SAMPLES_DIR"}.get(os.environ.get("PAYERWATCH_SKIPS", ""))
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if allowed is None or reporter is None:
        return
    reasons = [str(report.longrepr[2]) for report in reporter.stats.get("skipped", ())]
    if any(not allowed or allowed not in reason for reason in reasons):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
