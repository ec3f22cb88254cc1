"""Rows given back."""

import csv
import re
from io import StringIO
from pathlib import Path

import pytest

from payerwatch.claims.formats.csv import Remembered, read_header_signature
from payerwatch.claims.formats.setaside import REASONS, SetAsideWriter, neutralised, set_aside_row
from tests.claims.formats.files import HEADER, ROW, lines, opened, read, row, write

pytestmark = pytest.mark.pure


def test_rows_are_given_back_in_the_files_own_columns_with_why_and_what_to_do(tmp_path: Path) -> None:
    path = write(tmp_path, lines(ROW, row(cpt="", payer='"Aetna, Inc"') + ",Jane", header=HEADER + ",Patient Name"))
    path.write_text(path.read_text().replace(ROW + "\n", ROW + ",Joe\n"))
    file, output = opened(path), StringIO()
    writer = SetAsideWriter(output, file.kept_columns)
    for batch in file.batches():
        writer.write(batch.set_aside)
    found = list(csv.DictReader(StringIO(output.getvalue())))
    assert list(found[0]) == [*HEADER.split(","), "row", "reason_code", "reason", "fix"]
    assert (found[0]["Payer Name"], found[0]["row"], found[0]["reason_code"]) == ("Aetna, Inc", "3", "cpt_missing")


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_cell_a_spreadsheet_would_run_is_neutralised(cell: str) -> None:
    assert neutralised(cell) == "'" + cell
    output = StringIO()
    SetAsideWriter(output, ["=Bad"]).write([set_aside_row(2, "cpt_missing", [cell])])
    assert [line[0][0] for line in csv.reader(StringIO(output.getvalue(), newline=""))] == ["'", "'"]


def test_the_corrected_file_can_be_loaded(tmp_path: Path) -> None:
    path = write(tmp_path, lines(row(cpt=""), row(claim="C2", decided="")))
    file, output = opened(path), StringIO()
    writer = SetAsideWriter(output, file.kept_columns)
    for batch in file.batches():
        writer.write(batch.set_aside)
    corrected = output.getvalue().replace("Aetna,,", "Aetna,99213,").replace(",,Paid", ",2025-02-01,Paid")
    assert sum(batch.accepted.height for batch in read(write(tmp_path, corrected, "again.csv"))) == 2


@pytest.mark.parametrize("header", [HEADER, HEADER.replace("Denial Reason", "reason"), HEADER.replace("CPT", "=CPT")])
def test_rows_given_back_have_the_signature_of_the_file_they_came_from(tmp_path: Path, header: str) -> None:
    personal = ',"Doe, Jane",(555) 123-4567,"Roe, Ann"'
    path = write(tmp_path, lines(ROW + personal, row(cpt="") + personal, header=header + ",Patient Name,Field7,Field8"))
    file, output = opened(path), StringIO()
    assert file.dropped_columns == ["Patient Name", "Field7", "Field8"]
    writer = SetAsideWriter(output, file.kept_columns)
    for batch in file.batches():
        writer.write(batch.set_aside)
    assert not {"Doe", "Roe", "555"} & set(re.findall(r"\w+", output.getvalue()))
    assert "Patient Name" not in output.getvalue()
    again = write(tmp_path, output.getvalue(), "again.csv")
    assert read_header_signature(again) == read_header_signature(path) == file.header_signature
    corrected = opened(again, remembered=Remembered(file.header_signature, file.mapping))
    assert "earlier file" in corrected.notes[0]
    assert list(corrected.mapping) == list(file.mapping)


def test_reasons_are_sentences() -> None:
    assert all(text.endswith(".") and text[0].isupper() for pair in REASONS.values() for text in pair)
