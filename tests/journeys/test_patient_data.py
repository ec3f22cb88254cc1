"""Nothing that tells who a patient is stays anywhere: not in the database, nor in what is printed or given back."""

import json
from pathlib import Path

import pytest

from tests.journeys.conftest import Installation, text_in
from tests.journeys.serving import UNHINDERED, serving
from tests.journeys.test_uploads_over_http import UPLOADS, key_of, send, watched
from tests.make import HEADERS, Row, claims_file, denied, pending, row

pytestmark = pytest.mark.database

PERSONAL = {
    "Patient Name": "Zyxwold, Quentinella",
    "Patient DOB": "1931-07-19",
    "SSN": "917-65-4329",
    "MRN": "MRNQX4471183",
    "Home Phone": "(617) 555-0143",
    "Email": "quentinella.canary@example.org",
    "Street Address": "8817 Canarybird Lane",
    "Member ID": "XQZ88812345W",
}
HIDDEN = (
    "CO-197 auth missing, pt: Quentinella Zyxwold, SSN 917-65-4329, call (617) 555-0143, MRN: QX4471183, b. 07/19/1931"
)
BARE_NAMES = ("QUENTINELLA ZYXWOLD not eligible", "Auth missing for Quentinella Zyxwold", "Zyxwold Quentinella, MRN 44")
CANARIES = (
    *("Zyxwold", "Quentinella", "917-65-4329", "917654329", "QX4471183", "555-0143", "quentinella.canary"),
    *("1931-07-19", "07/19/1931", "Canarybird", "XQZ88812345W"),
)


def with_patients(rows: list[Row]) -> list[Row]:
    return [each | PERSONAL for each in rows]


def everything_kept(installation: Installation, *others: Path) -> str:
    """All that is stored, as text, and on SQLite the files' very bytes."""
    kept = json.dumps(installation.everything(), default=str)
    return kept + text_in([*installation.directory.rglob("*"), *others])


def found(text: str) -> list[str]:
    return [canary for canary in CANARIES if canary.lower() in text.lower()]


def test_no_patient_data_is_kept_printed_or_given_back(installation: Installation, tmp_path: Path):
    path, back = tmp_path / "claims.csv", tmp_path / "back.csv"
    good = [row(), denied(number="C2", reason=HIDDEN), pending(number="C3"), *(row(number=f"D{n}") for n in range(9))]
    good += [denied(number=f"F{n}", reason=reason) for n, reason in enumerate(BARE_NAMES)]
    bad = [row(number="E1", cpt="?"), denied(number="E2", payer="", reason=HIDDEN), row(number="E3", status=HIDDEN)]
    bad += [denied(number=f"G{n}", payer="", reason=reason) for n, reason in enumerate(BARE_NAMES)]
    claims_file(tmp_path, with_patients(good + bad), columns=[*HEADERS, *PERSONAL])
    with path.open("a") as target:
        target.write(",".join(["E4", *PERSONAL.values(), "ragged"]) + "\n")
    assert found(path.read_text()) == [canary for canary in CANARIES if canary != "917654329"]
    said = ""
    for options in (["--dry-run"], ["--set-aside", back, "--json"], ["--json"]):
        done = installation.run("load", path, "--customer", "Practice", *options)
        assert done.code == 0, done
        said += done.out + done.err
    assert found(said) == []
    document = json.loads(done.out)
    assert (document["accepted"], document["set_aside"]) == (15, 7)
    assert set(document["dropped_columns"]) == set(PERSONAL)
    assert "auth missing" in str(installation.stored()["claims_claim"])
    assert found(everything_kept(installation, back)) == []


def test_a_file_on_its_way_over_http_leaves_no_patient_data_anywhere(installation: Installation, tmp_path: Path):
    """Neither while it is half sent, nor while it waits, nor once it is loaded and its rows are given back."""
    rows = with_patients([row(), row(number="E1", cpt="?"), denied(number="E2", payer="", reason=HIDDEN)])
    content = claims_file(tmp_path, rows, columns=[*HEADERS, *PERSONAL]).read_bytes()
    assert found(content.decode()) != []
    key, tus = key_of(installation), {"Tus-Resumable": "1.0.0"}
    with serving(installation, **UNHINDERED) as served:
        told = tus | {"Upload-Length": str(len(content)), "Upload-Metadata": "filename YS5jc3Y="}
        where = str(served.ask("POST", f"{UPLOADS}resumable/", headers=key | told).header("Location"))
        slice_ = tus | {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
        assert served.ask("PATCH", where, content[:-1], key | slice_).status == 204
        assert len(installation.stored()["claims_uploadslice"]) == 1
        assert found(everything_kept(installation)) == []
        slice_["Upload-Offset"] = str(len(content) - 1)
        assert served.ask("PATCH", where, content[-1:], key | slice_).status == 204
        upload = watched(served, key, where.replace("resumable/", ""))
        assert (upload["state"], upload["accepted"], upload["set_aside"]) == ("loaded", 1, 2)
        assert found(json.dumps(upload)) == []
        back = served.ask("GET", f"{UPLOADS}{upload['id']}/rejected-rows/", headers=key).body.decode()
        assert "auth missing" in back
        assert found(back) == []
        refused = send(served, key, content.replace(b"Payer", b"Nobody"))
        assert watched(served, key, str(refused.header("Location")))["state"] == "refused"
    assert found(everything_kept(installation)) == []


@pytest.mark.parametrize(
    ("change", "options"),
    [
        ({"header": False}, []),
        ({"cpt": "?"}, []),
        ({}, ["--mapping", '{"payer": "Nothing"}']),
        ({}, ["--mapping", '{"payer": "SSN"}']),
        ({"submitted": "03/04/2026", "decided": "05/06/2026", "service": ""}, []),
    ],
)
def test_no_refusal_shows_patient_data(installation: Installation, tmp_path: Path, change: dict, options: list[str]):
    has_header = change.pop("header", True) if "header" in change else True
    path = claims_file(tmp_path, with_patients([row(**change)] * 6), columns=[*HEADERS, *PERSONAL])
    if not has_header:
        path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))
    done = installation.run("load", path, "--customer", "Practice", *options)
    assert done.code == 1
    assert found(done.out + done.err) == []
    assert found(everything_kept(installation)) == []
