"""Which column means what."""

import functools
import gc
import json
import re
from pathlib import Path

import pytest

from payerwatch.claims.formats import refusals
from payerwatch.claims.formats.csv import Remembered, read_header_signature
from tests.claims.formats.files import HEADER, ROW, accepted, lines, opened, read, row, write

pytestmark = pytest.mark.pure

ORDINARY = ["C1", "Aetna", "99213", "2025-01-02", "2025-01-03", "2025-02-01", "Paid", "120.50", ""]


def mapped(folder: Path, header: list[str], cells: list[str]) -> dict[str, str]:
    other = [cell.replace("C1", "C2").replace("Aetna", "Cigna") for cell in cells]
    return opened(write(folder, "\n".join(map("\t".join, (header, cells, other))))).mapping


@pytest.mark.parametrize(
    ("header", "field"),
    [
        *(
            ("Insurance Name", "payer"),
            ("PayerName", "payer"),
            ("Primary Payor", "payer"),
            ("Insurance Company", "payer"),
        ),
        *(("Carrier", "payer"), ("Primary Insurance", "payer"), ("payor_name", "payer"), ("Pri Ins Name", "payer")),
        *(
            ("Proc Code", "cpt"),
            ("CPT/HCPCS", "cpt"),
            ("HCPCS Code", "cpt"),
            ("procedure_code", "cpt"),
            ("CPT Code", "cpt"),
        ),
        *(("Date Submitted", "submitted_date"), ("submittedDate", "submitted_date"), ("Billed Date", "submitted_date")),
        *(("First Bill Date", "submitted_date"), ("DT_SENT", "submitted_date"), ("Claim Date", "submitted_date")),
        *(("Adjudication Date", "decided_date"), ("Processed Dt", "decided_date"), ("Remit Date", "decided_date")),
        *(("Check Date", "decided_date"), ("Paid Date", "decided_date"), ("Payment Posted Date", "decided_date")),
        *(
            ("Status", "outcome"),
            ("Claim Outcome", "outcome"),
            ("Adjudication Status", "outcome"),
            ("Clm Status", "outcome"),
        ),
        *(("Claim #", "claim_number"), ("Claim Control Number", "claim_number"), ("ClaimNo", "claim_number")),
        *(("DOS", "service_date"), ("From DOS", "service_date"), ("Service Date From", "service_date")),
        *(("Charges", "billed_amount"), ("Billed Amt", "billed_amount"), ("Total Billed", "billed_amount")),
        *(("CARC", "denial_reason"), ("Denial Code", "denial_reason"), ("Adj Reason Code", "denial_reason")),
        *(("submitted_at", "submitted_date"), ("adjudicated_at", "decided_date"), ("Denied (Y/N)", "outcome")),
        *(("Submision Date", "submitted_date"), ("Claim Satus", "outcome")),
    ],
)
def test_headers_of_many_systems_are_known(tmp_path: Path, header: str, field: str) -> None:
    fields = [
        "claim_number",
        "payer",
        "cpt",
        "service_date",
        "submitted_date",
        "decided_date",
        "outcome",
        "billed_amount",
        "denial_reason",
    ]
    columns = HEADER.split(",")
    columns[fields.index(field)] = header
    cells = [*ORDINARY[:-1], "CO-197"]
    cells[6] = "Y" if "Y/N" in header else "Paid"
    assert mapped(tmp_path, columns, cells) == dict(zip(fields, columns, strict=True)) | {field: header}


def test_dates_and_amounts_are_told_apart(tmp_path: Path) -> None:
    header = [
        "Service Date",
        "Submission Date",
        "Posting Date",
        "Decision Date",
        "Charge",
        "Allowed",
        "Paid",
        "Patient Paid",
    ]
    header += ["Payer", "Secondary Payer", "CPT", "Modifier", "Status"]
    cells = [
        "2025-01-02",
        "2025-01-03",
        "2025-02-03",
        "2025-02-01",
        "120",
        "100",
        "80",
        "20",
        "Aetna",
        "Cigna",
        "99213",
        "25",
        "Paid",
    ]
    assert mapped(tmp_path, header, cells) == {
        "payer": "Payer",
        "cpt": "CPT",
        "submitted_date": "Submission Date",
        "outcome": "Status",
        "decided_date": "Decision Date",
        "service_date": "Service Date",
        "billed_amount": "Charge",
        "allowed_amount": "Allowed",
        "paid_amount": "Paid",
    }


def test_a_mapping_overrules_the_guess_and_may_use_other_words(tmp_path: Path) -> None:
    path = write(tmp_path, lines(ROW))
    file = opened(path, mapping={"decided": "date of service", "billed": None, "Payer Name": "payer name"})
    assert file.mapping["decided_date"] == "Date of Service"
    assert "billed_amount" not in file.mapping
    assert file.confidence["decided_date"] == 1.0


def test_a_mapping_may_be_an_unlikely_column(tmp_path: Path) -> None:
    path = write(tmp_path, lines(ROW).replace("Payer Name", "Blob"))
    assert accepted(read(path, mapping={"payer": "Blob"}))[0]["payer_name"] == "Aetna"


def test_an_unknown_column_in_a_mapping_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(refusals.MappingInvalid, match=r"Nearest: .*Payer Name"):
        opened(write(tmp_path, lines(ROW)), mapping={"payer": "Payer Nam"})


def test_an_unknown_field_in_a_mapping_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(refusals.MappingInvalid, match=r"Did you mean .*submitted_date"):
        opened(write(tmp_path, lines(ROW)), mapping={"submited_date": "Submission Date"})


def test_one_column_asked_for_as_two_fields_is_refused(tmp_path: Path) -> None:
    mapping = {"billed": "Total Charge", "paid_amount": "total_charge"}
    with pytest.raises(refusals.MappingInvalid, match='"Total Charge" for both billed_amount and paid_amount'):
        opened(write(tmp_path, lines(ROW)), mapping=mapping)


def test_one_field_asked_for_by_two_names_is_refused(tmp_path: Path) -> None:
    mapping = {"status": "Claim Status", "outcome": "Denial Reason"}
    with pytest.raises(refusals.MappingInvalid, match='"status" and "outcome" both mean outcome'):
        opened(write(tmp_path, lines(ROW)), mapping=mapping)


def test_what_is_asked_for_takes_column_and_field_from_what_was_remembered(tmp_path: Path) -> None:
    path = write(tmp_path, lines(ROW))
    remembered = Remembered(read_header_signature(path), dict(opened(path).mapping))
    file = opened(path, remembered=remembered, mapping={"allowed": "Total Charge", "reason": None})
    assert file.mapping["allowed_amount"] == "Total Charge"
    assert not {"billed_amount", "denial_reason"} & set(file.mapping)
    assert len(set(file.mapping.values())) == len(file.mapping)


def test_a_remembered_column_the_file_lacks_is_forgotten(tmp_path: Path) -> None:
    path = write(tmp_path, lines(ROW))
    remembered = Remembered(
        read_header_signature(path), {"claim_number": "Patient ID", "decided_date": "Decision Date"}
    )
    assert opened(path, remembered=remembered).mapping["claim_number"] == "Claim ID"


def test_a_header_repeated_over_other_cells_is_asked_about(tmp_path: Path) -> None:
    for name, cell in (("Claim Status", "Denied"), ("Payer Name", "Cigna"), ("Decision Date", "2025-03-01")):
        with pytest.raises(refusals.ColumnAmbiguous, match=rf'"{name}" and "{name} \(2\)"'):
            opened(write(tmp_path, lines(f"{ROW},{cell}", header=f"{HEADER},{name}")))


def test_a_header_found_only_by_a_mapping_has_its_signature_by_the_mapping(tmp_path: Path) -> None:
    columns = ["Alpha", "Beta", "Gamma", "Delta", "Epsilon"]
    text = "Report,of,x,y,z\n" + ",".join(columns) + "\nAetna,99213,2025-01-03,2025-02-01,Paid\n"
    path = write(tmp_path, text)
    fields = ["payer", "cpt", "submitted_date", "decided_date", "outcome"]
    file = opened(path, mapping=dict(zip(fields, columns, strict=True)))
    assert read_header_signature(path, columns) == file.header_signature != read_header_signature(path)


def test_nothing_of_a_row_of_data_is_remembered_by_the_process(tmp_path: Path) -> None:
    with pytest.raises(refusals.FileRefused):
        opened(write(tmp_path, "Zyxwold,Jane,red\nDoe,John,blue\n"))
    caches = [each for each in gc.get_objects() if type(each) is functools._lru_cache_wrapper]
    ours = [each for each in caches if getattr(each, "__module__", "").startswith("payerwatch.claims.formats")]
    assert all(each.cache_info().currsize == 0 for each in ours)


def test_two_equally_likely_columns_are_asked_about(tmp_path: Path) -> None:
    text = (
        "Payer,Payer Name\n".replace("\n", "," + HEADER.replace("Payer Name,", "") + "\n")
        + "Aetna,Cigna,"
        + ROW.replace("Aetna,", "")
    )
    with pytest.raises(refusals.ColumnAmbiguous) as refused:
        opened(write(tmp_path, text))
    assert '"Payer" and "Payer Name"' in refused.value.message
    assert """--mapping '{"payer": "Payer"}'""" in refused.value.fix
    assert opened(write(tmp_path, text), mapping={"payer": "Payer Name"}).mapping["payer"] == "Payer Name"


def test_a_missing_column_is_named_with_a_mapping_that_is_json(tmp_path: Path) -> None:
    header = HEADER.replace("Decision Date", "Branch")
    with pytest.raises(refusals.ColumnMissing) as refused:
        opened(write(tmp_path, lines(row(decided="North"), row(decided="South", status="Pending"), header=header)))
    assert refused.value.code == "column_missing"
    assert "1 of 2 rows" in refused.value.fix
    suggested = re.search(r"--mapping '(\{.*?\})'", refused.value.fix)
    assert suggested is not None
    assert json.loads(suggested[1])["decided_date"] is None
    file = opened(write(tmp_path, lines(row(decided="North"), header=header)), mapping=json.loads(suggested[1]))
    assert "only pending rows" in " ".join(file.notes)


def test_a_required_field_cannot_be_mapped_to_nothing(tmp_path: Path) -> None:
    with pytest.raises(refusals.ColumnMissing, match="payer"):
        opened(write(tmp_path, lines(ROW)), mapping={"payer": None})


def test_columns_are_not_listed_where_the_header_may_be_data(tmp_path: Path) -> None:
    with pytest.raises(refusals.ColumnMissing) as refused:
        opened(write(tmp_path, "Smith,Jane,red\nDoe,John,blue\n"))
    assert "Smith" not in str(refused.value)


def test_repeated_and_blank_headers_get_names_of_their_own(tmp_path: Path) -> None:
    file = opened(write(tmp_path, lines(ROW + ",x,y", header=HEADER + ",,CPT")))
    assert file.columns[-2:] == ["column 10", "CPT (2)"]


def test_of_several_dates_the_nearest_to_the_decision_is_taken(tmp_path: Path) -> None:
    dates = ["Check Date", "Paid Date", "Posting Date", "Remit Date", "Processed Date", "Decision Date"]
    for last in range(1, len(dates) + 1):
        header = ["Payer", "CPT", "Submitted", "Status", *dates[:last]]
        cells = ["Aetna", "99213", "2025-01-01", "Paid", *[f"2025-02-0{at + 1}" for at in range(last)]]
        likeliest = "Paid Date" if last in (2, 3) else dates[last - 1]
        assert mapped(tmp_path, header, cells)["decided_date"] == likeliest


def test_codes_and_outcomes_are_known_by_their_cells(tmp_path: Path) -> None:
    rows = "\n".join(f"Aetna,9921{n},Paid,2025-01-0{n + 1},2025-02-01" for n in range(6))
    file = opened(write(tmp_path, "Payer,Field A,Field B,Submit Date,Decision Date\n" + rows))
    assert (file.mapping["cpt"], file.mapping["outcome"]) == ("Field A", "Field B")
    assert file.confidence["cpt"] == 0.5
