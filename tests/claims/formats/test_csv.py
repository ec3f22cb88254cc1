"""A file of claims in, checked rows out."""

import hashlib
import os
from collections import Counter
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payerwatch.claims.formats import refusals, values
from payerwatch.claims.formats.csv import Remembered, open_claims_file, read_header_signature
from payerwatch.claims.formats.values import accepted_schema
from tests.claims.formats.files import HEADER, ROW, TODAY, accepted, codes, lines, only_row, opened, read, row, write

pytestmark = [pytest.mark.pure, pytest.mark.untraced]

SAMPLES = os.environ.get("PAYERWATCH_SAMPLES_DIR", "")
needs_samples = pytest.mark.skipif(not SAMPLES, reason="PAYERWATCH_SAMPLES_DIR names no folder with claims/*.csv")


def test_a_row_becomes_typed_values(tmp_path: Path) -> None:
    found = only_row(tmp_path, payer="  Blue   Cross ", cpt="99213-25", status="Denied", reason="CO-197")
    assert found == {
        "row": 2,
        "payer_name": "Blue Cross",
        "cpt": "99213",
        "submitted_date": date(2025, 1, 3),
        "service_date": date(2025, 1, 2),
        "decided_date": date(2025, 2, 1),
        "outcome": "denied",
        "status": "denied",
        "billed_amount": 12050,
        "allowed_amount": None,
        "paid_amount": None,
        "denial_code": "197",
        "denial_reason": "CO-197",
        "denial_category": "authorization",
        "claim_number": "C1",
        "content_key": None,
    }


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ({"payer": " "}, "payer_missing"),
        ({"payer": "???"}, "payer_missing"),
        ({"cpt": ""}, "cpt_missing"),
        ({"cpt": "123"}, "cpt_invalid"),
        ({"submitted": "N/A"}, "submitted_date_missing"),
        ({"submitted": "soon"}, "submitted_date_invalid"),
        ({"submitted": "45000"}, "submitted_date_is_serial"),
        ({"submitted": "1980-01-01"}, "submitted_date_out_of_range"),
        ({"submitted": "2026-07-01", "decided": "2026-07-02"}, "submitted_date_in_future"),
        ({"status": ""}, "outcome_missing"),
        ({"status": "Zorp"}, "outcome_unknown"),
        ({"status": "Reversed"}, "outcome_not_a_decision"),
        ({"status": "Rejected", "decided": ""}, "rejected_before_decision"),
        ({"decided": ""}, "decided_date_missing"),
        ({"decided": "later"}, "decided_date_invalid"),
        ({"decided": "45000"}, "decided_date_is_serial"),
        ({"decided": "1980-01-01"}, "decided_date_out_of_range"),
        ({"decided": "2026-07-01"}, "decided_date_in_future"),
        ({"decided": "2025-01-02"}, "decided_before_submitted"),
        ({"billed": "much"}, "amount_invalid"),
        ({"billed": "(12.00)"}, "amount_negative"),
        ({"claim": "~7"}, "claim_number_reserved"),
        ({"claim": "1.2E+11"}, "claim_number_rounded"),
        ({"claim": "9" * 81}, "claim_number_too_long"),
    ],
)
def test_a_bad_row_is_set_aside_under_a_stable_code(tmp_path: Path, cells: dict[str, str], code: str) -> None:
    assert only_row(tmp_path, **cells) == {"code": code}


def test_a_pending_row_keeps_no_decision_date(tmp_path: Path) -> None:
    for decided in ("2025-02-01", "", "garbage"):
        found = only_row(tmp_path, status="Pending", decided=decided)
        assert (found["outcome"], found["decided_date"]) == ("pending", None)


def test_a_service_date_that_cannot_be_is_left_out(tmp_path: Path) -> None:
    for service in ("", "x", "1970-01-01", "2030-01-01"):
        assert only_row(tmp_path, service=service)["service_date"] is None
    assert only_row(tmp_path, service="2025-01-20")["service_date"] == date(2025, 1, 20)


def test_a_denied_row_without_a_telling_reason_is_unknown_and_a_paid_one_has_none(tmp_path: Path) -> None:
    assert only_row(tmp_path, status="Denied", reason="CO-45")["denial_category"] == "unknown"
    assert only_row(tmp_path, status="Denied", reason="")["denial_category"] == "unknown"
    assert only_row(tmp_path, status="Paid", reason="CO-197")["denial_category"] is None
    assert only_row(tmp_path, status="Appealed", reason="AUTH")["denial_category"] == "authorization"


def test_no_in_a_denied_column_is_paid_with_a_decision_and_pending_without(tmp_path: Path) -> None:
    header = HEADER.replace("Claim Status", "Denied?")
    assert only_row(tmp_path, header, status="No")["outcome"] == "paid"
    assert only_row(tmp_path, header, status="N", decided="")["outcome"] == "pending"
    assert only_row(tmp_path, header, status="Yes")["outcome"] == "denied"


def test_a_row_without_a_claim_number_gets_a_key_of_its_content(tmp_path: Path) -> None:
    first, same, other = accepted(
        read(write(tmp_path, lines(row(claim=""), row(claim="N/A", payer=" Aetna "), row(claim="", billed="7"))))
    )
    assert first["content_key"] == same["content_key"] != other["content_key"]
    assert len(str(first["content_key"])) == 22
    assert first["claim_number"] is None


def content_keys(path: Path, today: date = TODAY) -> list[object]:
    return [found["content_key"] for found in accepted(list(open_claims_file(path, today=today).batches()))]


def test_a_row_without_a_claim_number_is_the_same_row_on_another_day(tmp_path: Path) -> None:
    path = write(tmp_path, lines(row(claim="", service="2026-08-01")))
    assert accepted(read(path))[0]["service_date"] is None
    assert content_keys(path) == content_keys(path, date(2026, 9, 1))


def test_the_key_of_a_row_is_made_of_its_cells_and_not_of_what_is_read_from_them(tmp_path: Path) -> None:
    rows = [row(claim="", status=status, reason=reason) for status in ("Denied", "DENY") for reason in ("DUP", "Dup.")]
    found = accepted(read(write(tmp_path, lines(*rows, row(claim="", status=" Denied ", reason=" DUP")))))
    assert len({each["denial_category"] for each in found}) == 1
    keys = [each["content_key"] for each in found]
    assert len(set(keys[:4])) == 4
    assert keys[4] == keys[0]


def test_the_vocabulary_does_not_change_the_key_of_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, lines(row(claim="", status="Denied", reason="auth for 123456789")))
    before = content_keys(path)
    monkeypatch.setattr(values, "denial_category", lambda _text: ("197", "other"))
    monkeypatch.setattr(values, "known_words", str.upper)
    assert content_keys(path) == before


def test_a_file_without_claim_numbers_says_that_corrections_cannot_be_matched(tmp_path: Path) -> None:
    file = opened(write(tmp_path, lines(ROW)), mapping={"claim_number": None})
    assert not file.is_numbered
    assert "cannot be matched" in " ".join(file.notes)


def test_what_the_file_is_can_be_told(tmp_path: Path) -> None:
    path = write(tmp_path, lines(ROW))
    file = opened(path)
    assert (file.encoding, file.delimiter, file.date_order) == ("utf-8", ",", None)
    assert file.size_bytes == path.stat().st_size
    assert file.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert file.is_numbered
    assert file.confidence["payer"] == 1.0


def test_batches_are_of_the_size_asked_and_tell_how_far_they_are(tmp_path: Path) -> None:
    path = write(tmp_path, lines(*[row(claim=f"C{n}") for n in range(1000)]))
    batches = read(path, rows=100)
    assert [batch.row_count for batch in batches if batch.row_count] == [100] * 10
    assert batches[-1].bytes_read == path.stat().st_size
    assert [batch.accepted.schema for batch in batches] == [pl.Schema(accepted_schema())] * len(batches)


def test_payments_booked_with_a_minus_throughout_are_read_without_it(tmp_path: Path) -> None:
    header = HEADER.replace("Total Charge", "Ins Pmt")
    file = opened(write(tmp_path, lines(*[row(billed=f"-{n}.00") for n in range(1, 9)], header=header)))
    assert [found["paid_amount"] for found in accepted(list(file.batches()))] == [n * 100 for n in range(1, 9)]
    assert "Ins Pmt" in " ".join(file.notes)


def test_a_remembered_mapping_is_used_for_the_same_header_only(tmp_path: Path) -> None:
    path = write(tmp_path, lines(row(service="03/04/2025", submitted="03/05/2025", decided="03/06/2025")))
    signature = read_header_signature(path)
    remembered = Remembered(signature, {"denial_reason": "Denial Reason", "billed_amount": "Total Charge"}, "dmy")
    file = opened(path, remembered=remembered)
    assert file.header_signature == signature
    assert file.date_order == "dmy"
    assert "earlier file" in file.notes[0]
    assert opened(path, remembered=remembered, date_order="mdy").date_order == "mdy"
    with pytest.raises(refusals.DateOrderAmbiguous):
        opened(path, remembered=Remembered("other", {}, "dmy"))


def test_times_of_day_are_left_out(tmp_path: Path) -> None:
    found = only_row(tmp_path, submitted="2025-01-03T10:11:12Z", decided="2/13/2025 3:04 PM", service="Jan 2 2025 9:00")
    assert (found["submitted_date"], found["decided_date"]) == (date(2025, 1, 3), date(2025, 2, 13))


def test_a_cell_written_as_a_formula_that_is_text_is_text(tmp_path: Path) -> None:
    assert only_row(tmp_path, claim='="00123"')["claim_number"] == "00123"


def test_every_reason_code_has_two_sentences(tmp_path: Path) -> None:
    batches = read(write(tmp_path, lines(ROW, row(cpt=""))))
    found = batches[0].set_aside[0]
    assert (found.row, found.code) == (3, "cpt_missing")
    assert found.reason.endswith(".")
    assert found.fix.endswith(".")
    assert found.cells[1] == "Aetna"


CELL = st.text(alphabet=st.sampled_from('a1,"\n\r;\t .-/$()=\x00é'), max_size=12)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(st.just(ROW), st.lists(CELL, max_size=12).map(",".join)), max_size=12), st.integers(1, 5))
def test_every_row_is_accepted_or_set_aside(
    tmp_path_factory: pytest.TempPathFactory, rows: list[str], size: int
) -> None:
    path = write(tmp_path_factory.mktemp("rows"), lines(ROW, ROW, *rows, ROW))
    try:
        file = opened(path, date_order="mdy")
    except refusals.FileRefused:
        return
    batches = list(file.batches(size))
    numbers = [found["row"] for found in accepted(batches)]
    numbers += [found.row for batch in batches for found in batch.set_aside]
    assert len(set(numbers)) == len(numbers) == sum(batch.row_count for batch in batches)
    assert {2, 3} <= set(numbers)
    assert rows.count(ROW) + 3 <= sum(batch.accepted.height for batch in batches)


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    for data in (content, lines(ROW).encode() + content):
        path = write(tmp_path_factory.mktemp("bytes"), data)
        try:
            rows = sum(batch.row_count for batch in opened(path).batches(3))
        except refusals.FileRefused:
            continue
        assert rows >= 1


@needs_samples
def test_the_practice_export_loads_without_a_flag() -> None:
    file = open_claims_file(Path(SAMPLES) / "claims/practice_export.csv", today=date(2026, 11, 22))
    rows = pl.concat([batch.accepted for batch in file.batches()])
    assert sum(batch.row_count for batch in file.batches()) == rows.height == 2800
    assert rows["payer_name"].n_unique() == 10
    assert Counter(rows["outcome"]) == {"paid": 2239, "denied": 336, "pending": 225}
    assert "unknown" not in set(rows["denial_category"])
    assert file.dropped_columns == []


@needs_samples
def test_an_export_without_decision_date_is_met_with_the_mapping_that_loads_what_can_be() -> None:
    path = Path(SAMPLES) / "claims/no_decision_date.csv"
    with pytest.raises(refusals.ColumnMissing) as refused:
        open_claims_file(path, today=date(2026, 11, 22))
    assert "decided_date" in refused.value.message
    assert '"payer": "payer_type"' in refused.value.fix
    assert "1,683 of 5,000 rows" in refused.value.fix
    file = open_claims_file(path, mapping={"decided_date": None}, today=TODAY)
    assert file.dropped_columns == ["patient_id"]
    assert set(Counter(codes(list(file.batches())).values())) == {"decided_date_missing"}


def test_a_file_once_loaded_without_decision_dates_loads_so_again(tmp_path: Path) -> None:
    path = write(tmp_path, lines(row(status="Pending", decided="x"), header=HEADER.replace("Decision Date", "Branch")))
    before = opened(path, mapping={"decided_date": None})
    again = opened(path, remembered=Remembered(before.header_signature, before.mapping))
    assert again.mapping == before.mapping


@pytest.mark.parametrize("misleading", ['a "quote" within', '"closed" too early', '"a","b"'])
def test_a_quotation_mark_that_misleads_costs_its_own_row_only(tmp_path: Path, misleading: str):
    rows = [f'C{number},"Aetna, Inc.",99213,2026-01-05,2026-01-20,Paid' for number in range(20)]
    rows[7] = f"C7,{misleading},99213,2026-01-05,2026-01-20,Paid"
    path = tmp_path / "claims.csv"
    path.write_text("\n".join(["Claim ID,Payer Name,CPT,Submission Date,Decision Date,Claim Status", *rows]))
    batches = list(open_claims_file(path, today=date(2026, 6, 1)).batches())
    assert sum(batch.row_count for batch in batches) == 20
    accepted = pl.concat([batch.accepted for batch in batches])
    others = accepted.filter(pl.col("claim_number") != "C7")
    assert others.height == 19
    assert others["payer_name"].unique().to_list() == ["Aetna, Inc."]
