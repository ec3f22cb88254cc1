"""A worker that is stopped or dead shows in the health document within half a minute; one that is idle never does."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest

from tests.chaos.own_server import wait_for
from tests.chaos.place import FULL
from tests.journeys.conftest import COMMAND, Installation, copy_of
from tests.journeys.serving import UNHINDERED, Served, serving

pytestmark = [pytest.mark.database, pytest.mark.postgresql, pytest.mark.proof]

SHOWS_WITHIN = 30.0
BEGINS_WITHIN = 120.0
IDLE_FOR = 60.0 if FULL else 12.0
CHECK = "worker:heartbeatAge"


@pytest.fixture(scope="module")
def served(migrated: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with (
        copy_of(migrated, tmp_path_factory.mktemp("health")) as installation,
        serving(installation, options=["--no-work"], workers=1, **UNHINDERED) as running,
    ):
        yield running


@contextmanager
def working(installation: Installation) -> Iterator[Popen[bytes]]:
    with Popen([COMMAND, "work"], env=installation.environment, cwd=installation.directory) as process:
        try:
            yield process
        finally:
            process.kill()


def found(served: Served) -> dict[str, Any]:
    answer = served.ask("GET", "/api/v1/health/")
    [check] = answer.document["checks"][CHECK]
    assert (answer.status == 503) == (answer.document["status"] == "fail")
    return dict(check)


def shows(served: Served, status: str, within: float) -> None:
    wait_for(lambda: found(served)["status"] == status, seconds=within, told=lambda: found(served))


def test_an_idle_worker_never_shows_and_one_that_is_stopped_or_dead_does(served: Served):
    with working(served.installation) as worker:
        shows(served, "pass", BEGINS_WITHIN)
        until = time.monotonic() + IDLE_FOR
        while time.monotonic() < until:
            assert found(served)["status"] == "pass"
            time.sleep(0.25)
        worker.send_signal(signal.SIGSTOP)
        shows(served, "fail", SHOWS_WITHIN)
        assert served.ask("GET", "/readyz").status == 200  # nobody is kept from reading by it
        worker.send_signal(signal.SIGCONT)
        shows(served, "pass", SHOWS_WITHIN)
        if FULL:
            worker.kill()
            shows(served, "fail", SHOWS_WITHIN)
