"""One trace from what somebody asks to all that it causes: the request's line in the log, the job's, the header of the
message that leaves, and the entry in the record of who did what."""

import json
import os
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.conftest import Installation, copy_of
from tests.journeys.receiving import Received, receiver
from tests.journeys.serving import UNHINDERED, Served, add_member, bearer, serving, tokens_of

pytestmark = [pytest.mark.database, pytest.mark.proof]

ACTIONS = 500 if os.environ.get("PAYERWATCH_PROOF") == "full" else 32
CLIENTS = 4
API = "/api/v1"
TRYING = {**UNHINDERED, "PAYERWATCH_ALLOW_PRIVATE_ENDPOINTS": "yes", "PAYERWATCH_RATE_API": "10000/s"}


@pytest.fixture(scope="module")
def served(migrated: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with (
        copy_of(migrated, tmp_path_factory.mktemp("traced")) as installation,
        serving(installation, **TRYING) as running,
    ):
        yield running


@pytest.fixture
def system(tmp_path: Path) -> Iterator[Received]:
    with receiver(tmp_path / "system") as running:
        yield running


def asked_of(number: int) -> tuple[dict[str, str], str]:
    """The headers of an action, and the trace they name: some come with a trace, some with an id, some with neither."""
    trace = secrets.token_hex(16)
    given = {"traceparent": f"00-{trace}-{secrets.token_hex(8)}-01"} if number % 2 else {}
    named = {"X-Request-ID": f"action-{number:06d}"} if number % 3 == 0 else {}
    return given | named, trace if given else ""


def logged(served: Served, said: str, **names: str) -> dict[str, Any]:
    """The line that says this of what is so named, once it is there: others say theirs a moment before."""
    deadline = time.monotonic() + 30
    while True:
        texts = [
            text for text in served.log.read_text().splitlines()[1:] if all(each in text for each in names.values())
        ]
        for line in map(json.loads, texts):
            if line["message"] == said and names.items() <= line.items():
                return dict(line)
        assert time.monotonic() < deadline, (said, names)
        time.sleep(0.05)


def test_each_action_has_one_trace_in_log_job_message_and_record(served: Served, system: Received):
    installation = served.installation
    add_member(installation, "ada@example.com")
    key = bearer(tokens_of(served, "ada@example.com")["access"])
    endpoints = [
        served.ask("POST", f"{API}/endpoints/", {"url": f"{system.url}/{number}"}, key).document
        for number in range(CLIENTS)
    ]
    system.knows(*(each["secret"] for each in endpoints))

    def act(client: int) -> list[tuple[str, str, str]]:
        """One after the other, each when the job of the one before is done: so each has a job of its own."""
        done = []
        for number in range(client, ACTIONS, CLIENTS):
            headers, asked = asked_of(number)
            answer = served.ask("POST", f"{API}/endpoints/{endpoints[client]['id']}/test/", {}, key | headers)
            assert answer.status == 200, answer
            message, request_id = answer.document["id"], str(answer.header("X-Request-ID"))
            trace = logged(served, "answered", request_id=request_id)["trace_id"]
            assert asked in ("", trace)
            assert logged(served, "sent", thing=message)["trace_id"] == trace
            assert logged(served, "done", trace_id=trace)["step"]
            done.append((message, trace, request_id))
        return done

    with ThreadPoolExecutor(CLIENTS) as pool:
        done = [each for found in pool.map(act, range(CLIENTS)) for each in found]
    assert len(done) == ACTIONS
    headers = {line["id"]: line["headers"] for line in system.lines()}
    entries = {
        (each["request_id"], each["verb"]): each["detail"]
        for each in installation.everything()["audit_entry"]
        if each["verb"] not in ("sign_in", "add")
    }
    for message, trace, request_id in done:
        assert headers[message]["traceparent"].split("-")[1] == trace
        [detail] = [detail for (of, _), detail in entries.items() if of == request_id]
        assert request_id == trace or f'"trace":"{trace}"' in detail


def test_what_a_command_causes_is_of_its_trace(served: Served, system: Received):
    """Whoever starts a command says by TRACEPARENT, as other programs have it, what it belongs to."""
    installation = served.installation
    trace = secrets.token_hex(16)
    traced = Installation(
        installation.environment | {"TRACEPARENT": f"00-{trace}-{secrets.token_hex(8)}-01"}, installation.directory
    )
    traced.ask("issue_key", "--name", "Collector", "--scope", "claims.read")
    [entry] = [each for each in installation.everything()["audit_entry"] if each["request_id"] == trace]
    assert entry["thing_kind"] == "key"


def test_a_trace_that_nobody_could_mean_is_replaced(served: Served):
    hostile = "00-" + "z" * 32 + "-00f067aa0ba902b7-01"
    answer = served.ask("GET", f"{API}/auth/sign-in/", None, {"traceparent": hostile})
    request_id = str(answer.header("X-Request-ID"))
    [line] = [each for each in served.lines() if each["request_id"] == request_id]
    assert line["trace_id"] == request_id
    assert "z" * 32 not in served.log.read_text()
