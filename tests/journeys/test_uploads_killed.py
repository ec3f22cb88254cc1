"""The server killed between its answer and the end of a load: the file waits, and is loaded exactly once."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.journeys.conftest import Installation, assert_cells_are_right
from tests.journeys.serving import ENDED_WITHIN, UNHINDERED, Served, serving
from tests.journeys.test_kills import many, wait_until_gone
from tests.journeys.test_uploads_over_http import key_of, send, watched
from tests.make import claims_file

pytestmark = [pytest.mark.database, pytest.mark.proof]

ROWS = 20_000
MOMENTS = (0.0, 0.2, 0.5, 1.0, 1.5, 2.0, 3.0) if os.environ.get("PAYERWATCH_PROOF") == "full" else (0.0, 1.0)


def kill(served: Served) -> None:
    """The command and its worker processes, with no chance to say goodbye."""
    main = psutil.Process(served.process.pid)
    for process in [main, *main.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):  # the worker ends by itself once the command is gone
            process.kill()
    served.process.wait(ENDED_WITHIN)


def sent_and_killed(installation: Installation, key: dict[str, str], content: bytes, after: float) -> str:
    """Where the upload is to be watched."""
    with serving(installation, ends_with=-signal.SIGKILL, **UNHINDERED) as served:
        answer = send(served, key, content)
        where = str(answer.header("Location"))
        time.sleep(after)
        kill(served)
    wait_until_gone(installation)
    return where


def uploads(installation: Installation) -> list[dict[str, Any]]:
    return installation.stored()["claims_upload"]


@pytest.mark.parametrize("after", MOMENTS)
def test_a_file_is_loaded_exactly_once_though_the_server_was_killed(
    installation: Installation, tmp_path: Path, after: float
):
    key = key_of(installation)
    where = sent_and_killed(installation, key, claims_file(tmp_path, many(ROWS)).read_bytes(), after)
    [kept] = uploads(installation)
    assert kept["state"] in {"received", "loading", "loaded"}
    assert len(installation.stored()["claims_claim"]) == (ROWS if kept["state"] == "loaded" else 0)
    with serving(installation, **UNHINDERED) as served:
        upload = watched(served, key, where, seconds=300)
    assert (upload["state"], upload["rows"], upload["new_claims"]) == ("loaded", ROWS, ROWS)
    assert len(uploads(installation)) == 1
    assert len(installation.stored()["claims_claim"]) == ROWS
    assert len(installation.stored()["drift_driftrun"]) == 1
    assert_cells_are_right(installation)
