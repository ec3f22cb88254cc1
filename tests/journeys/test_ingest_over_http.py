"""Batches sent by a program to the real server: signed, watched until they are loaded, harmless when sent again."""

import csv
import json
import os
import random
import re
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, Queue
from textwrap import dedent
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from tests.journeys.conftest import Installation, assert_cells_are_right, copy_of
from tests.journeys.serving import UNHINDERED, Answer, Headers, Served, add_member, bearer, serving, tokens_of
from tests.journeys.test_uploads_over_http import watched

pytestmark = pytest.mark.database

FULL = os.environ.get("PAYERWATCH_PROOF") == "full"
BATCHES, SECRET = "/api/v1/ingest/claims/", "/api/v1/ingest/secret/"
OWNER = "owner@example.com"
DELIVERIES, TIMES, SENDERS = (1_000 if FULL else 25), 5, 6


@pytest.fixture(scope="module")
def installation(migrated: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with copy_of(migrated, tmp_path_factory.mktemp("ingest")) as copy:
        yield copy


@pytest.fixture(scope="module")
def served(installation: Installation) -> Iterator[Served]:
    add_member(installation, OWNER)
    with serving(installation, **UNHINDERED) as running:
        yield running


@pytest.fixture(scope="module")
def key(installation: Installation) -> dict[str, str]:
    """Of a program that can load and nothing else."""
    return bearer(installation.ask("issue_key", "--name", "Practice system", "--scope", "claims.load")["key"])


def claim(number: str, **values: Any) -> dict[str, Any]:
    usual = {
        "claim_number": number, "payer": "Aetna", "cpt": 99213, "submitted_date": "2026-01-05",
        "decided_date": "2026-01-20", "outcome": "denied", "billed_amount": 120.50, "denial_reason": "CO-197",
    }  # fmt: skip
    return usual | values


def lines(*claims: Any) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in claims)


def send(served: Served, headers: Headers, body: bytes) -> Answer:
    """Once the server has room for it: a sender goes on under the same name, whatever became of the first try."""
    deadline = time.monotonic() + 120
    while True:
        answer = served.ask("POST", BATCHES, body, {"Content-Type": "application/x-ndjson", **headers})
        if answer.status not in (429, 503):
            return answer
        assert time.monotonic() < deadline, answer
        time.sleep(0.05)


def signed(secret: str, body: bytes, name: str) -> dict[str, str]:
    now = datetime.now(UTC)
    signature = Webhook(secret).sign(name, now, body.decode())
    return {"webhook-id": name, "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}


def batches_stored(installation: Installation) -> int:
    return len([each for each in installation.stored()["claims_upload"] if each["source"] == "ingest"])


def claims_tables(installation: Installation) -> dict[str, Any]:
    return {name: rows for name, rows in installation.stored().items() if name.startswith("claims_")}


def claims_stored(installation: Installation) -> Counter[str]:
    return Counter(each["claim_key"] for each in installation.stored()["claims_claim"])


@pytest.fixture(scope="module")
def owner(served: Served) -> dict[str, str]:
    return bearer(tokens_of(served, OWNER)["access"])


@pytest.fixture
def secret(served: Served, owner: dict[str, str]) -> Iterator[str]:
    """What batches must be signed with during the test."""
    yield served.ask("POST", SECRET, {}, owner).document["secret"]
    assert served.ask("DELETE", SECRET, headers=owner).status == 204


def test_a_signed_batch_is_brought_once_watched_and_kept_from_being_changed(
    installation: Installation, served: Served, key: dict[str, str], owner: dict[str, str], secret: str
):
    body = lines(claim("S1"), claim("S2", outcome="pending", decided_date=None), claim("S3", payer=["Aetna"])) + b"no\n"
    assert send(served, key, body).code == "signature_missing"
    sent = send(served, {**key, **signed(secret, body, "msg_1")}, body)
    assert (sent.status, sent.document["state"]) == (202, "received"), sent
    where = sent.header("Location") or ""
    assert where == f"{BATCHES}{sent.document['id']}/"
    batch = watched(served, key, where)
    assert (batch["state"], batch["rows"], batch["accepted"], batch["set_aside"]) == ("loaded", 4, 2, 2), batch
    assert batch["reasons"] == {"line_not_json_object": 1, "value_not_text": 1}
    assert claims_stored(installation) == {"S1": 1, "S2": 1}
    assert_cells_are_right(installation)
    rejected = served.ask("GET", batch["rejected_rows"], headers=owner).body.decode("utf-8-sig").splitlines()
    found = [(each["row"], each["reason_code"]) for each in csv.DictReader(rejected)]
    assert found == [("3", "value_not_text"), ("4", "line_not_json_object")]
    before = claims_tables(installation)
    again = send(served, {**key, **signed(secret, body, "msg_1")}, body)
    assert (again.status, again.document["id"], again.document["repeated"]) == (200, batch["id"], True)
    assert claims_tables(installation) == before
    changed = lines(claim("S1", outcome="paid"))
    assert send(served, {**key, **signed(secret, changed, "msg_1")}, changed).code == "batch_changed"
    seen = watched(served, key, where)
    assert (seen["conflicts"], seen["last_conflict_at"] is None) == (1, False)
    assert claims_stored(installation) == {"S1": 1, "S2": 1}


def examples() -> list[str]:
    """The commands of docs/api.md that send a batch: a plain one, and one that is signed by hand."""
    text = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
    section = text.partition("## Sending claims from a program\n")[2].partition("\n## ")[0]
    return [dedent(block) for block in re.findall(r"(?:^    .*\n)+", section, re.M)]


def run(script: str, folder: Path, **environment: str) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=dict(os.environ) | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done
    return done.stdout


def test_the_commands_of_the_document_send_a_batch(
    served: Served, installation: Installation, tmp_path: Path, request: pytest.FixtureRequest
):
    key = installation.ask("issue_key", "--name", "By hand", "--scope", "claims.load")["key"]
    where = {"HOST": f"http://127.0.0.1:{served.port}", "KEY": key}
    plain, by_hand = examples()
    assert run(plain, tmp_path, **where).startswith("HTTP/1.1 202")
    (tmp_path / "batch.ndjson").write_bytes(lines(claim("H1")))
    secret = request.getfixturevalue("secret")
    assert run(by_hand, tmp_path, **where, SECRET=secret).startswith("HTTP/1.1 202")


@pytest.mark.proof
def test_deliveries_sent_several_times_each_by_several_at_once_have_one_effect_each(
    installation: Installation, served: Served, key: dict[str, str]
):
    before = batches_stored(installation)
    waiting: Queue[int] = Queue()
    order = [number for number in range(DELIVERIES) for _ in range(TIMES)]
    random.Random(7).shuffle(order)
    for number in order:
        waiting.put(number)
    answers: Counter[tuple[int, str, int]] = Counter()
    lock = threading.Lock()

    def deliver() -> None:
        while True:
            try:
                number = waiting.get_nowait()
            except Empty:
                return
            answer = send(served, {**key, "Idempotency-Key": f"delivery {number}"}, lines(claim(f"D{number}")))
            with lock:
                answers[number, answer.document.get("id", ""), answer.status] += 1

    senders = [threading.Thread(target=deliver) for _ in range(SENDERS)]
    for each in senders:
        each.start()
    for each in senders:
        each.join()
    ids = {(number, public_id) for number, public_id, _ in answers}
    assert len(ids) == len(dict(ids)) == DELIVERIES
    assert Counter(status for _, _, status in answers.elements()) == {202: DELIVERIES, 200: DELIVERIES * (TIMES - 1)}
    for _, public_id in ids:
        batch = watched(served, key, f"{BATCHES}{public_id}/", seconds=600)
        assert (batch["state"], batch["accepted"], batch["conflicts"]) == ("loaded", 1, 0), batch
    stored = claims_stored(installation)
    assert {number: times for number, times in stored.items() if number.startswith("D")} == {
        f"D{number}": 1 for number in range(DELIVERIES)
    }
    assert batches_stored(installation) - before == DELIVERIES
    assert_cells_are_right(installation)
