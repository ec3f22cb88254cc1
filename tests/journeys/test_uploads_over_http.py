"""A file sent over HTTP to the real server: loaded after the answer, watched, judged, given back and taken back."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.conftest import Installation, assert_cells_are_right, copy_of
from tests.journeys.serving import UNHINDERED, Answer, Served, bearer, serving
from tests.make import claims_file, denied, pending, row

pytestmark = pytest.mark.database

UPLOADS = "/api/v1/uploads/"
BOUNDARY = "a-boundary-of-ours"
SCOPES = ("claims.read", "claims.load", "events.read", "audit.read")


def key_of(installation: Installation) -> dict[str, str]:
    return bearer(installation.ask("issue_key", "--name", "Practice system", "--scope", *SCOPES)["key"])


@pytest.fixture(scope="module")
def installation(migrated: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with copy_of(migrated, tmp_path_factory.mktemp("uploads")) as copy:
        yield copy


@pytest.fixture(scope="module")
def served(installation: Installation) -> Iterator[Served]:
    with serving(installation, **UNHINDERED) as running:
        yield running


@pytest.fixture(scope="module")
def key(installation: Installation) -> dict[str, str]:
    return key_of(installation)


def form(content: bytes, filename: str = "export.csv", **fields: str) -> tuple[bytes, dict[str, str]]:
    """A body of multipart/form-data, and the header that says so."""
    parts = [f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode() for name, value in fields.items()]
    head = f'Content-Disposition: form-data; name="file"; filename="{filename}"\r\nContent-Type: text/csv\r\n\r\n'
    parts.append(head.encode() + content)
    body = b"".join(f"--{BOUNDARY}\r\n".encode() + part + b"\r\n" for part in parts) + f"--{BOUNDARY}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def send(served: Served, key: dict[str, str], content: bytes, **fields: str) -> Answer:
    body, headers = form(content, **fields)
    return served.ask("POST", UPLOADS, body, key | headers)


def watched(served: Served, key: dict[str, str], where: str, *, seconds: float = 180) -> Any:
    """The upload once nothing more is going to happen to it. While SQLite loads, who looks is told to look again."""
    deadline = time.monotonic() + seconds
    while True:
        answer = served.ask("GET", where, headers=key)
        upload, busy = answer.document, answer.status == 503
        if not busy and upload["state"] not in {"receiving", "received", "loading"} and not upload["detection_due"]:
            return upload
        assert time.monotonic() < deadline, (upload, served.log.read_text()[-2000:])
        time.sleep(0.1)


def some_claims(folder: Path, payer: str, *extra: dict[str, str]) -> bytes:
    kinds = (row, denied, pending)
    rows = [kinds[n % 3](number=f"{payer}{n}", payer=payer, submitted=f"2026-01-{n % 28 + 1:02}") for n in range(60)]
    rows = [each if "decided" not in each else each | {"decided": "2026-02-20"} for each in rows]
    return claims_file(folder, [*rows, *extra], name=f"{payer}.csv").read_bytes()


def test_a_file_is_received_loaded_judged_given_back_and_taken_back(
    installation: Installation, served: Served, key: dict[str, str], tmp_path: Path
):
    content = some_claims(tmp_path, "Aetna", row(number="broken", payer="Aetna", cpt="none"))
    sent = send(served, key, content, date_order="ymd")
    assert sent.status == 202, sent
    assert sent.document["state"] == "received"
    where = sent.header("Location") or ""
    assert where == f"{UPLOADS}{sent.document['id']}/"
    upload = watched(served, key, where)
    assert (upload["state"], upload["rows"], upload["accepted"], upload["set_aside"]) == ("loaded", 61, 60, 1), upload
    assert upload["reasons"] == {"cpt_missing": 1}
    assert_cells_are_right(installation)
    listed = served.ask("GET", f"/api/v1/claims/?upload={upload['id']}&page_size=100", headers=key).document["results"]
    assert len(listed) == 60
    rejected = served.ask("GET", f"{where}rejected-rows/", headers=key)
    assert rejected.header("Content-Type") == "text/csv; charset=utf-8"
    assert "cpt_missing" in rejected.body.decode("utf-8-sig").splitlines()[1]
    runs = installation.stored()["drift_driftrun"]
    assert len(runs) == 1
    again = send(served, key, content)
    repeated = watched(served, key, again.header("Location") or "")
    assert (repeated["state"], repeated["repeats"]) == ("repeated", upload["id"])
    undone = served.ask("POST", f"{where}undo/", {}, key)
    assert (undone.status, undone.document["removed_claims"]) == (200, 60)
    assert served.ask("POST", f"{where}undo/", {}, key).code == "upload_already_undone"
    assert served.ask("GET", f"{where}rejected-rows/", headers=key).code == "rejected_rows_not_kept"
    counts = served.ask("GET", f"{UPLOADS}stats/", headers=key).document
    assert counts["by_state"] == {"undone": 1, "repeated": 1}
    assert installation.stored()["claims_uploadslice"] == []
