"""A server of several processes, and one that is killed at any moment: a request under one key is done once."""

import http.client
import json
import os
import random
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.conftest import copy_of
from tests.journeys.serving import UNHINDERED, Answer, Served, add_member, bearer, serving, tokens_of

pytestmark = [pytest.mark.database, pytest.mark.proof]

FULL = os.environ.get("PAYERWATCH_PROOF") == "full"
SENDS, KILLS = (50, 50) if FULL else (12, 3)
KEYS = "/api/v1/api-keys/"
ROOT = Path(__file__).parents[2]
DYING = {"DJANGO_SETTINGS_MODULE": "tests.journeys.dying_settings", "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def served(migrated: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with copy_of(migrated, tmp_path_factory.mktemp("once") / "data") as installation:  # noqa: SIM117
        with serving(installation, options=["--no-work"], **UNHINDERED, **DYING) as running:
            yield running


@pytest.fixture(scope="module")
def owner(served: Served) -> str:
    add_member(served.installation, "owner@example.com")
    return "owner@example.com"


def asked(served: Served, headers: dict[str, str], key: str, **more: str) -> Answer:
    body = {"name": key, "scopes": ["claims.read"]}
    return served.ask("POST", KEYS, body, {**headers, "Idempotency-Key": key, **more})


def asked_until_done(served: Served, headers: dict[str, str], key: str) -> Answer:
    """As a careful client does: whatever becomes of it, it is sent again under the same key."""
    deadline = time.monotonic() + 120
    while True:
        try:
            answer = asked(served, headers, key)
        except (OSError, http.client.HTTPException):
            answer = None
        if answer is not None and answer.status not in {409, 503}:
            return answer
        assert time.monotonic() < deadline
        time.sleep(0.1)


def made(served: Served, name: str) -> list[dict[str, Any]]:
    return [each for each in served.installation.everything()["members_apikey"] if each["name"] == name]


def recorded(served: Served, name: str) -> int:
    """The entries of making it."""
    ids = {each["public_id"] for each in made(served, name)}
    rows = served.installation.everything()["audit_entry"]
    return sum(each["thing_id"] in ids and each["verb"] == "issue" for each in rows)


def test_processes_that_are_asked_at_once_do_it_once(served: Served, owner: str):
    headers, answers = bearer(tokens_of(served, owner)["access"]), []

    def send() -> None:
        answers.append(asked_until_done(served, headers, "at-once"))

    running = [threading.Thread(target=send) for _ in range(SENDS)]
    for each in running:
        each.start()
    for each in running:
        each.join()
    assert {(each.status, each.body) for each in answers} == {(201, answers[0].body)}
    assert len(answers) == SENDS
    assert (len(made(served, "at-once")), recorded(served, "at-once")) == (1, 1)


@pytest.mark.parametrize(("when", "replayed"), [("after", "true"), ("before", None)])
def test_a_server_killed_between_the_work_and_the_answer_does_it_once(
    served: Served, owner: str, when: str, replayed: str | None
):
    headers = bearer(tokens_of(served, owner)["access"])
    with pytest.raises((OSError, http.client.HTTPException)):
        asked(served, headers, when, **{"X-Die": when})
    again = asked_until_done(served, headers, when)
    assert (again.status, again.header("Idempotency-Replayed")) == (201, replayed)
    assert (len(made(served, when)), recorded(served, when)) == (1, 1)


def test_a_server_killed_at_any_moment_does_it_once(served: Served, owner: str):
    """The client sends, and does not wait; every process of the server is killed a moment later."""
    headers, chance = bearer(tokens_of(served, owner)["access"]), random.Random(5)
    for number in range(KILLS):
        name = f"killed-{number}"
        send_unread(served, headers, name)
        time.sleep(chance.uniform(0, 0.12))
        for worker in workers(served):
            with suppress(ProcessLookupError):  # one that was killed before may be there until then
                os.kill(worker, signal.SIGKILL)
        again = asked_until_done(served, headers, name)
        assert again.status == 201
        assert (len(made(served, name)), recorded(served, name)) == (1, 1), number


def send_unread(served: Served, headers: dict[str, str], key: str) -> None:
    body = json.dumps({"name": key, "scopes": ["claims.read"]})
    fields = {**headers, "Host": "127.0.0.1", "Content-Type": "application/json", "Idempotency-Key": key}
    head = "".join(f"{name}: {value}\r\n" for name, value in {**fields, "Content-Length": len(body)}.items())
    with socket.create_connection(("127.0.0.1", served.port), timeout=20) as peer:
        peer.sendall(f"POST {KEYS} HTTP/1.1\r\n{head}\r\n{body}".encode())


def workers(served: Served) -> list[int]:
    """The processes that answer: the children of the one that was started."""
    children = Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children")
    return [int(each) for each in children.read_text().split()]
