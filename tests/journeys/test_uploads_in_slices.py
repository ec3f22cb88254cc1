"""A file in slices, by a tus client that others wrote, on a line that breaks."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path

import pytest
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError, TusUploadFailed

from tests.journeys.conftest import Installation, assert_cells_are_right, copy_of
from tests.journeys.serving import UNHINDERED, Served, serving
from tests.journeys.test_uploads_over_http import UPLOADS, key_of, watched
from tests.make import claims_file, row

pytestmark = [pytest.mark.database, pytest.mark.once]

RESUMABLE = f"{UPLOADS}resumable/"
TUS = {"Tus-Resumable": "1.0.0"}
SLICE = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}


@pytest.fixture(scope="module")
def installation(migrated: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with copy_of(migrated, tmp_path_factory.mktemp("slices")) as copy:
        yield copy


@pytest.fixture(scope="module")
def served(installation: Installation) -> Iterator[Served]:
    with serving(installation, PAYERWATCH_LARGEST_UPLOAD="20", **UNHINDERED) as running:
        yield running


@pytest.fixture(scope="module")
def key(installation: Installation) -> dict[str, str]:
    return key_of(installation)


@contextmanager
def breaking_line(port: int, after: int) -> Iterator[int]:
    """A port that leads to the server and cuts the connection once so many bytes went there."""
    left = [after]

    def carry(source: socket.socket, target: socket.socket, *, counted: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if counted:
                    left[0] -= len(data)
                    data = data[: max(left[0] + len(data), 0)]
                target.sendall(data)
                if left[0] <= 0:
                    break
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        if counted:
            source.close()
            target.close()

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", port))
                threading.Thread(target=carry, args=(near, far), kwargs={"counted": True}, daemon=True).start()
                threading.Thread(target=carry, args=(far, near), kwargs={"counted": False}, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        yield int(listener.getsockname()[1])


def test_a_tus_client_goes_on_where_the_line_broke(
    installation: Installation, served: Served, key: dict[str, str], tmp_path: Path
):
    content = claims_file(tmp_path, [row(number=f"C{n}") for n in range(12_000)]).read_bytes()
    size = len(content)
    told = {"filename": "by slices.csv", "date_order": "ymd"}
    with breaking_line(served.port, size // 2) as port:
        client = TusClient(f"http://127.0.0.1:{port}{RESUMABLE}", headers=key)
        first = client.uploader(file_stream=BytesIO(content), chunk_size=100_000, metadata=told)
        with pytest.raises((TusUploadFailed, TusCommunicationError)):
            first.upload()
    public_id = str(first.url).rstrip("/").rpartition("/")[2]
    half = served.ask("GET", f"{UPLOADS}{public_id}/", headers=key).document
    assert half["state"] == "receiving"
    assert 0 < half["received_bytes"] < size
    assert served.ask("GET", "/api/v1/claims/", headers=key).document["results"] == []
    client = TusClient(f"http://127.0.0.1:{served.port}{RESUMABLE}", headers=key)
    where = f"http://127.0.0.1:{served.port}{RESUMABLE}{public_id}/"
    second = client.uploader(file_stream=BytesIO(content), url=where, chunk_size=300_000)
    assert second.offset == half["received_bytes"]
    second.upload()
    upload = watched(served, key, f"{UPLOADS}{public_id}/")
    assert (upload["state"], upload["rows"], upload["accepted"]) == ("loaded", 12_000, 12_000), upload
    assert upload["filename"] == "by slices.csv"
    assert_cells_are_right(installation)


def begin(served: Served, key: dict[str, str], length: int) -> str:
    headers = {**key, **TUS, "Upload-Length": str(length), "Upload-Metadata": "filename YS5jc3Y="}
    answer = served.ask("POST", RESUMABLE, headers=headers)
    assert answer.status == 201, answer
    return answer.header("Location") or ""


def test_what_the_server_speaks_is_said(served: Served, key: dict[str, str]):
    answer = served.ask("OPTIONS", RESUMABLE, headers=key)
    assert answer.status == 204
    assert answer.header("Tus-Version") == answer.header("Tus-Resumable") == "1.0.0"
    assert answer.header("Tus-Extension") == "creation,termination,expiration"
    assert answer.header("Tus-Max-Size") == str(20 << 20)


def test_another_version_of_the_protocol_is_refused(served: Served, key: dict[str, str]):
    where = begin(served, key, 4)
    for headers in ({}, {"Tus-Resumable": "0.2.2"}):
        answer = served.ask("PATCH", where, b"data", {**key, **SLICE, **headers})
        assert (answer.status, answer.code) == (412, "tus_version_not_spoken")
        assert answer.header("Tus-Version") == "1.0.0"


def test_a_slice_at_the_wrong_place_is_refused_and_the_right_place_is_told(served: Served, key: dict[str, str]):
    where = begin(served, key, 8)
    sent = {**key, **TUS, **SLICE}
    assert served.ask("PATCH", where, b"four", sent).header("Upload-Offset") == "4"
    again = served.ask("PATCH", where, b"four", sent)
    assert (again.status, again.code) == (409, "offset_wrong")
    assert served.ask("PATCH", where, b"too long", sent | {"Upload-Offset": "4"}).code == "slice_too_long"
    here = served.ask("HEAD", where, headers=key | TUS)
    assert (here.status, here.header("Upload-Offset"), here.header("Upload-Length")) == (200, "4", "8")
    assert here.header("Cache-Control") == "no-store"
    assert here.header("Upload-Expires")


def test_a_slice_larger_than_any_is_refused(served: Served, key: dict[str, str]):
    where = begin(served, key, 9 << 20)
    answer = served.ask("PATCH", where, b"x" * ((8 << 20) + 1), {**key, **TUS, **SLICE})
    assert (answer.status, answer.code) == (413, "body_too_large")
    largest = served.ask("PATCH", where, b"x" * (8 << 20), {**key, **TUS, **SLICE})
    assert (largest.status, largest.header("Upload-Offset")) == (204, str(8 << 20))
    assert served.ask("DELETE", where, headers=key | TUS).status == 204


def test_a_file_larger_than_any_is_refused_before_it_is_sent(served: Served, key: dict[str, str]):
    headers = {**key, **TUS, "Upload-Length": str((20 << 20) + 1), "Upload-Metadata": "filename YS5jc3Y="}
    answer = served.ask("POST", RESUMABLE, headers=headers)
    assert (answer.status, answer.code) == (413, "file_too_large")


@pytest.mark.parametrize(
    ("header", "value", "code"),
    [
        ("Upload-Length", "", "header_unusable"),
        ("Upload-Length", "-1", "header_unusable"),
        ("Upload-Length", "1e3", "header_unusable"),
        ("Upload-Metadata", "", "invalid"),
        ("Upload-Metadata", "filename ???", "header_unusable"),
        ("Upload-Metadata", "filename /w==", "header_unusable"),
        ("Upload-Metadata", "filename YS5jc3Y=,mapping bm8=", "invalid"),
        ("Upload-Metadata", "filename YS5jc3Y=,date_order bm8=", "invalid"),
    ],
)
def test_headers_that_cannot_be_are_refused(served: Served, key: dict[str, str], header: str, value: str, code: str):
    headers = {**key, **TUS, "Upload-Length": "4", "Upload-Metadata": "filename YS5jc3Y=", header: value}
    answer = served.ask("POST", RESUMABLE, headers=headers)
    assert (answer.status, answer.code) == (400, code)


def test_what_was_given_up_is_gone(installation: Installation, served: Served, key: dict[str, str]):
    where = begin(served, key, 8)
    served.ask("PATCH", where, b"four", {**key, **TUS, **SLICE})
    before = len(installation.stored()["claims_uploadslice"])
    assert served.ask("DELETE", where, headers=key | TUS).status == 204
    assert served.ask("HEAD", where, headers=key | TUS).status == 404
    assert len(installation.stored()["claims_uploadslice"]) == before - 1


def test_what_is_all_here_takes_no_more_and_is_not_given_up(served: Served, key: dict[str, str]):
    where = begin(served, key, 4)
    sent = {**key, **TUS, **SLICE}
    assert served.ask("PATCH", where, b"data", sent).status == 204
    watched(served, key, where.replace("resumable/", ""))
    assert served.ask("PATCH", where, b"more", sent | {"Upload-Offset": "4"}).code == "upload_complete"
    assert served.ask("DELETE", where, headers=key | TUS).code == "upload_complete"
    assert served.ask("HEAD", where, headers=key | TUS).header("Upload-Offset") == "4"
