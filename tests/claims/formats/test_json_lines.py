"""JSON lines are read as CSV is: the same rows are the same claims, and a bad line costs its own row only."""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payerwatch.claims.formats import refusals
from payerwatch.claims.formats.csv import Batch, ClaimsFile, Remembered, open_claims_file, read_header_signature
from payerwatch.claims.formats.header_words import FIELDS
from payerwatch.claims.formats.lines import HeldFile
from payerwatch.claims.formats.setaside import SetAsideWriter
from tests.claims.formats.files import TODAY, accepted, codes

pytestmark = [pytest.mark.pure, pytest.mark.untraced]

CLAIM = {
    "claim_number": "C1",
    "payer": "Aetna",
    "cpt": "99213",
    "submitted_date": "2025-01-03",
    "decided_date": "2025-02-01",
    "outcome": "paid",
    "billed_amount": "120.50",
}
GOOD = json.dumps(CLAIM).encode()


def claim(**values: Any) -> bytes:
    return json.dumps(CLAIM | values).encode()


def opened(content: bytes, **options: Any) -> ClaimsFile:
    return open_claims_file(HeldFile("batch", content), form="ndjson", today=TODAY, **options)


def read(*lines: bytes, rows: int = 20_000, **options: Any) -> list[Batch]:
    return list(opened(b"\n".join(lines), **options).batches(rows))


def numbers(batches: Sequence[Batch]) -> list[object]:
    return [each["claim_number"] for each in accepted(batches)]


def test_our_own_names_of_fields_are_understood():
    file = opened(GOOD)
    assert file.mapping == {name: name for name in FIELDS if name in CLAIM}
    assert set(file.confidence.values()) == {1.0}
    (found,) = accepted(list(file.batches()))
    assert (found["payer_name"], found["billed_amount"], found["outcome"], found["row"]) == ("Aetna", 12_050, "paid", 1)


def test_keys_are_guessed_as_a_header_is_and_a_mapping_overrules():
    theirs = {"Claim ID": "C1", "Ins Co": "Aetna", "CPT": "99213", "Submission Date": "2025-01-03",
              "Decision Date": "2025-02-01", "Claim Status": "Paid", "Who": "Cigna"}  # fmt: skip
    file = opened(json.dumps(theirs).encode())
    assert file.mapping["payer"] == "Ins Co"
    file = opened(json.dumps(theirs).encode(), mapping={"payer": "Who"})
    assert (file.mapping["payer"], accepted(list(file.batches()))[0]["payer_name"]) == ("Who", "Cigna")


def test_a_mapping_overrules_our_own_names_too():
    file = opened(claim(payer="wrong", real="Cigna"), mapping={"payer": "real", "billed_amount": None})
    (found,) = accepted(list(file.batches()))
    assert (found["payer_name"], found["billed_amount"]) == ("Cigna", None)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"not json", "line_not_json_object"),
        (b"{", "line_not_json_object"),
        (b'{"payer": "Aetna"} {"payer": "Aetna"}', "line_not_json_object"),
        (b"[" + GOOD + b"]", "line_not_json_object"),
        (b'"Aetna"', "line_not_json_object"),
        (b"12", "line_not_json_object"),
        (b"null", "line_not_json_object"),
        (b'{"payer": NaN}', "line_not_json_object"),
        (b'{"payer": "\xff"}', "line_not_json_object"),
        (b'{"payer": "a\x00b"}', "line_not_json_object"),
        (b'{"payer": ' + b"[" * 40_000 + b"]" * 40_000 + b"}", "line_not_json_object"),
        (b'{"payer": "Aetna", "payer": "Cigna"}', "key_repeated"),
        (claim(payer=["Aetna"]), "value_not_text"),
        (claim(payer={"name": "Aetna"}), "value_not_text"),
        (claim(payer=True), "value_not_text"),
        (claim(outcome=False), "value_not_text"),
        (claim(payer="Aet\x00na"), "nul_character"),
        (claim(payer="Aetna \ud83d"), "half_character"),
        (claim(more="x" * 100_000), "row_too_long"),
        (b"{}", "payer_missing"),
        (claim(payer=None), "payer_missing"),
        (claim(cpt=1), "cpt_invalid"),
        (claim(billed_amount="much"), "amount_invalid"),
        (claim(claim_number=float("1e20")), "claim_number_rounded"),
        (claim(submitted_date="2031-01-01"), "submitted_date_in_future"),
    ],
)
def test_a_bad_line_costs_its_own_row_only(line: bytes, code: str):
    batches = read(GOOD, line, claim(claim_number="C3"))
    assert codes(batches) == {2: code}
    assert numbers(batches) == ["C1", "C3"]
    assert sum(batch.row_count for batch in batches) == 3


def test_what_nobody_asked_for_may_be_of_any_kind():
    lines = [claim(extra={"a": [1]}, flag=True, more="\x00 \ud83d"), claim(claim_number="C2", extra=7)]
    assert numbers(read(*lines)) == ["C1", "C2"]


def test_true_and_false_answer_a_key_that_asks():
    asked = {name: value for name, value in CLAIM.items() if name != "outcome"}
    batches = read(*(json.dumps(asked | {"denied": answer}).encode() for answer in (True, False)))
    assert [each["outcome"] for each in accepted(batches)] == ["denied", "paid"]


def test_numbers_are_cells_as_they_are_written():
    line = (
        GOOD.replace(b'"C1"', b"12345678901234567890123").replace(b'"120.50"', b"1200.50").replace(b'"99213"', b"99213")
    )
    (found,) = accepted(read(line))
    assert (found["claim_number"], found["billed_amount"]) == ("12345678901234567890123", 120_050)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_blank_lines_and_a_mark_in_front_are_as_in_csv(end: bytes, mark: bytes):
    content = mark + end.join([GOOD, b"", b"  ", claim(claim_number="C2", cpt="none"), claim(claim_number="C3"), b""])
    batches = list(opened(content).batches())
    assert numbers(batches) == ["C1", "C3"]
    assert list(codes(batches)) == [4]


def test_a_key_that_comes_late_is_a_column():
    late = CLAIM | {"claim_number": "C2", "denial_reason": "CO-197", "outcome": "denied"}
    batches = read(*[claim(claim_number=f"A{n}") for n in range(2_000)], json.dumps(late).encode())
    assert accepted(batches)[-1]["denial_category"] == "authorization"


def test_a_key_that_is_left_out_is_blank_and_no_decision_date_is_needed_by_what_waits():
    waiting = {name: value for name, value in CLAIM.items() if name != "decided_date"} | {"outcome": "pending"}
    assert numbers(read(json.dumps(waiting).encode())) == ["C1"]
    decided = json.dumps(waiting | {"outcome": "paid", "claim_number": "C2"}).encode()
    assert codes(read(json.dumps(waiting).encode(), decided)) == {2: "decided_date_missing"}


def test_the_order_of_keys_says_nothing():
    turned = json.dumps(dict(reversed(CLAIM.items()))).encode()
    signatures = {read_header_signature(HeldFile("batch", each), form="ndjson") for each in (GOOD, turned)}
    assert len(signatures) == 1
    assert accepted(read(GOOD)) == accepted(read(turned))


def test_what_was_said_of_the_same_keys_is_remembered():
    theirs = {"Who": "Aetna", **{name: value for name, value in CLAIM.items() if name != "payer"}}
    content = json.dumps(theirs).encode()
    signature = read_header_signature(HeldFile("batch", content), form="ndjson")
    with pytest.raises(refusals.ColumnMissing):
        opened(content)
    assert opened(content, remembered=Remembered(signature, {"payer": "Who"})).mapping["payer"] == "Who"


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xef\xbb\xbf"])
def test_a_batch_without_content_is_refused(content: bytes):
    with pytest.raises(refusals.FileEmpty):
        opened(content)


@pytest.mark.parametrize("content", [b"[]", b"payer,cpt\nAetna,99213\n", b"{}\n{}", b"[" + GOOD + b"]"])
def test_a_batch_without_any_object_is_refused(content: bytes):
    with pytest.raises(refusals.JsonObjectMissing):
        opened(content)


def test_a_line_longer_than_any_is_refused_by_its_number():
    with pytest.raises(refusals.LineTooLong, match="Line 2"):
        opened(GOOD + b"\n" + b"x" * (2 << 20))


def test_more_than_a_thousand_keys_are_refused():
    lines = [json.dumps(CLAIM | {f"k{line}_{n}": 1 for n in range(400)}).encode() for line in range(3)]
    with pytest.raises(refusals.TooManyColumns, match="1,000"):
        read(*lines)


def test_keys_that_promise_patients_data_are_dropped_and_never_given_back():
    personal = {"patient_name": "Jane Roe", "dob": "1970-01-01"}
    file = opened(claim(**personal, cpt="none") + b"\n" + claim(**personal))
    assert sorted(file.dropped_columns) == ["dob", "patient_name"]
    out = io.StringIO()
    SetAsideWriter(out, file.kept_columns).write(row for batch in file.batches() for row in batch.set_aside)
    assert "cpt_missing" in out.getvalue()
    assert "Jane" not in out.getvalue()
    assert "1970" not in out.getvalue()


def test_rows_set_aside_are_given_back_as_csv_that_can_be_corrected_and_loaded():
    file = opened(GOOD + b"\n" + claim(claim_number="C2", cpt="none", extra={"a": 1}))
    out = io.StringIO()
    SetAsideWriter(out, file.kept_columns).write(row for batch in file.batches() for row in batch.set_aside)
    corrected = HeldFile("again.csv", out.getvalue().replace("none", "99214").encode())
    assert numbers(list(open_claims_file(corrected, today=TODAY).batches())) == ["C2"]


CELLS = {
    "claim_number": st.sampled_from(("C1", "C2", "", "7", "~odd", "1.2E+11")),
    "payer": st.sampled_from(("Aetna", "UHC", "Münchener Verein", "", '"quoted", it is', "a\nb")),
    "cpt": st.sampled_from(("99213", "J0100", "", "none")),
    "submitted_date": st.sampled_from(("2025-01-03", "01/31/2025", "", "never")),
    "decided_date": st.sampled_from(("2025-02-01", "", "02/28/2025", "2024-01-01")),
    "outcome": st.sampled_from(("paid", "denied", "pending", "", "perhaps")),
    "billed_amount": st.sampled_from(("120.50", "$1,200.00", "", "-3", "much")),
    "denial_reason": st.sampled_from(("CO-197", "", "not covered; see note")),
}
ROWS = st.lists(st.fixed_dictionaries(CELLS), min_size=1, max_size=12)


def as_csv(rows: Sequence[dict[str, str]]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, sorted(CELLS), quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def outcomes(file: ClaimsFile, rows: int) -> tuple[list[Any], list[Any]]:
    """What is accepted and what is set aside, without where it stands."""
    batches = list(file.batches(rows))
    good = [{name: value for name, value in each.items() if name != "row"} for each in accepted(batches)]
    return good, [(each.code, each.cells) for batch in batches for each in batch.set_aside]


def opened_or_refused(content: bytes, form: Any) -> ClaimsFile | str:
    try:
        said = {name: name for name in CELLS}
        return open_claims_file(HeldFile("x", content), form=form, mapping=said, date_order="mdy", today=TODAY)
    except refusals.FileRefused as refusal:
        return refusal.code


@given(ROWS.filter(lambda rows: all(any(cell.strip() for cell in row.values()) for row in rows)), st.integers(1, 5))
def test_the_same_rows_as_csv_and_as_json_lines_are_the_same_claims(rows: list[dict[str, str]], at_a_time: int):
    lines = "\n".join(json.dumps(row, ensure_ascii=bool(n % 2)) for n, row in enumerate(rows)).encode()
    table, objects = opened_or_refused(as_csv(rows), "csv"), opened_or_refused(lines, "ndjson")
    if isinstance(table, str) or isinstance(objects, str):
        assert table == objects
    else:
        assert outcomes(table, 20_000) == outcomes(objects, at_a_time)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
LINES = st.lists(
    st.binary(max_size=40)
    | st.dictionaries(st.sampled_from((*CELLS, "extra", "")), VALUES, max_size=6).map(
        lambda it: json.dumps(it).encode()
    )
    | st.just(GOOD),
    max_size=12,
)


@given(LINES, st.integers(1, 5))
def test_whatever_is_sent_each_line_is_accepted_or_set_aside_once(lines: list[bytes], at_a_time: int):
    content = b"\n".join([GOOD, *lines])
    batches = list(opened(content, mapping={name: name for name in CLAIM}).batches(at_a_time))
    written = [number for number, line in enumerate(content.decode("latin-1").replace("\r\n", "\n").replace("\r", "\n")
                                                    .split("\n"), start=1) if line.strip()]  # fmt: skip
    found = [each["row"] for each in accepted(batches)] + list(codes(batches))
    assert sorted(found) == written
