"""Whatever breaks, what was acknowledged is kept, once and whole, and all goes on by itself."""

import itertools
import resource
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.chaos.clients import LONG_PAUSE, PAUSE
from tests.chaos.own_server import limit_files, wait_for
from tests.chaos.place import FIRST_GOOD_ANSWER, FULL, Place, placed
from tests.chaos.telling import telling

pytestmark = [pytest.mark.database, pytest.mark.postgresql, pytest.mark.proof]

ROOT = Path(__file__).parents[2]
STOPPED = 60 if FULL else 3  # seconds
ROOM = 32 * 1024 * 1024  # bytes of memory beside what the worker has
HOUR = 3600  # seconds
CLOCK = {"DJANGO_SETTINGS_MODULE": "tests.chaos.clock_settings", "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with placed(tmp_path_factory.mktemp("chaos")) as found:
        yield found


@pytest.fixture
def patient(place: Place) -> Iterator[None]:
    """Whoever writes takes their time: a minute's backlog is a minute's work."""
    place.clients.pause = LONG_PAUSE
    yield
    place.clients.pause = PAUSE


def stopped_for_a_while(place: Place, process: psutil.Process) -> None:
    process.suspend()
    try:
        place.clients.answered_within(FIRST_GOOD_ANSWER, since=time.monotonic())
        time.sleep(STOPPED)
    finally:
        with suppress(psutil.NoSuchProcess):  # the server kills a process that does not move for half a minute
            process.resume()


def test_a_web_process_killed(place: Place):
    def kill() -> None:
        place.chance.choice(place.web_processes()).kill()

    place.survives("web process killed", kill, held_with_next=True)


def test_the_worker_killed(place: Place):
    place.survives("worker killed", lambda: place.worker().kill(), held_with_next=True)


def test_the_whole_command_killed_and_started_again(place: Place):
    def kill() -> None:
        place.kill_all()
        place.serve()

    place.survives("command killed", kill)


def test_the_database_stopped_at_once_and_started_again(place: Place):
    def stop() -> None:
        place.server.stop(signal.SIGQUIT)
        time.sleep(place.chance.uniform(0, 2))
        place.server.start()

    place.survives("database stopped at once", stop, held_with_next=True)


def test_connections_to_the_database_cut(place: Place):
    place.survives("connections cut", place.between.cut)


def test_the_way_to_the_database_stalled(place: Place):
    def stall() -> None:
        place.between.stall(5)
        time.sleep(5)

    place.survives("stalled for 5 s", stall, held_with_next=True)


def test_connections_to_the_database_left_half_open(place: Place):
    place.survives("half open", place.between.leave_open)


@pytest.mark.usefixtures("patient")
def test_a_web_process_stopped_for_a_while(place: Place):
    place.survives(
        f"web process stopped for {STOPPED} s",
        lambda: stopped_for_a_while(place, place.chance.choice(place.web_processes())),
        held_with_next=True,
    )


@pytest.mark.usefixtures("patient")
def test_the_worker_stopped_for_a_while(place: Place):
    place.survives(f"worker stopped for {STOPPED} s", lambda: stopped_for_a_while(place, place.worker()))


def test_the_disk_of_the_database_full(place: Place):
    place.clients.bring_file(8_000)  # so that tables are larger than a segment of the log, which must not be cut off
    place.settled()

    def fill() -> None:
        known = place.server.log.count("could not extend file")
        half_a_page_more = place.server.largest_table() // 8192 * 8192 + 4096
        with place.server.let_no_file_grow_beyond(half_a_page_more):
            wait_for(lambda: place.server.log.count("could not extend file") > known, seconds=180)
            time.sleep(1)

    place.survives("disk of the database full", fill)


def test_the_disk_of_the_product_full(place: Place):
    """Its processes can write nothing to any file, their log included."""

    def fill() -> None:
        limit_files(place.served.process.pid, 0)
        try:
            place.clients.answered_within(FIRST_GOOD_ANSWER, since=time.monotonic())
            time.sleep(1)
        finally:
            limit_files(place.served.process.pid, None)

    place.survives("disk of the product full", fill, held_with_next=True)


def test_all_connections_of_the_database_taken(place: Place):
    """By others, at a moment at which ours are cut."""
    someone = place.server.superuser | {"user": "app", "dbname": place.database}

    def take() -> None:
        with ExitStack() as stack:
            place.between.cut()
            with suppress(psycopg.OperationalError):
                while True:
                    stack.enter_context(psycopg.connect(**someone))
            time.sleep(2)

    place.survives("all connections taken", take)


def test_the_worker_out_of_memory(place: Place):
    def starve() -> None:
        worker = place.worker()
        worker.rlimit(resource.RLIMIT_AS, (worker.memory_info().vms + ROOM, resource.RLIM_INFINITY))
        place.clients.bring_file(20_000 if FULL else 8_000)
        place.clients.answered_within(FIRST_GOOD_ANSWER, since=time.monotonic())
        time.sleep(3)
        with suppress(psutil.NoSuchProcess):  # where something in it gave up the whole process
            worker.rlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    place.survives("worker out of memory", starve)


@pytest.mark.usefixtures("patient")
def test_clocks_that_are_off_as_summer_time_ends(place: Place, tmp_path: Path):
    """The clocks of the product's processes, an hour behind or ahead, or right; the database has its own."""
    clocks = itertools.cycle([-HOUR, HOUR, 0])
    with telling(place, tmp_path) as awaited:

        def put_off() -> None:
            place.end()
            awaited.prepare()
            place.serve(CHAOS_CLOCK=str(next(clocks)), **CLOCK, **awaited.told)

        place.survives("clocks off", put_off, then=awaited.comes_as_it_should)
        awaited.arrived_once()
        place.end()
        place.serve()


def test_what_is_found_is_what_is_found_in_the_same_claims_anew(place: Place, tmp_path: Path):
    place.settled()
    found = place.judged()
    assert found["series_checked"]
    assert place.judged_anew(tmp_path / "anew") == found


def test_the_record_is_whole_after_all_of_it(place: Place):
    place.has_a_whole_record()
