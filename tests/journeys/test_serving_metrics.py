"""What is counted on the real server: by whom it may be read, that it is exact over all processes, and that what
people send makes no series of its own."""

import os
import secrets
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.api.routes import endpoints
from tests.journeys.conftest import Installation, copy_of
from tests.journeys.ports import free_port
from tests.journeys.serving import UNHINDERED, Served, add_member, bearer, serving, tokens_of
from tests.journeys.test_uploads_over_http import key_of, send, watched
from tests.make import claims_file, row

pytestmark = pytest.mark.database

TOKEN = "collects-what-is-counted-0123456789"
ADDRESSES = 100_000 if os.environ.get("PAYERWATCH_PROOF") == "full" else 600
MOST_SERIES = 2_000
LOAD = "payerwatch.receiving.load_received"
CANARY = "zyxwold-917-65-4329"
ME, CLAIMS = "/api/v1/me/", "/api/v1/claims/"


@pytest.fixture(scope="module")
def installation(migrated: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with copy_of(migrated, tmp_path_factory.mktemp("counted")) as copy:
        add_member(copy, "ada@example.com")
        yield copy


@pytest.fixture(scope="module")
def served(installation: Installation) -> Iterator[Served]:
    with serving(installation, **UNHINDERED, PAYERWATCH_METRICS_TOKEN=TOKEN) as running:
        yield running


@pytest.fixture
def alone(migrated: tuple[str, Path], tmp_path: Path) -> Iterator[Installation]:
    """An installation in which no worker takes jobs beside the one that is started."""
    with copy_of(migrated, tmp_path / "alone") as copy:
        yield copy


Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read(served: Served) -> Series:
    answer = served.ask("GET", "/metrics", None, bearer(TOKEN))
    assert answer.status == 200, answer
    return series_in(answer.body.decode())


def series_in(text: str) -> Series:
    """By name and labels. What is no series, or is there twice, fails."""
    found: Series = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            name = sample.name, frozenset(sample.labels.items())
            assert name not in found
            found[name] = sample.value
    return found


def answered(series: Series, route: str, **labels: str) -> float:
    wanted = {"route": route, **labels}.items()
    return sum(
        value
        for (name, given), value in series.items()
        if name == "payerwatch_http_requests_total" and wanted <= set(given)
    )


def routes_in(series: Series) -> set[str]:
    return {value for _, labels in series for name, value in labels if name == "route"}


def test_who_does_not_say_the_token_is_told_nothing(served: Served, installation: Installation):
    for headers in ({}, bearer("guessed"), bearer(TOKEN[:-1]), {"Authorization": TOKEN + "é"}):
        answer = served.ask("GET", "/metrics", None, headers)
        assert answer.code == "caller_not_known"
        assert b"payerwatch_" not in answer.body


def test_all_processes_count_together_and_exactly(served: Served):
    key = bearer(tokens_of(served, "ada@example.com")["access"])
    before = read(served)

    def ask(number: int) -> int:
        path, method = ((ME, "GET"), (CLAIMS, "GET"), (f"{CLAIMS}cla_unknown/", "GET"), (ME, "HEAD"))[number % 4]
        return served.ask(method, path, None, key).status

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(ask, range(400)))
    after = read(served)
    grown = {
        (route, status): answered(after, route, status=status) - answered(before, route, status=status)
        for route in routes_in(after)
        for status in ("2xx", "4xx", "5xx")
    }
    assert {each: number for each, number in grown.items() if number and each[0] not in ("/metrics", "/readyz")} == {
        ("api/v1/me/", "2xx"): 200,
        ("api/v1/claims/", "2xx"): 100,
        ("api/v1/claims/<str:public_id>/", "4xx"): 100,
    }
    assert statuses.count(404) == 100
    timed = {
        name: after[name] - before.get(name, 0) for name in after if name[0] == "payerwatch_http_request_seconds_count"
    }
    assert sum(value for (_, labels), value in timed.items() if ("route", "api/v1/me/") in labels) == 200


def test_what_is_refused_unread_is_counted_too(served: Served):
    before = read(served)
    assert served.send(b"no request\r\n\r\n").status == 400
    chunked = b"POST /api/v1/uploads/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    assert served.send(chunked).status == 501
    after = read(served)
    grown = {status: answered(after, "unread", status=status) for status in ("4xx", "5xx")}
    assert grown == {status: answered(before, "unread", status=status) + 1 for status in ("4xx", "5xx")}


def test_what_a_process_has_counted_that_is_killed_stays(served: Served):
    before = answered(read(served), "api/v1/auth/sign-in/")
    for _ in range(6):
        served.ask("GET", "/api/v1/auth/sign-in/")
    victim, *_ = web_processes(served)
    os.kill(victim, signal.SIGKILL)
    deadline = time.monotonic() + 120
    while victim in (there := web_processes(served)) or len(there) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert answered(read(served), "api/v1/auth/sign-in/") == before + 6


def web_processes(served: Served) -> list[int]:
    """The children that hold the server's socket: the worker beside them holds none."""
    found = []
    for child in psutil.Process(served.process.pid).children():
        try:
            if any(each.laddr and each.laddr.port == served.port for each in child.net_connections()):
                found.append(child.pid)
        except psutil.NoSuchProcess:
            continue
    return found


def test_what_people_send_makes_no_series_of_its_own(served: Served):
    """Addresses, methods, headers, names of customers and files: none is a label, so none makes another series."""
    routes = [endpoint.path(**dict.fromkeys(endpoint.parameters, CANARY)) for endpoint in endpoints()]

    def ask(number: int) -> None:
        path = (
            f"/{CANARY}/{secrets.token_hex(4)}" if number % 3 else f"{routes[number % len(routes)]}?{CANARY}={number}"
        )
        method = ("GET", "POST", "PATCH", "DELETE", "PUT", f"X{secrets.token_hex(3).upper()}")[number % 6]
        try:
            served.ask(method, path, None, {"X-Request-ID": f"{CANARY}-{number}", "User-Agent": CANARY})
        except HTTPException:
            assert method not in ("GET", "POST")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(ADDRESSES)))
    answer = served.ask("GET", "/metrics", None, bearer(TOKEN))
    text = answer.body.decode()
    assert len(series_in(text)) <= MOST_SERIES
    for said in ("zyxwold", "Practice", "ada@", TOKEN, "cus_"):
        assert said not in text


@pytest.mark.postgresql
def test_a_worker_tells_what_it_has_counted_at_an_address_of_its_own(alone: Installation, tmp_path: Path):
    installation, port = alone, free_port()
    worker = installation.start("work", "--metrics", f"127.0.0.1:{port}")
    try:
        with serving(installation, options=["--no-work"], **UNHINDERED) as served:
            key, path = key_of(installation), claims_file(tmp_path, [row(number=f"M{n}") for n in range(7)])
            sent = send(served, key, path.read_bytes())
            assert watched(served, key, sent.header("Location") or "")["state"] == "loaded"
        told = told_once_counted(port, ("payerwatch_jobs_total", frozenset({("step", LOAD), ("outcome", "done")})))
        assert told["payerwatch_claims_loaded_total", frozenset({("what", "new")})] == 7
        taken = installation.run("work", "--metrics", f"127.0.0.1:{port}")
        assert taken.code == 1
        assert f"127.0.0.1:{port}" in taken.err
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=120)
    assert worker.returncode == 0


def told_once_counted(port: int, series: tuple[str, frozenset[tuple[str, str]]]) -> Series:
    """What the worker tells once that series is 1: it counts what it has done after that can be seen in the tables."""
    deadline = time.monotonic() + 120
    while (told := series_in(urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60).read().decode())).get(series) != 1:
        assert time.monotonic() < deadline, told
        time.sleep(0.05)
    return told


@pytest.mark.postgresql
@pytest.mark.parametrize("said", ["9464", "localhost:", ":9464", "localhost:0", "localhost:99999", "localhost:x"])
def test_an_address_for_metrics_that_is_none_is_refused(installation: Installation, said: str):
    done = installation.run("work", "--metrics", said)
    assert done.code == 2, done
    assert "127.0.0.1:9464" in done.err
