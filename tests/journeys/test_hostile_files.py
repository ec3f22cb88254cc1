"""Files nobody should have sent, given to the real command: words and an exit code, in bounded memory."""

import io
import os
import zipfile
from pathlib import Path

import pytest

from tests.journeys.conftest import Installation
from tests.make import HEADERS, Row, claims_file, row

pytestmark = [pytest.mark.database, pytest.mark.once]

FULL = os.environ.get("PAYERWATCH_PROOF") == "full"
LONG_LINE_MIB = 1024 if FULL else 200
MOST_MIB = 400
SIZES = (200_000, 1_000_000) if FULL else (25_000, 60_000)


def text(*rows: Row) -> bytes:
    lines = [",".join(HEADERS.values()), *(",".join(each[name] for name in HEADERS) for each in rows)]
    return "\r\n".join(lines).encode() + b"\r\n"


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("claims.csv", text(row()))
    return buffer.getvalue()


def long_line(path: Path) -> None:
    with path.open("wb") as target:
        target.write(text(row()))
        for _ in range(LONG_LINE_MIB):
            target.write(b"x" * (1 << 20))


REFUSED: dict[str, tuple[str, bytes]] = {
    "empty": ("file_empty", b""),
    "header only": ("header_only", text()),
    "only NUL characters": ("file_empty", b"\x00" * 5000),
    "100,000 columns": ("too_many_columns", b",".join(b"c%d" % n for n in range(100_000)) + b"\n" + b"," * 99_999),
    "zip": ("not_delimited_text", zipped()),
    "truncated UTF-16": ("file_cut_short", text(row()).decode().encode("utf-16")[:-1]),
}


def refused(installation: Installation, path: Path, code: str) -> None:
    done = installation.run("load", path, "--customer", "Practice", "--json")
    assert done.code == 1
    assert done.document["error"]["code"] == code
    assert done.document["error"]["message"]
    assert done.document["error"]["fix"]
    assert "Traceback" not in done.err
    assert done.peak_mib < MOST_MIB
    assert installation.stored()["claims_upload"] == []


@pytest.mark.parametrize("kind", REFUSED)
def test_is_refused(installation: Installation, tmp_path: Path, kind: str):
    code, content = REFUSED[kind]
    path = tmp_path / "claims.csv"
    path.write_bytes(content)
    refused(installation, path, code)


def test_an_endless_line_is_refused_in_little_memory(installation: Installation, tmp_path: Path):
    path = tmp_path / "claims.csv"
    long_line(path)
    refused(installation, path, "line_too_long")


def with_bad_rows() -> bytes:
    good = [row(number=f"C{n}") for n in range(20)]
    formula, nul, quote = row(payer="=cmd|' /C calc'!A0"), row(payer="Aet\x00na"), row(payer='"Aetna')
    ragged = text(row()).split(b"\r\n")[1] + b",one,more"
    return text(*good, formula, nul, quote).replace(b"\r\nC7,", b"\rC7,").replace(b"\r\nC8,", b"\nC8,") + ragged


def test_bad_rows_are_set_aside_and_the_others_loaded(installation: Installation, tmp_path: Path):
    """Formulas, NUL characters, quotes never closed, ragged rows, and three kinds of line ends in one file."""
    path, back = tmp_path / "claims.csv", tmp_path / "back.csv"
    path.write_bytes(with_bad_rows())
    document = installation.ask("load", path, "--set-aside", back)
    assert (document["rows"], document["accepted"], document["set_aside"]) == (24, 20, 4)
    expected = {"nul_character", "payer_is_formula", "quote_not_closed", "wrong_number_of_cells"}
    assert document["reasons"] == dict.fromkeys(expected, 1)
    cells = [cell for line in back.read_text(encoding="utf-8-sig").splitlines() for cell in line.split(",")]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    assert len(installation.stored()["claims_claim"]) == 20


@pytest.mark.proof
def test_memory_does_not_grow_with_the_file(installation: Installation, tmp_path: Path):
    peaks = []
    for count in SIZES:
        path = claims_file(tmp_path, (row(number=f"C{count}-{n}") for n in range(count)), name=f"{count}.csv")
        done = installation.run("load", path, "--customer", "Practice", "--json")
        assert done.document["new_claims"] == count
        peaks.append(done.peak_mib)
    assert peaks[1] - peaks[0] < 64
    assert peaks[1] < MOST_MIB


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["load"], 2),
        (["load", "claims.csv", "--customer", "Practice", "--mapping", "{"], 2),
        (["load", "claims.csv", "--customer", "Practice", "--date-order", "ydm"], 2),
        (["load", "none.csv", "--customer", "Practice"], 1),
        (["load", "claims.csv", "--customer", "Nobody"], 1),
        (["undo", "upl_x", "--customer", "Practice"], 1),
        (["events", "--customer", "Practice"], 0),
    ],
)
def test_with_json_stdout_is_one_document_and_nothing_else(installation: Installation, options: list[str], code: int):
    claims_file(installation.directory, [row()])
    done = installation.run(*options, "--json")
    assert done.code == code
    assert ("error" in done.document) is (code > 0)
    assert "Traceback" not in done.err


def test_a_database_without_tables_is_refused_in_words(unmigrated: Installation, tmp_path: Path):
    done = unmigrated.run("load", claims_file(tmp_path, [row()]), "--customer", "Practice", "--json")
    assert done.code == 1
    assert done.document["error"]["code"] == "database_not_ready"
    assert "payerwatch migrate" in done.document["error"]["fix"]
