"""Patients' data stays out."""

import re
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payerwatch.claims.formats import refusals
from payerwatch.claims.formats.privacy import is_personal_header, mask_text
from payerwatch.claims.formats.setaside import SetAsideWriter
from tests.claims.formats.files import HEADER, ROW, accepted, lines, opened, read, row, write

pytestmark = pytest.mark.pure

PERSONAL = (
    *(
        "Patient Name",
        "Pt Name",
        "patient_id",
        "PatientDOB",
        "DOB",
        "Birth Date",
        "Date of Birth",
        "SSN",
        "MRN",
        "Name",
    ),
    *(
        "Member ID",
        "Subscriber #",
        "Policy Number",
        "Insured Name",
        "Address 1",
        "City",
        "Zip Code",
        "Home Phone",
        "E-mail",
    ),
    *("Guarantor", "First Name", "Last_Name", "Cell Phone", "Medical Record No", "Email Address", "Patient Account #"),
    *("Social Security Number", "Street", "PATIENT", "Patient Address", "Acct #", "Insurance ID", "Fax"),
)


@pytest.mark.parametrize("header", PERSONAL)
def test_a_column_with_a_personal_header_is_dropped(tmp_path: Path, header: str) -> None:
    file = opened(write(tmp_path, lines(ROW + ",canary", header=f"{HEADER},{header}")))
    assert file.dropped_columns == [header]
    assert header not in file.kept_columns


def test_a_personal_header_that_stands_twice_is_dropped_twice(tmp_path: Path) -> None:
    file = opened(write(tmp_path, lines(ROW + ",canary,canary", header=HEADER + ",Name,Name")))
    assert file.dropped_columns == ["Name", "Name (2)"]


@pytest.mark.parametrize(
    "header",
    [
        "Payer Name",
        "Claim ID",
        "Patient Responsibility",
        "Patient Paid",
        "Patient Claim ID",
        "Place of Service",
        "Provider ID",
        "Plan Name",
    ],
)
def test_other_columns_are_not(header: str) -> None:
    assert not is_personal_header(header)


@pytest.mark.parametrize(
    "values",
    [
        ["jane@example.org", "j.doe@mail.example.com"],
        ["123-45-6789", "987-65-4321"],
        ["(555) 123-4567", "555-123-4567"],
        ["Smith, John", "Doe, Jane A."],
        ["John Smith", "Jane Q. Doe"],
        ["1950-02-03", "2001-12-30"],
    ],
)
def test_a_column_with_personal_cells_is_dropped_whatever_its_header(tmp_path: Path, values: list[str]) -> None:
    rows = [f'{ROW},"{value}"' for value in values]
    assert opened(write(tmp_path, lines(*rows, header=HEADER + ",Field7"))).dropped_columns == ["Field7"]


def test_a_mapped_column_is_kept_unless_its_cells_are_identifiers(tmp_path: Path) -> None:
    path = write(tmp_path, lines(ROW, header=HEADER.replace("Claim ID", "Patient ID")))
    assert opened(path, mapping={"claim_number": "Patient ID"}).dropped_columns == []
    path = write(tmp_path, lines(row(claim="123-45-6789"), header=HEADER))
    with pytest.raises(refusals.MappedColumnHoldsIdentifiers) as refused:
        opened(path, mapping={"claim_number": "Claim ID"})
    assert "123" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("CO-197 SSN 123-45-6789", "CO-197 SSN [number]"),
        ("call (555) 123-4567 or 555.123.4567", "call [phone] or [phone]"),
        ("write jane.doe@example.org", "write [e-mail]"),
        ("service on 01/02/1980 denied", "service on [date] denied"),
        ("born March 3, 1980", "born [date]"),
        ("MRN: 12345, not covered", "[identifier], not covered"),
        ("DOB: 1/2/80; no auth", "[identifier]; no auth"),
        ("member id W123456789 not found", "member id [number] not found"),
        ("Patient John Smith not eligible", "Patient [name] not eligible"),
        ("PATIENT JOHN SMITH NOT ELIGIBLE", "PATIENT [name] NOT ELIGIBLE"),
        ("Patient not eligible", "Patient not eligible"),
        ("PATIENT CANNOT BE IDENTIFIED", "PATIENT CANNOT BE IDENTIFIED"),
        ("Smith, John has no coverage", "[name] has no coverage"),
        ("CO-16 N290 M76", "CO-16 N290 M76"),
        ("Prior auth missing", "Prior auth missing"),
    ],
)
def test_identifiers_in_free_text_are_masked(text: str, masked: str) -> None:
    assert mask_text(text) == masked


@settings(max_examples=200)
@given(
    st.text(alphabet=st.characters(codec="ascii"), max_size=20),
    st.sampled_from(["123-45-6789", "555-123-4567", "jane@example.org", "01/02/1980", "123456789"]),
    st.text(alphabet=st.characters(codec="ascii"), max_size=20),
)
def test_no_identifier_survives_between_spaces(before: str, identifier: str, after: str) -> None:
    assert identifier not in mask_text(f"{before} {identifier} {after}")


def test_a_long_reason_is_masked_before_it_is_cut(tmp_path: Path) -> None:
    reason = "x" * 195 + " 123456789"
    found = accepted(read(write(tmp_path, lines(row(status="Denied", reason=reason)))))
    assert "123" not in str(found[0]["denial_reason"])
    assert len(str(found[0]["denial_reason"])) <= 200


CANARY = "ZQXCANARY"


def canary_rows() -> list[str]:
    good, bad = f"{ROW},{CANARY}1,{CANARY} 2", f"{row(cpt='', claim='C9')},{CANARY}3,{CANARY} 4"
    return [good, bad, good + ",extra", f'{ROW},"{CANARY}5,x', row(submitted="45000") + f",{CANARY}6,{CANARY}7"]


def test_no_value_of_a_dropped_column_is_in_anything_returned(tmp_path: Path) -> None:
    file = opened(write(tmp_path, lines(*canary_rows(), header=HEADER + ",Patient Name,MRN")))
    batches = list(file.batches())
    output = StringIO()
    writer = SetAsideWriter(output, file.kept_columns)
    for batch in batches:
        writer.write(batch.set_aside)
    assert sum(batch.row_count for batch in batches) == 5
    everything = repr(file) + output.getvalue() + "".join(repr(batch.accepted.rows()) for batch in batches)
    assert CANARY not in everything + repr(batches)


@pytest.mark.parametrize("damage", ["Claim Status", "Decision Date", "Payer Name", "CPT", "Submission Date"])
def test_no_value_of_any_column_is_in_a_refusal(tmp_path: Path, damage: str) -> None:
    header = (HEADER + ",Patient Name,MRN").replace(damage, "Blob")
    rows = [each.replace("Aetna", f"{CANARY} Payer").replace("Paid", CANARY) for each in canary_rows()]
    with pytest.raises(refusals.FileRefused) as refused:
        opened(write(tmp_path, lines(*rows, header=header)))
    assert CANARY not in repr(refused.value.as_dict()) + str(refused.value) + str(refused.value.args)


def test_identifiers_in_cells_given_back_are_masked(tmp_path: Path) -> None:
    bad = row(cpt="", submitted="123-45-6789") + ",for John call 555-123-4567"
    text = lines(*[ROW + ",seen"] * 5, bad, header=HEADER + ",Note")
    cells = read(write(tmp_path, text))[0].set_aside[0].cells
    assert not re.search(r"\d{3}-\d{2}-\d{4}|555-123", " ".join(cells))
    assert cells[3] == "2025-01-02"
