"""A worker beside the server: there from the start, again when it is killed, and gone with the server."""

import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.journeys.conftest import Installation
from tests.journeys.serving import UNHINDERED, Served, serving
from tests.journeys.test_uploads_over_http import key_of, send, watched
from tests.make import claims_file, row

pytestmark = [pytest.mark.database, pytest.mark.postgresql]

NOTHING_LEFT = {"waiting": 0, "running": 0, "parked": 0, "parked_jobs": []}


def workers_beside(served: Served) -> list[psutil.Process]:
    found = []
    for each in psutil.Process(served.process.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # it has just ended
            if "work" in each.cmdline():
                found.append(each)
    return found


def wait_for(what: Callable[[], Any], seconds: float = 120) -> Any:
    until = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < until
        time.sleep(0.05)
    return found


def test_a_worker_that_is_killed_is_started_again_and_ends_with_the_server(installation: Installation, tmp_path: Path):
    key = key_of(installation)
    with serving(installation, **UNHINDERED) as served:
        [first] = wait_for(lambda: workers_beside(served))
        first.kill()
        [second] = wait_for(lambda: [each for each in workers_beside(served) if each.pid != first.pid])
        where = str(send(served, key, claims_file(tmp_path, [row()]).read_bytes()).header("Location"))
        assert watched(served, key, where)["state"] == "loaded"
    wait_for(lambda: not second.is_running())


def test_a_worker_whose_server_was_killed_ends_by_itself(installation: Installation):
    with serving(installation, ends_with=-signal.SIGKILL) as served:
        [worker] = wait_for(lambda: workers_beside(served))
        served.process.kill()
        wait_for(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)


def test_without_a_worker_beside_it_files_wait_for_one_that_is_started(installation: Installation, tmp_path: Path):
    key = key_of(installation)
    with serving(installation, options=["--no-work"], **UNHINDERED) as served:
        where = str(send(served, key, claims_file(tmp_path, [row()]).read_bytes()).header("Location"))
        assert workers_beside(served) == []
        assert served.ask("GET", where, headers=key).document["state"] == "received"
        worker = installation.start("work", "--threads", "1", "--json")
        assert watched(served, key, where)["state"] == "loaded"
        wait_for(lambda: installation.run("jobs", "--json").document == NOTHING_LEFT)
        worker.terminate()
        out, err = worker.communicate(timeout=120)
    assert (worker.returncode, b'"worked": true' in out) == (0, True), err
