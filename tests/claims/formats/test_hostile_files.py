"""Files nobody should have sent: each is refused in plain words, or loses only its bad rows."""

import io
import zipfile
from pathlib import Path

import psutil
import pytest

from payerwatch.claims.formats import refusals
from tests.claims.formats.files import HEADER, ROW, accepted, codes, lines, opened, read, row, write

pytestmark = pytest.mark.pure


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\n\n \n", b"\x00" * 500])
def test_a_file_without_content_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(refusals.FileEmpty):
        opened(write(tmp_path, content))


def test_a_header_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(refusals.HeaderOnly):
        opened(write(tmp_path, HEADER + "\n\n,,,,,,,,\n"))


def test_a_gigabyte_on_one_line_is_refused_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "claims.csv"
    with path.open("wb") as file:
        file.truncate(1 << 30)
        file.write(b"Payer," * 50_000)
    before = psutil.Process().memory_info().rss
    with pytest.raises(refusals.LineTooLong, match="line 1 is longer than 1 MiB".replace("line", "Line")):
        opened(path)
    assert psutil.Process().memory_info().rss - before < 32 << 20


def test_a_long_line_is_named_by_its_number(tmp_path: Path) -> None:
    path = write(tmp_path, lines(ROW, ROW, "x" * (2 << 20)))
    with pytest.raises(refusals.LineTooLong, match="Line 4"):
        opened(path)


def test_a_row_longer_than_any_row_of_claims_is_set_aside(tmp_path: Path) -> None:
    long = row(reason='"' + "x" * 200_000 + ',"')
    assert codes(read(write(tmp_path, lines(ROW, long, ROW)))) == {3: "row_too_long"}


def test_a_nul_character_costs_its_row_only(tmp_path: Path) -> None:
    batches = read(write(tmp_path, lines(ROW, row(payer="Aet\x00na"), row(claim="C3"))))
    assert codes(batches) == {3: "nul_character"}
    assert [found["claim_number"] for found in accepted(batches)] == ["C1", "C3"]


def test_more_than_a_thousand_columns_are_refused(tmp_path: Path) -> None:
    header = ",".join(f"c{n}" for n in range(100_000))
    with pytest.raises(refusals.TooManyColumns, match="100,000"):
        opened(write(tmp_path, header + "\n" + "," * 99_999 + "\n"))


def test_a_zip_renamed_csv_is_called_what_it_is(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("claims.csv", lines(ROW))
    with pytest.raises(refusals.NotDelimitedText, match="Excel workbook or a zip"):
        opened(write(tmp_path, buffer.getvalue()))


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"%PDF-1.7 ...", "PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 100, "xls"),
        (b"\x1f\x8b\x08\x00 data", "gzip"),
        (b"<!DOCTYPE html><html></html>", "web page"),
        (b'[{"payer": "Aetna"}]', "JSON"),
        (bytes(range(256)) * 3 + b"\x00" * 300, "not text"),
    ],
)
def test_what_is_no_csv_is_called_what_it_is(tmp_path: Path, content: bytes, kind: str) -> None:
    with pytest.raises(refusals.NotDelimitedText, match=kind):
        opened(write(tmp_path, content))


@pytest.mark.parametrize("content", [b"ISA*00*          *00*", b"ST*835*0001~BPR*I", b"ISA|00|    "])
def test_x12_is_called_x12(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(refusals.X12File):
        opened(write(tmp_path, content))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-8", "cp1252", "latin-1"])
def test_encodings_are_recognised(tmp_path: Path, encoding: str) -> None:
    batches = read(write(tmp_path, lines(row(payer="Médica Plan")).encode(encoding)))
    assert [found["payer_name"] for found in accepted(batches)] == ["Médica Plan"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_truncated_utf_16_is_refused(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(refusals.FileCutShort):
        opened(write(tmp_path, lines(ROW).encode(encoding)[:-1]))


def test_utf_8_cut_within_a_character_is_refused(tmp_path: Path) -> None:
    with pytest.raises(refusals.FileCutShort):
        opened(write(tmp_path, lines(row(reason="é")).encode()[:-2]))


def test_utf_16_that_turns_into_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(refusals.EncodingBroken):
        opened(write(tmp_path, lines(ROW).encode("utf-16") + b"\x00\xd8\x00\x00" * 4))


def test_line_ends_may_be_mixed(tmp_path: Path) -> None:
    text = HEADER + "\r\n" + row(claim="A1") + "\r" + row(claim="A2") + "\n" + row(claim="A3") + "\r\n"
    assert [found["claim_number"] for found in accepted(read(write(tmp_path, text)))] == ["A1", "A2", "A3"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_recognised(tmp_path: Path, delimiter: str) -> None:
    file = opened(write(tmp_path, lines(ROW, ROW).replace(",", delimiter)))
    assert file.delimiter == delimiter
    assert sum(batch.accepted.height for batch in file.batches()) == 2


def test_a_line_that_announces_the_delimiter_is_skipped(tmp_path: Path) -> None:
    batches = read(write(tmp_path, "sep=;\n" + lines(ROW).replace(",", ";")))
    assert [found["row"] for found in accepted(batches)] == [3]


def test_a_quotation_mark_never_closed_costs_its_row_only(tmp_path: Path) -> None:
    bad = row(payer='"Aetna')
    batches = read(write(tmp_path, lines(ROW, bad, *[row(claim=f"D{n}") for n in range(300)])))
    assert codes(batches) == {3: "quote_not_closed"}
    assert len(accepted(batches)) == 301


def test_a_later_quotation_mark_does_not_swallow_the_rows_between(tmp_path: Path) -> None:
    rows = [row(reason='"open'), row(claim="D1"), row(claim="D2"), row(reason='"open too'), row(claim="D3")]
    batches = read(write(tmp_path, lines(*rows)))
    assert codes(batches) == {2: "quote_not_closed", 5: "quote_not_closed"}
    assert [found["claim_number"] for found in accepted(batches)] == ["D1", "D2", "D3"]


def test_a_cell_may_hold_line_ends(tmp_path: Path) -> None:
    text = lines(row(status="Denied", reason='"CO-197\nsee note, page 2\n"'), row(claim="C2"))
    for rows in (1, 2, 20_000):
        found = accepted(read(write(tmp_path, text), rows=rows))
        assert [(each["row"], each["claim_number"]) for each in found] == [(2, "C1"), (3, "C2")]
        assert found[0]["denial_code"] == "197"


def test_a_quotation_mark_within_a_cell_is_a_character(tmp_path: Path) -> None:
    assert len(accepted(read(write(tmp_path, lines(row(payer='Aetna 5" Plan'), ROW))))) == 2


def test_ragged_rows_are_set_aside_with_the_cells_they_may_have(tmp_path: Path) -> None:
    text = lines(ROW, ROW + ",extra", "short,row", ROW.replace("120.50", "1,120.50"), ROW)
    batches = read(write(tmp_path, text))
    assert codes(batches) == dict.fromkeys((3, 4, 5), "wrong_number_of_cells")
    cells = ROW.split(",")
    shown = [found.cells for batch in batches for found in batch.set_aside]
    assert shown == [cells, ["short", "row", *[""] * 7], [*cells[:-2], "1", "120.50"]]
    assert [found["row"] for found in accepted(batches)] == [2, 6]


def test_broken_rows_can_be_repaired_from_what_is_given_back(tmp_path: Path) -> None:
    rows = [row(payer='"Aetna'), row(payer="Aet\x00na"), row(payer='"Aetna, Inc"', reason='"open')]
    found = read(write(tmp_path, lines(ROW, *rows)))[0].set_aside
    assert [each.code for each in found] == ["quote_not_closed", "nul_character", "quote_not_closed"]
    cells = ROW.split(",")
    assert [each.cells[1] for each in found] == ["Aetna", "Aet\ufffdna", "Aetna, Inc"]
    assert [each.cells[2:8] for each in found] == [cells[2:8]] * 3


def test_broken_rows_are_given_back_blank_where_the_file_has_personal_columns(tmp_path: Path) -> None:
    broken = ["ragged,Jane", row(payer='"Aetna') + ",Jane", row(payer="Aet\x00na") + ",Jane"]
    text = lines(ROW + ",Joe", *broken, header=HEADER + ",Patient Name")
    found = read(write(tmp_path, text))[0].set_aside
    assert [set(each.cells) for each in found] == [{""}] * 3
    assert all("cells are left out" in each.reason for each in found)


def test_identifiers_in_broken_rows_are_masked(tmp_path: Path) -> None:
    broken = "C2,call 555-123-4567,SSN 123-45-6789,Patient John Smith called,jane@example.org,MRN: 12345"
    shown = " ".join(read(write(tmp_path, lines(ROW, broken)))[0].set_aside[0].cells)
    assert not any(secret in shown for secret in ("555", "6789", "Smith", "jane", "12345"))


def test_a_payer_that_is_a_formula_is_set_aside(tmp_path: Path) -> None:
    assert codes(read(write(tmp_path, lines(row(payer="=cmd|' /C calc'!A0"))))) == {2: "payer_is_formula"}


def test_a_file_without_header_is_refused_and_quotes_no_cell(tmp_path: Path) -> None:
    with pytest.raises(refusals.HeaderMissing) as refused:
        opened(write(tmp_path, row(payer="Secretpayer") + "\n" + ROW + "\n"))
    assert "Secretpayer" not in str(refused.value)


def test_text_without_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(refusals.HeaderMissing, match="No comma"):
        opened(write(tmp_path, "Dear payer\nplease pay\n"))


def test_lines_of_delimiters_only_are_no_rows_yet_count_as_places(tmp_path: Path) -> None:
    batches = read(write(tmp_path, lines(ROW, ",,,,,,,,", "", ' , ,"",,,,,,', ROW)))
    assert sum(batch.row_count for batch in batches) == 2
    assert [found["row"] for found in accepted(batches)] == [2, 6]


def test_a_title_above_the_header_is_stepped_over(tmp_path: Path) -> None:
    file = opened(write(tmp_path, "Claims of Dr. Who\nPrinted 2026-01-01\n\n" + lines(ROW)))
    assert [found["row"] for found in accepted(list(file.batches()))] == [5]
    assert file.notes[0] == "The header was found in row 4."


def test_blank_cells_after_the_last_column_are_nothing_where_all_rows_have_them(tmp_path: Path) -> None:
    assert len(accepted(read(write(tmp_path, lines(ROW + ",", ROW + ",", ROW))))) == 3
    assert len(accepted(read(write(tmp_path, lines(ROW + ",", ROW + ",", header=HEADER + ","))))) == 2
    assert len(accepted(read(write(tmp_path, lines(ROW, ROW, header=HEADER + ","))))) == 2


def test_memory_does_not_grow_with_the_number_of_rows(tmp_path: Path) -> None:
    small = write(tmp_path, lines(*[row(claim=f"C{n}") for n in range(40_000)]), "small.csv")
    large = write(tmp_path, lines(*[row(claim=f"C{n}") for n in range(240_000)]), "large.csv")
    process = psutil.Process()
    peaks = {}
    for path in (small, large):
        peaks[path] = max(process.memory_info().rss for _ in opened(path).batches(10_000))
    assert peaks[large] - peaks[small] < 32 << 20


def test_an_open_cell_is_not_read_on_for_ever(tmp_path: Path) -> None:
    text = lines(row(reason='"open'), *["x" * 5_000 + "," * 8] * 90, row(claim="C9"))
    batches = read(write(tmp_path, text), rows=10)
    assert codes(batches)[2] == "quote_not_closed"
    assert accepted(batches)[0]["claim_number"] == "C9"
