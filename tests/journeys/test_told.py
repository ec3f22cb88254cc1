"""The whole walk, by the front door alone: a file is sent, a payer has begun to deny more, a rule tells of it by a
signed message, a person says what it was, and the next alert about it is held."""

import json
import time
from collections.abc import Callable, Iterator
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from tests.alerts.practice import CANARY, export
from tests.journeys.conftest import Installation, copy_of
from tests.journeys.receiving import Received, receiver
from tests.journeys.serving import UNHINDERED, Answer, Browser, Served, add_member, bearer, serving
from tests.journeys.test_uploads_over_http import form, watched

pytestmark = pytest.mark.database

API = "/api/v1"


@pytest.fixture(scope="module")
def installation(migrated: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with copy_of(migrated, tmp_path_factory.mktemp("told")) as copy:
        yield copy


@pytest.fixture(scope="module")
def served(installation: Installation) -> Iterator[Served]:
    with serving(installation, **UNHINDERED, PAYERWATCH_ALLOW_PRIVATE_ENDPOINTS="yes") as running:
        yield running


@pytest.fixture
def system(tmp_path: Path) -> Iterator[Received]:
    with receiver(tmp_path / "system") as running:
        yield running


def created(answer: Answer) -> Any:
    assert answer.status == 201, answer
    return answer.document


def when(look: Callable[[], Any], *, seconds: float = 120) -> Any:
    """What is found, once it is there. While SQLite writes, who looks is told to look again."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


def listed(browser: Browser, path: str) -> list[dict[str, Any]]:
    answer = browser.ask("GET", f"{API}/{path}")
    return list(answer.document["results"]) if answer.status == 200 else []


def test_a_file_ends_in_a_signed_message_and_a_verdict_holds_the_next(
    installation: Installation, served: Served, system: Received
):
    add_member(installation, "ada@example.com")
    ada = Browser(served)
    assert ada.sign_in("ada@example.com").status == 200
    me = listed(ada, "members/")[0]["id"]
    endpoint = created(ada.ask("POST", f"{API}/endpoints/", {"url": system.url, "name": "Practice system"}))
    system.knows(endpoint["secret"])
    system.behaves(status=200, says=f"{CANARY}? {{headers}} {{body}} key={endpoint['secret']}")
    terms = {"measure": "denial_rate", "payer": None, "recipients": [me]}
    rules = [created(ada.ask("POST", f"{API}/rules/", terms | {"name": name}))["id"] for name in ("one", "two")]

    key = bearer(installation.ask("issue_key", "--name", "System", "--scope", "claims.load", "claims.read")["key"])
    body, headers = form(export(), date_order="ymd")
    sent = served.ask("POST", f"{API}/uploads/", body, key | headers)
    assert sent.status == 202, sent
    watched(served, key, sent.header("Location") or "")

    lines = system.wait(lambda lines: len(lines) >= 2)
    assert all(line["verified"] for line in lines)
    bodies = [json.loads(line["body"]) for line in lines]
    assert {each["type"] for each in bodies} == {"alert.raised"}
    assert {each["data"]["rule"] for each in bodies} == set(rules)
    assert all("Aetna began denying more claims" in each["data"]["sentence"] for each in bodies)
    raised = when(lambda: listed(ada, "alerts/?state=sent"))
    assert {each["id"] for each in raised} == {each["data"]["alert"] for each in bodies}
    assert len({each["drift_event"] for each in raised}) == 1
    folder, told = installation.directory / "mail", "Aetna began denying more claims"
    when(lambda: folder.is_dir() and any(told in message_text(path) for path in folder.iterdir()))

    for each in raised:
        judged = ada.ask("POST", f"{API}/alerts/{each['id']}/feedback/", {"verdict": "noise"})
        assert judged.document["verdict"]["kind"] == "noise", judged
    third = created(ada.ask("POST", f"{API}/rules/", terms | {"name": "three"}))
    assert ada.ask("POST", f"{API}/drift-runs/", {}).status == 202
    (held,) = when(lambda: listed(ada, "alerts/?state=held"))
    assert (held["rule"], held["because"]) == (third["id"], "noise_verdicts")
    told = system.wait(lambda lines: len(lines) >= 3)
    assert [json.loads(line["body"])["type"] for line in told[2:]] == ["alert.held"]

    assert ada.ask("POST", f"{API}/alerts/{held['id']}/release/").status == 200
    last = system.wait(lambda lines: len(lines) >= 4)[3]
    assert (last["verified"], json.loads(last["body"])["type"]) == (True, "alert.raised")
    assert len({line["id"] for line in system.lines()}) == 4
    arrived = {line["id"] for line in system.lines()}
    path = f"messages/?endpoint={endpoint['id']}&state=delivered"
    when(lambda: {each["id"] for each in listed(ada, path)} == arrived)
    assert_no_claims_told(installation, served, system, endpoint["secret"])


def assert_no_claims_told(installation: Installation, served: Served, system: Received, secret: str) -> None:
    """Nothing of a claim or its patient is sent, logged or kept beside the claims; and no secret that comes back."""
    rows = installation.everything()
    kept = {name: str(rows[name]) for name in rows if name.startswith(("deliveries_", "alerts_", "audit_"))}
    sent = {f"message {line['id']}": f"{line['headers']} {line['body']}" for line in system.lines()}
    mail = {path.name: message_text(path) for path in (installation.directory / "mail").iterdir()}
    log = {"log": served.log.read_text()}
    answers = kept.pop("deliveries_attempt")
    assert min(len(kept), len(sent), len(mail)) >= 2
    assert [name for name, text in (kept | sent | mail | log).items() if CANARY in text] == []
    assert f"{CANARY}?" in answers  # the receiver itself says so
    assert [name for name, text in (kept | mail | log).items() if secret in text] == []
    assert [text for text in (secret, "v1,", "began denying") if text in answers] == [], answers


def message_text(path: Path) -> str:
    """All of an e-mail that can be read, however it is encoded."""
    parts = message_from_bytes(path.read_bytes()).walk()
    return " ".join(
        str(part.get_payload(decode=True) or b"", "utf-8", "replace") for part in parts if not part.is_multipart()
    )
