"""A server that is told to end does so, at whatever moment."""

import http.client
import signal
import subprocess
import time
from contextlib import ExitStack, closing
from pathlib import Path

import psutil
import pytest

from tests.journeys.conftest import COMMAND, Installation
from tests.journeys.ports import free_port
from tests.journeys.serving import ANSWERED_WITHIN, serving
from tests.journeys.slow_start import SECONDS

pytestmark = [pytest.mark.database, pytest.mark.once]

CLIENTS = 50  # one each tenth of a second until a process has heard that it is to end
SLOW = {"DJANGO_SETTINGS_MODULE": "tests.journeys.slow_start_settings", "PYTHONPATH": str(Path(__file__).parents[2])}


def test_a_server_that_is_to_end_while_its_processes_begin_does_not_wait_for_them(installation: Installation):
    command = [COMMAND, "serve", "--for-trying", "--no-work", "--workers", "1", "--bind", f"127.0.0.1:{free_port()}"]
    with subprocess.Popen(command, env=installation.environment | SLOW, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 120
        while not psutil.Process(process.pid).children():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(1)  # well within its beginning, which has the views that the server has loaded
        assert psutil.Process(process.pid).children()
        told = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS * 2) == 0
    assert time.monotonic() - told < SECONDS / 2


@pytest.mark.parametrize("was_used", [False, True])
def test_what_comes_on_an_open_connection_just_after_is_answered_and_told_of_the_end(
    installation: Installation, was_used: bool
):
    with serving(installation, workers=1) as served, ExitStack() as stack:
        clients = [stack.enter_context(closing(_connected(served.port))) for _ in range(CLIENTS)]
        used = clients if was_used else clients[-1:]  # one that came later is answered when all before are taken in
        assert {_told(each) for each in used} == {(200, "keep-alive")}
        served.process.send_signal(signal.SIGTERM)
        told = []
        for each in clients if was_used else clients[:-1]:
            told.append(_told(each))
            if told[-1] == (200, "close"):
                break
            time.sleep(0.1)  # until its process has heard of it
    assert set(told[:-1]) <= {(200, "keep-alive")}
    assert told[-1] == (200, "close")


def _connected(port: int) -> http.client.HTTPConnection:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWERED_WITHIN)
    client.connect()
    return client


def _told(client: http.client.HTTPConnection) -> tuple[int, str | None]:
    """The status of an answer, and what becomes of the connection."""
    client.request("GET", "/api/v1/")
    answer = client.getresponse()
    answer.read()
    return answer.status, answer.getheader("Connection")
