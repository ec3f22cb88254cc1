"""Whatever breaks, what was acknowledged is kept, once and whole, and all goes on by itself."""

import signal
import time
from collections.abc import Iterator

import pytest

from tests.chaos.place import Place, placed

pytestmark = [pytest.mark.database, pytest.mark.postgresql, pytest.mark.proof]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with placed(tmp_path_factory.mktemp("chaos"), limits={}) as found:
        yield found


def test_a_web_process_killed(place: Place):
    def kill() -> None:
        place.chance.choice(place.web_processes()).kill()

    place.survives("web process killed", kill)


def test_the_database_stopped_at_once_and_started_again(place: Place):
    def stop() -> None:
        place.server.stop(signal.SIGQUIT)
        time.sleep(place.chance.uniform(0, 2))
        place.server.start()

    place.survives("database stopped", stop)


def test_connections_to_the_database_cut(place: Place):
    place.survives("connections cut", place.between.cut)


def test_the_way_to_the_database_stalled(place: Place):
    def stall() -> None:
        place.between.stall(5)
        time.sleep(5)

    place.survives("stalled 5 s", stall)


def test_connections_to_the_database_left_half_open(place: Place):
    place.survives("half open", place.between.leave_open)


def test_the_worker_killed(place: Place):
    place.survives("worker killed", lambda: place.worker().kill())
