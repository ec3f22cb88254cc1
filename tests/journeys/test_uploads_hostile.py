"""What nobody should send to `uploads/`, and more than is taken: refused in plain words, and the server goes on."""

import io
import socket
import time
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from payerwatch.web.arriving import Patience
from tests.claims.formats.files import HEADER, ROW, lines, row
from tests.journeys.conftest import Installation, copy_of
from tests.journeys.serving import ANSWERED_WITHIN, UNHINDERED, Served, serving
from tests.journeys.test_uploads_over_http import BOUNDARY, UPLOADS, form, key_of, send, watched

pytestmark = [pytest.mark.database, pytest.mark.once]

FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


@pytest.fixture(scope="module")
def installation(migrated: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with copy_of(migrated, tmp_path_factory.mktemp("hostile")) as copy:
        yield copy


@pytest.fixture(scope="module")
def served(installation: Installation) -> Iterator[Served]:
    with serving(installation, workers=1, **UNHINDERED) as running:
        yield running


@pytest.fixture(scope="module")
def key(installation: Installation) -> dict[str, str]:
    return key_of(installation)


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("claims.csv", lines(ROW))
    return buffer.getvalue()


FILES = {
    "only blanks": (b"\n\n \n", "file_empty"),
    "a header alone": ((HEADER + "\n\n").encode(), "header_only"),
    "one endless line": (lines("x" * (2 << 20)).encode(), "line_too_long"),
    "too many columns": (b",".join(b"c%d" % n for n in range(5_000)) + b"\n" + b"," * 4_999, "too_many_columns"),
    "a zip": (zipped(), "not_delimited_text"),
    "a document": (b"%PDF-1.7 ...", "not_delimited_text"),
    "a web page": (b"<!DOCTYPE html><html></html>", "not_delimited_text"),
    "X12": (b"ISA*00*          *00*", "x12_file"),
    "cut within a character": (lines(row(reason="é")).encode()[:-2], "file_cut_short"),
    "a column too few": (b"Payer,CPT\nAetna,99213\n", "column_missing"),
    "nothing of use": (lines(row(payer=""), row(payer="", claim="C2")).encode(), "nothing_accepted"),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_cannot_be_loaded_ends_as_refused(served: Served, key: dict[str, str], name: str):
    content, code = FILES[name]
    answer = send(served, key, content)
    assert answer.status == 202, answer
    upload = watched(served, key, answer.header("Location") or "")
    assert (upload["state"], upload["refusal"]["code"]) == ("refused", code), upload
    assert "--" not in " ".join(upload["refusal"].values())
    assert upload["rows"] == upload["accepted"] + upload["set_aside"]


def test_the_rows_of_a_file_of_which_none_was_accepted_are_given_back(served: Served, key: dict[str, str]):
    answer = send(served, key, lines(row(payer="", claim="C7")).encode())
    where = answer.header("Location") or ""
    assert watched(served, key, where)["set_aside"] == 1
    assert b"payer_missing" in served.ask("GET", f"{where}rejected-rows/", headers=key).body


def test_a_file_refused_for_its_dates_loads_when_their_order_is_said(served: Served, key: dict[str, str]):
    content = lines(row(submitted="03/04/2026", decided="05/06/2026", claim="D1")).encode()
    refused = watched(served, key, send(served, key, content).header("Location") or "")
    assert refused["refusal"]["code"] == "date_order_ambiguous"
    assert "date_order mdy" in refused["refusal"]["fix"]
    loaded = watched(served, key, send(served, key, content, date_order="mdy").header("Location") or "")
    assert (loaded["state"], loaded["first_date"]) == ("loaded", "2026-03-04")


BODIES = {
    "nothing": (b"", FORM, 400),
    "no parts": (f"--{BOUNDARY}--\r\n".encode(), FORM, 400),
    "another boundary": (b"--other\r\n\r\n", FORM, 400),
    "no boundary": (b"x", {"Content-Type": "multipart/form-data"}, 400),
    "a boundary that is none": (b"x", {"Content-Type": "multipart/form-data; boundary=\xff"}, 400),
    "a text for a file": (form(b"")[0].replace(b'; filename="export.csv"', b""), FORM, 400),
    "an empty file": (form(b"")[0], FORM, 400),
    "a mapping that is none": (form(b"x", mapping="[1")[0], FORM, 400),
    "a mapping too deep": (form(b"x", mapping="[" * 9_000)[0], FORM, 400),
    "a mapping of other fields": (form(b"x", mapping='{"patient": "x"}')[0], FORM, 400),
    "a column with a NUL": (form(b"x", mapping='{"payer": "\\u0000"}')[0], FORM, 400),
    "an order that is none": (form(b"x", date_order="ydm")[0], FORM, 400),
    "a name without end": (form(b"x", filename="x" * 5_000)[0], FORM, 400),
    "too many fields": (form(b"x", **{f"f{n}": "x" for n in range(3_000)})[0], FORM, 400),
    "JSON": (b"{}", {"Content-Type": "application/json"}, 415),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_is_no_file_is_refused(served: Served, key: dict[str, str], name: str):
    body, headers, status = BODIES[name]
    answer = served.ask("POST", UPLOADS, body, key | headers)
    assert (answer.status, bool(answer.code)) == (status, True)


@pytest.mark.parametrize("filename", ["../../etc/passwd", "..\\x.csv", "a\x1b[31m.csv", "\u202e.csv"])
def test_the_name_of_a_file_leads_nowhere(served: Served, key: dict[str, str], filename: str):
    body, headers = form(lines(row(claim="N1")).encode(), filename=filename)
    answer = served.ask("POST", UPLOADS, body, key | headers)
    assert answer.status == 202
    assert "/" not in answer.document["filename"]
    assert answer.document["filename"].isprintable()


# More than is taken


def head(length: int, *fields: str, path: str = UPLOADS) -> bytes:
    wanted = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {length}", *fields, "", ""]
    return "\r\n".join(wanted).encode()


def test_more_than_a_request_may_have_is_told_to_come_in_slices(served: Served, key: dict[str, str]):
    answer = served.send(head(17 << 20, f"Authorization: {key['Authorization']}"))
    assert (answer.status, answer.code) == (413, "body_too_large")
    assert "uploads/resumable/" in answer.document["fix"]


def test_as_much_as_a_request_may_have_is_taken(served: Served, key: dict[str, str]):
    content = (HEADER + "\n").encode() + b"," * (15 << 20)
    assert send(served, key, content).status == 202


def test_nobody_sends_as_much_elsewhere_or_unknown(served: Served, key: dict[str, str]):
    elsewhere = served.send(head(2 << 20, f"Authorization: {key['Authorization']}", path="/api/v1/api-keys/"))
    assert (elsewhere.status, elsewhere.code) == (413, "body_too_large")
    for fields in ((), ("Authorization: Bearer nonsense",)):
        stranger = served.send(head(2 << 20, *fields) + b"x" * (2 << 20 if fields else 0))
        assert (stranger.status, stranger.code) == (401, "caller_not_known")


def test_large_bodies_on_their_way_crowd_out_no_small_request(served: Served, key: dict[str, str]):
    with ExitStack() as stack:
        fields = (f"Authorization: {key['Authorization']}", "Expect: 100-continue")
        for _ in range(4):  # which fill the room for such
            peer = stack.enter_context(socket.create_connection(("127.0.0.1", served.port), timeout=ANSWERED_WITHIN))
            peer.sendall(head(15 << 20, *fields))
            assert peer.recv(1024).startswith(b"HTTP/1.1 100 ")  # its room is kept
            peer.sendall(b"x" * 100_000)
        one_more = served.send(head(15 << 20, f"Authorization: {key['Authorization']}"))
        assert (one_more.status, one_more.code) == (503, "busy")
        began = time.monotonic()
        assert served.ask("GET", "/api/v1/me/", headers=key).status == 200
        assert time.monotonic() - began < Patience.idle / 2  # for which those may say nothing
    deadline = time.monotonic() + 60
    while send(served, key, lines(ROW).encode() + b" " * (2 << 20)).status == 503:
        assert time.monotonic() < deadline
