"""A server that is told to end does so, at whatever moment."""

import http.client
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests.journeys.conftest import COMMAND, Installation
from tests.journeys.serving import free_port, serving
from tests.journeys.slow_start import SECONDS

pytestmark = [pytest.mark.database, pytest.mark.once]

SLOW = {"DJANGO_SETTINGS_MODULE": "tests.journeys.slow_start_settings", "PYTHONPATH": str(Path(__file__).parents[2])}


def test_a_server_that_is_to_end_while_its_processes_begin_does_not_wait_for_them(installation: Installation):
    command = [COMMAND, "serve", "--for-trying", "--no-work", "--workers", "1", "--bind", f"127.0.0.1:{free_port()}"]
    with subprocess.Popen(command, env=installation.environment | SLOW, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 30
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
    with serving(installation, workers=1) as served:
        client = http.client.HTTPConnection("127.0.0.1", served.port, timeout=20)
        client.connect()
        if was_used:
            client.request("GET", "/api/v1/")
            before = client.getresponse()
            before.read()
            assert before.getheader("Connection") == "keep-alive"
        time.sleep(0.3)  # in which it is taken in
        served.process.send_signal(signal.SIGTERM)
        time.sleep(0.7)  # in which its process hears of it
        client.request("GET", "/api/v1/health/")
        answer = client.getresponse()
        answer.read()
        client.close()
    assert (answer.status, answer.getheader("Connection")) == (200, "close")
