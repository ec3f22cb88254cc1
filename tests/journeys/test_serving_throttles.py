"""Throttles on the real server: two processes of four threads count together, and nothing a client says helps."""

import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.journeys.conftest import MIGRATOR_URL, Installation, copy_of
from tests.journeys.serving import PASSWORD, Answer, Served, add_member, bearer, serving, tokens_of

pytestmark = pytest.mark.database

EMAIL = "ada@example.com"
ASKED, LIMIT = 40, 17
HOW_IT_IS_DOING = (200, 503)  # where jobs wait in a table and nobody does them, that is a failure


@pytest.fixture(scope="module")
def in_the_open(migrated: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server as it comes, that trusts no proxy."""
    with copy_of(migrated, tmp_path_factory.mktemp("open")) as installation:
        add_member(installation, EMAIL)
        with serving(installation, options=["--no-work"]) as served:
            yield served


@pytest.fixture(scope="module")
def behind_proxies(migrated: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that is told each client's address, so that each test comes from its own."""
    rates = {"API": f"{LIMIT}/h", "ANONYMOUS": "4/20s", "REFUSED_CREDENTIALS": "3/h"}
    environment = {f"PAYERWATCH_RATE_{name}": rate for name, rate in rates.items()}
    environment["PAYERWATCH_TRUSTED_PROXIES"] = "127.0.0.1, 10.0.0.0/8"
    with copy_of(migrated, tmp_path_factory.mktemp("proxies")) as installation:
        add_member(installation, EMAIL)
        with serving(installation, options=["--no-work"], **environment) as served:
            yield served


def attempt(served: Served, password: str = "wrong wrong wrong", email: str = EMAIL, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return served.ask("POST", "/api/v1/auth/token/", {"email": email, "password": password}, named)


def read(served: Served, path: str, forwarded: str, **headers: str) -> Answer:
    return served.ask("GET", path, None, {"X-Forwarded-For": forwarded} | headers)


def standing(answer: Answer) -> tuple[str, int, int, int, int]:
    """Policy, quota, window, remaining and reset as the fields say them, of the one policy counted."""
    policy, limit = answer.header("RateLimit-Policy"), answer.header("RateLimit")
    said = re.fullmatch(r'"(\w+)";q=(\d+);w=(\d+)', policy or "")
    left = re.fullmatch(r'"(\w+)";r=(\d+);t=(\d+)', limit or "")
    assert said, answer
    assert left, answer
    assert said[1] == left[1]
    return (said[1], int(said[2]), int(said[3]), int(left[2]), int(left[3]))


def test_the_sixth_wrong_password_waits_and_no_forwarded_address_helps(in_the_open: Served):
    refused = [
        attempt(in_the_open, X_Forwarded_For=f"203.0.113.{n}", Forwarded=f"for=198.51.100.{n}") for n in range(5)
    ]
    assert [answer.code for answer in refused] == ["sign_in_refused"] * 5
    for password in ("wrong wrong wrong", PASSWORD):
        sixth = attempt(in_the_open, password, X_Forwarded_For="203.0.113.77", X_Real_IP="203.0.113.78")
        assert (sixth.status, sixth.code) == (429, "too_many_sign_ins")
        assert 800 <= int(sixth.header("Retry-After") or 0) <= 900
        assert str(sixth.header("Retry-After")) in sixth.document["fix"]
    # Another account from the same address has to wait as well.
    assert attempt(in_the_open, email="nobody@example.com", X_Forwarded_For="203.0.113.99").status == 429
    assert in_the_open.ask("GET", "/api/v1/health/").status in HOW_IT_IS_DOING


def test_a_throttle_is_honest_about_when_to_come_back(behind_proxies: Served):
    seen = [read(behind_proxies, "/api/v1/claims/", "203.0.113.5") for _ in range(5)]
    assert [answer.status for answer in seen] == [401, 401, 401, 429, 429]
    assert [standing(answer)[:4] for answer in seen[:3]] == [("anonymous", 4, 20, left) for left in (3, 2, 1)]
    assert [answer.code for answer in seen[3:]] == ["too_many_requests"] * 2


def test_who_is_told_to_wait_is_told_by_the_fields_too(behind_proxies: Served):
    seen = [read(behind_proxies, "/api/v1/auth/sign-in/", "203.0.113.6") for _ in range(5)]
    assert [answer.status for answer in seen] == [200] * 4 + [429]
    wait = int(seen[4].header("Retry-After") or 0)
    assert 1 <= wait <= 20
    assert standing(seen[4]) == ("anonymous", 4, 20, 0, wait)


def together(served: Served, path: str, headers: dict[str, str]) -> list[Answer]:
    """So many requests at once, each on a connection of its own."""
    with ThreadPoolExecutor(ASKED) as pool:
        return list(pool.map(lambda _: served.ask("GET", path, None, headers), range(ASKED)))


def test_exactly_as_many_as_allowed_pass_across_processes(behind_proxies: Served):
    headers = bearer(tokens_of(behind_proxies, EMAIL, forwarded="203.0.113.10")["access"])
    answers = together(behind_proxies, "/api/v1/me/", headers)
    assert Counter(answer.status for answer in answers) == {200: LIMIT, 429: ASKED - LIMIT}
    assert {answer.code for answer in answers if answer.status != 200} == {"too_many_requests"}
    assert sorted(standing(answer)[3] for answer in answers if answer.status == 200) == list(range(LIMIT))
    assert {answer.status for answer in together(behind_proxies, "/api/v1/uploads/", headers)} == {429}


def test_health_is_never_counted(behind_proxies: Served):
    answers = together(behind_proxies, "/api/v1/health/", {"X-Forwarded-For": "203.0.113.7"})
    assert {answer.status for answer in answers} <= set(HOW_IT_IS_DOING)
    assert {answer.header("RateLimit") for answer in answers} == {None}


@pytest.mark.parametrize(
    ("path", "address", "passed", "status"),
    [("/api/v1/auth/sign-in/", "203.0.113.8", 4, 200), ("/api/v1/claims/", "203.0.113.9", 3, 401)],
)
def test_another_made_up_credential_each_time_is_still_the_same_caller(
    behind_proxies: Served, path: str, address: str, passed: int, status: int
):
    """Who presents junk is counted by where it comes from, at what is open to all as at what is not."""
    junk: list[dict[str, Any]] = [bearer(f"pw_live_1_{n}") for n in range(passed + 2)]
    answers = [read(behind_proxies, path, address, **each) for each in junk]
    assert [answer.status for answer in answers] == [status] * passed + [429] * 2


def test_the_word_of_trusted_proxies_is_taken_and_no_other(behind_proxies: Served):
    def asked(forwarded: str) -> int:
        return read(behind_proxies, "/api/v1/auth/sign-in/", forwarded).status

    assert [asked("203.0.113.1") for _ in range(5)] == [200] * 4 + [429]
    assert asked("203.0.113.2") == 200
    # What the client wrote stands left of what the proxies wrote; it is not believed.
    assert [asked(f"198.51.100.{n}, 203.0.113.1, 10.1.2.3") for n in range(2)] == [429, 429]
    assert [asked("203.0.113.1, rubbish, 10.9.9.9") for _ in range(5)] == [200] * 4 + [429]


@contextmanager
def broken_store(installation: Installation) -> Iterator[None]:
    """Counts that cannot be reached: the function is gone, or another process holds the file."""
    if MIGRATOR_URL:
        with psycopg.connect(installation.environment["MIGRATOR_DATABASE_URL"], autocommit=True) as connection:
            connection.execute("ALTER FUNCTION throttling_take RENAME TO throttling_gone")
            yield
            connection.execute("ALTER FUNCTION throttling_gone RENAME TO throttling_take")
        return
    with closing(sqlite3.connect(installation.directory / "throttle.sqlite3", isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield


def test_without_its_counts_signing_in_is_closed_and_reading_stays_open(behind_proxies: Served):
    headers = bearer(tokens_of(behind_proxies, EMAIL, forwarded="203.0.113.11")["access"])
    with broken_store(behind_proxies.installation):
        for password in (PASSWORD, "wrong wrong wrong"):
            closed = attempt(behind_proxies, password)
            assert (closed.status, closed.code) == (503, "throttle_unavailable")
            assert closed.header("Retry-After") == "5"
            told = closed.body.decode()
            assert not any(word in told for word in ("sqlite", "throttling_", "127.0.0.1", "directory", "lock"))
        assert {
            behind_proxies.ask("GET", path, None, headers).status for path in ("/api/v1/me/", "/api/v1/claims/")
        } == {200}
    assert "The throttle does not answer; the request passes." in {line["message"] for line in behind_proxies.lines()}
    assert tokens_of(behind_proxies, EMAIL, forwarded="203.0.113.12")
