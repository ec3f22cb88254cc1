"""More requests than can be answered: some are refused at once, who was let in is answered, and it passes."""

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.journeys.conftest import Installation, copy_of
from tests.journeys.serving import ANSWERED_WITHIN, UNHINDERED, Served, bearer, serving
from tests.loadtest.faults import SECONDS, SLOW

pytestmark = [pytest.mark.database, pytest.mark.once]

LONGEST = 0.1  # seconds that a request may have to wait
CLIENTS = 24  # six for each thread
OVERLOADED = 3.5  # seconds, of which the first two may be a burst
TAKES = {
    "DJANGO_SETTINGS_MODULE": "tests.loadtest.faulty_settings",
    "PYTHONPATH": str(Path(__file__).parents[2]),
    **UNHINDERED,
}


TOKEN = "a token of sixteen letters and more"


class Seen(NamedTuple):
    at: float
    took: float
    status: int
    body: bytes
    retry_after: str | None


@pytest.fixture(scope="module")
def installation(migrated: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with copy_of(migrated, tmp_path_factory.mktemp("sheds")) as copy:
        yield copy


@contextmanager
def asked_by_many(served: Served) -> Iterator[list[Seen]]:
    """Clients with kept connections that ask again and again for what takes long, until the block ends."""
    seen: list[Seen] = []
    stop = threading.Event()
    clients = [threading.Thread(target=_ask, args=(served.port, stop, seen)) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        yield seen
    finally:
        stop.set()
        for client in clients:
            client.join()


def _ask(port: int, stop: threading.Event, seen: list[Seen]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWERED_WITHIN)
    while not stop.wait(0.05):
        began = time.monotonic()
        connection.request("GET", SLOW)
        answer = connection.getresponse()
        body = answer.read()
        now = time.monotonic()
        seen.append(Seen(now, now - began, answer.status, body, answer.getheader("Retry-After")))
    connection.close()


def test_beyond_what_can_be_answered_it_is_said_at_once_and_passes(installation: Installation):
    changes = TAKES | {
        "PAYERWATCH_WEB_WAIT_MILLISECONDS": str(round(LONGEST * 1000)),
        "PAYERWATCH_METRICS_TOKEN": TOKEN,
    }
    with serving(installation, workers=1, **changes) as served:
        with asked_by_many(served) as seen:
            time.sleep(OVERLOADED)
            began = time.monotonic()
            assert served.ask("GET", "/api/v1/health/").status == 200
            assert served.ask("GET", "/livez").status == 200
            health = time.monotonic() - began
        refused = [each for each in seen if each.status == 503]
        answered = [each for each in seen if each.status == 401]
        assert len(refused) + len(answered) == len(seen), Counter(each.status for each in seen)
        assert refused
        assert len(answered) > 4 * OVERLOADED / SECONDS / 4  # as many as four threads can, on a busy machine too
        assert sorted(each.took for each in refused)[len(refused) // 2] < SECONDS  # before anybody could be answered
        assert {json.loads(each.body)["code"] for each in refused} == {"overloaded"}
        assert {each.retry_after for each in refused} == {"2"}
        assert health < SECONDS + 10 * LONGEST + 10
        counted = served.ask("GET", "/metrics", headers=bearer(TOKEN)).body.decode()
        assert f"\npayerwatch_http_requests_shed_total {len(refused)}.0\n" in counted
        assert served.ask("GET", SLOW).status == 401


def test_without_a_longest_wait_nobody_is_refused(installation: Installation):
    with serving(installation, workers=1, **TAKES, PAYERWATCH_WEB_WAIT_MILLISECONDS="0") as served:
        with asked_by_many(served) as seen:
            time.sleep(OVERLOADED)
        assert {each.status for each in seen} == {401}
        assert max(each.took for each in seen) > CLIENTS / 4 * SECONDS * 0.8
