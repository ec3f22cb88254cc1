"""Runs asked of a real server: judged by its own thread, and taken up when it was stopped before it was done."""

import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.drift.invented import history
from tests.drift.run_off_claims import claims_of, written
from tests.journeys.conftest import Installation
from tests.journeys.serving import Headers, Served, bearer, serving

pytestmark = pytest.mark.database
JUDGED_WITHIN = 180  # seconds; what a worker had that was killed, the next one takes up after fifteen


def loaded(installation: Installation, folder: Path, *, series: int, payers: int) -> Headers:
    """Load claims of 60 weeks; the credential of a key."""
    claims = claims_of(history(series=series, payers=payers, weeks=60, volume=5))
    installation.ask("load", written(folder, claims))
    scopes = ("claims.load", "events.read")
    return bearer(installation.ask("issue_key", "--name", "Practice system", "--scope", *scopes)["key"])


def ended(served: Served, address: str, key: Headers) -> Any:
    deadline = time.monotonic() + JUDGED_WITHIN
    while (run := served.ask("GET", address, headers=key).document)["state"] in ("requested", "running"):
        assert time.monotonic() < deadline, run
        time.sleep(0.1)
    return run


def test_a_run_is_judged_by_the_server_after_its_answer(installation: Installation, tmp_path: Path):
    key = loaded(installation, tmp_path, series=4, payers=2)
    with serving(installation) as served:
        started = served.ask("POST", "/api/v1/drift-runs/", {"as_of": "2024-09-29"}, key)
        assert started.status == 202
        run = ended(served, str(started.header("Location")), key)
    assert (run["state"], run["series_checked"]) == ("done", 4)
    assert installation.ask("detect", "--as-of", "2024-09-29")["run"] == run["id"]


def kill(served: Served) -> None:
    """All its processes at once, as when the machine loses power."""
    server = psutil.Process(served.process.pid)
    for each in (server, *server.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):  # the worker ends by itself once the server is gone
            each.kill()
    served.process.wait()


def test_a_run_that_was_not_done_when_the_server_was_killed_is_judged_by_the_next(
    installation: Installation, tmp_path: Path
):
    key = loaded(installation, tmp_path, series=80, payers=10)  # enough to be judged for a while
    with serving(installation, ends_with=-signal.SIGKILL) as served:
        started = served.ask("POST", "/api/v1/drift-runs/", {}, key)
        kill(served)
    assert started.status == 202
    assert [run["state"] in ("requested", "running") for run in installation.stored()["drift_driftrun"]] == [True]
    with serving(installation) as served:
        assert ended(served, str(started.header("Location")), key)["state"] == "done"
