"""One trace from what somebody asks to all that it causes: the request's line in the log, those of its jobs, the
entries in the record of who did what, and the header of the message that leaves."""

import itertools
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.journeys.conftest import MIGRATOR_URL, Installation, copy_of
from tests.journeys.denying import PAYER, denied_much_more
from tests.journeys.receiving import Received, receiver
from tests.journeys.serving import UNHINDERED, Served, add_member, bearer, serving, tokens_of
from tests.journeys.tracing import API, Asking, Found

pytestmark = [pytest.mark.database, pytest.mark.proof]

FULL = os.environ.get("PAYERWATCH_PROOF") == "full"
ACTIONS = 500 if FULL and MIGRATOR_URL else 32
"""Few on SQLite, where one writes at a time."""
KINDS = ("upload", "event", "event", "run", "report")
CLIENTS = 4
SETTLES_WITHIN = 300
NOT_LOOKING = {
    "DJANGO_SETTINGS_MODULE": "tests.journeys.not_looking_settings",
    "PYTHONPATH": str(Path(__file__).parents[2]),
}
TRYING = {**UNHINDERED, "PAYERWATCH_ALLOW_PRIVATE_ENDPOINTS": "yes", "PAYERWATCH_RATE_API": "10000/s"}
if not MIGRATOR_URL:
    TRYING |= NOT_LOOKING


@pytest.fixture(scope="module")
def served(migrated: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with (
        copy_of(migrated, tmp_path_factory.mktemp("traced")) as installation,
        serving(installation, **TRYING) as running,
    ):
        yield running


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Received]:
    with receiver(tmp_path_factory.mktemp("system")) as running:
        yield running


@pytest.fixture(scope="module")
def asking(served: Served, system: Received) -> Asking:
    """A rule tells at once of a payer that denies more, and a system is told of that and of reports."""
    add_member(served.installation, "ada@example.com")
    key = bearer(tokens_of(served, "ada@example.com")["access"])

    def created(path: str, **body: Any) -> str:
        answer = served.ask("POST", f"{API}/{path}", body, key)
        assert answer.status == 201, answer
        return str(answer.document["id"])

    told = created("endpoints/", url=system.url, event_types=["alert.raised", "report.issued"])
    created("rules/", measure="denial_rate", level="payer", payer=None, endpoints=[told])
    own = [created("endpoints/", url=f"{system.url}/{each}", event_types=["endpoint.test"]) for each in range(CLIENTS)]
    return Asking(served, key, own)


def when(found: Callable[[], list[Any]], *, seconds: float = 180) -> None:
    """Once nothing is left of this."""
    deadline = time.monotonic() + seconds
    while left := found():
        assert time.monotonic() < deadline, left[:20]
        time.sleep(0.2)


def test_a_file_that_ends_in_a_message_is_one_trace_all_the_way(served: Served, system: Received, asking: Asking):
    trace = secrets.token_hex(16)
    upload = asking.upload(denied_much_more(), traceparent=f"00-{trace}-{secrets.token_hex(8)}-01")
    [line] = system.wait(len)
    assert PAYER in line["body"]
    steps = {"load_received", "judge_loaded", "raise_alerts", "deliver"}
    when(lambda: [*(steps - Found(served, system).jobs[trace])])
    found = Found(served, system)
    assert found.missing(upload) == []
    assert {entry[:2] for entry in found.entries_of(trace)} == {
        ("receive", "upload"), ("load", "upload"), ("detect", "drift_run"), ("tell", "alert"),
    }  # fmt: skip
    assert found.sent[line["id"]] == line["headers"]["traceparent"].split("-")[1] == trace
    assert found.strangers(asking.done) == []


def test_of_many_things_at_once_each_has_one_trace_in_lines_record_and_message(
    served: Served, system: Received, asking: Asking
):
    before = len(asking.done)

    def act(client: int) -> None:
        kinds = itertools.islice(itertools.cycle(KINDS), client, client + ACTIONS // CLIENTS)
        asking.act(client, kinds)

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(act, range(CLIENTS)))
    done = asking.done[before:]
    assert len([each for each in done if each.kind != "issue"]) == ACTIONS

    def left() -> list[str]:
        found = Found(served, system)
        return [each for asked in done for each in found.missing(asked)] + found.strangers(asking.done)

    when(left, seconds=SETTLES_WITHIN)
    found = Found(served, system)
    told = [found.traces[each.request_id] for each in done if each.kind in ("event", "issue")]
    alone = sum("deliver" in found.jobs[each] for each in told)
    assert 0 < alone <= len(told) if MIGRATOR_URL else alone == len(told)
    sys.stdout.write(f"{len(done)} requests, {len(told)} messages, of which {alone} went by a job of their own\n")


@pytest.mark.postgresql
def test_a_job_that_waits_already_has_the_trace_of_who_put_it_and_each_message_its_own(
    served: Served, system: Received, asking: Asking
):
    [worker] = [each for each in psutil.Process(served.process.pid).children() if "work" in each.cmdline()]
    worker.suspend()
    try:
        events = [asking.ask("event", f"endpoints/{asking.endpoints[0]}/test/", {}) for _ in range(2)]
    finally:
        worker.resume()
    when(lambda: [each for asked in events for each in Found(served, system).missing(asked)])

    def jobs() -> list[set[str]]:
        found = Found(served, system)
        return [found.jobs[found.traces[each.request_id]] for each in events]

    when(lambda: [*({"deliver"} - jobs()[0])])
    assert jobs() == [{"deliver"}, set()]


def test_what_a_command_causes_is_of_its_trace(served: Served):
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
