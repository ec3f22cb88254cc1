"""`load` as a person meets it: what it answers, what it keeps, what it refuses."""

import json
from datetime import date
from pathlib import Path

import pytest

from payerwatch.claims import loading, payers
from payerwatch.claims.models import Claim, Payer, Upload
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests.claims.recount import assert_cells_are_right
from tests.make import HEADERS, answer, claims_file, denied, pending, row, upload, words
from tests.make import customer as make_customer

pytestmark = pytest.mark.django_db


@pytest.fixture
def practice() -> Customer:
    return make_customer()


def only_claim(practice: Customer) -> Claim:
    with acting_in(practice):
        return Claim.objects.select_related("payer").get()


def counts(document: dict) -> tuple[int, int, int]:
    return document["new_claims"], document["updated_claims"], document["unchanged_claims"]


def test_a_first_load_says_what_became_of_every_row(practice: Customer, tmp_path: Path):
    rows = [row(), pending(number="C2"), denied(number="C3", cpt="97110"), row(number="C4", cpt="nonsense")]
    document = upload(tmp_path, rows)
    assert document["upload"].startswith("upl_")
    assert (document["rows"], document["accepted"], document["set_aside"]) == (4, 3, 1)
    assert document["reasons"] == {"cpt_invalid": 1}
    assert counts(document) == (3, 0, 0)
    assert document["already_loaded"] is False
    assert (document["first_date"], document["last_date"]) == ("2026-01-05", "2026-01-20")
    assert document["mapping"]["payer"] == "Payer Name"
    assert_cells_are_right(practice)


def test_blank_lines_are_no_rows(practice: Customer, tmp_path: Path):
    path = claims_file(tmp_path, [row(), row(number="C2")])
    path.write_text(path.read_text().replace("\r\nC2", "\r\n\r\n,,,,,,,,,,\r\n  \r\nC2") + "\r\n\r\n")
    document = answer("load", path).document
    assert (document["rows"], document["accepted"], document["set_aside"]) == (2, 2, 0)


def test_the_same_file_twice_changes_nothing(practice: Customer, tmp_path: Path):
    first = upload(tmp_path, [row(), pending(number="C2")])
    again = answer("load", claims_file(tmp_path, [row(), pending(number="C2")], name="copy.csv"))
    assert again.code == 0
    assert again.document["already_loaded"] is True
    assert again.document["upload"] == first["upload"]
    assert counts(again.document) == (0, 0, 2)
    with acting_in(practice):
        assert (Upload.objects.count(), Claim.objects.count()) == (1, 2)
    assert f"loaded already, as {first['upload']}" in words("load", tmp_path / "claims.csv")


def test_a_file_loaded_with_an_order_that_its_dates_belie_is_known_again_without_it(practice: Customer, tmp_path: Path):
    days = ("01/13/2026", "13/01/2026", "14/01/2026")
    path = claims_file(tmp_path, [row(number=f"C{day}", submitted=day, decided=day, service="") for day in days])
    back = tmp_path / "back.csv"
    assert answer("load", path).error["code"] == "date_order_contradictory"
    first = answer("load", path, "--date-order", "dmy").document
    again = answer("load", path, "--set-aside", back)
    assert (again.code, again.document["already_loaded"], again.document["upload"]) == (0, True, first["upload"])
    assert len(back.read_text().splitlines()) == 1 + first["set_aside"]


def test_a_dry_run_answers_in_full_and_stores_nothing(practice: Customer, tmp_path: Path):
    path = claims_file(tmp_path, [row(), row(number="C2", payer="")])
    document = answer("load", path, "--dry-run").document
    assert document["upload"] is None
    assert document["dry_run"] is True
    assert (document["rows"], document["new_claims"], document["reasons"]) == (2, 1, {"payer_missing": 1})
    with acting_in(practice):
        assert not any(table.objects.exists() for table in (Upload, Claim, Payer))
    assert_cells_are_right(practice)
    assert answer("load", path).document["new_claims"] == 1


def test_the_text_names_counts_columns_and_the_next_step(practice: Customer, tmp_path: Path):
    said = words("load", claims_file(tmp_path, [row(), row(number="C2", payer="")]))
    for part in (
        "2 rows, 1 accepted, 1 set aside",
        "1 new, 0 updated, 0 unchanged",
        "decided_date <- Decision Date",
        "1 payer_missing",
        "Add --set-aside FILE",
        "Next: payerwatch detect --customer Practice",
    ):
        assert part in said


# Refusals


def test_a_file_of_which_no_row_is_accepted_stores_nothing_and_is_counted(practice: Customer, tmp_path: Path):
    done = answer("load", claims_file(tmp_path, [row(payer=""), row(cpt="")]))
    assert done.code == 1
    assert done.error["code"] == "nothing_accepted"
    assert "--set-aside FILE" in done.error["fix"]
    found = {name: done.document[name] for name in ("rows", "accepted", "set_aside", "reasons")}
    assert found == {"rows": 2, "accepted": 0, "set_aside": 2, "reasons": {"cpt_missing": 1, "payer_missing": 1}}
    with acting_in(practice):
        assert not any(table.objects.exists() for table in (Upload, Claim, Payer))


def test_rows_of_a_file_not_loaded_come_back_all_the_same(practice: Customer, tmp_path: Path):
    back = tmp_path / "back.csv"
    done = answer("load", claims_file(tmp_path, [row(payer="")]), "--set-aside", back)
    assert done.code == 1
    assert str(back) in done.error["fix"]
    assert "payer_missing" in back.read_text()


def test_a_file_that_is_not_there_is_refused(practice: Customer, tmp_path: Path):
    error = answer("load", tmp_path / "none.csv").error
    assert error["code"] == "file_not_readable"
    assert "No such file" in error["message"]


@pytest.mark.parametrize("name", [".", "x\x00y", "n" * 5000])
def test_what_is_no_file_is_refused(practice: Customer, tmp_path: Path, name: str):
    assert answer("load", f"{tmp_path}/{name}").error["code"] == "file_not_readable"


def test_a_customer_unknown_is_refused_with_near_names(practice: Customer, tmp_path: Path):
    error = answer("load", claims_file(tmp_path, [row()]), customer="Practise").error
    assert error["code"] == "unknown_customer"
    assert "'Practice'" in error["fix"]


def test_a_column_name_with_a_nul_character_can_be_stored(practice: Customer, tmp_path: Path):
    path = claims_file(tmp_path, [row()])
    path.write_text(path.read_text().replace("Payer Name", "Payer\x00Name").replace("Denial Reason", "Rea\x00son"))
    assert answer("load", path).code == 0


def test_what_would_steer_a_terminal_is_left_out_of_names(practice: Customer, tmp_path: Path):
    upload(tmp_path, [row(payer="Ae\x1b[2Jtna")], name="evil\x1b]0;.csv")
    with acting_in(practice):
        assert Payer.objects.get().name == "Ae [2Jtna"
        assert Upload.objects.get().filename == "evil ]0;.csv"


def test_a_payer_name_that_grows_when_its_case_is_folded_is_kept(practice: Customer, tmp_path: Path):
    upload(tmp_path, [row(payer="ß" * 200), row(number="C2", payer="ß" * 200)])
    with acting_in(practice):
        assert Payer.objects.get().name == "ß" * 200


# Mapping and date order


def test_a_mapping_says_which_column_is_meant(practice: Customer, tmp_path: Path):
    path = claims_file(tmp_path, [row() | {"Other Payer": "Cigna"}], columns=[*HEADERS, "Other Payer"])
    mapping = json.dumps({"payer": "Other Payer", "denial_reason": None})
    document = answer("load", path, "--mapping", mapping).document
    assert document["mapping"]["payer"] == "Other Payer"
    assert document["mapping"]["denial_reason"] is None
    assert only_claim(practice).payer.name == "Cigna"


def test_a_header_found_by_a_mapping_recalls_the_date_order_of_an_earlier_file(practice: Customer, tmp_path: Path):
    path = tmp_path / "odd.csv"
    text = "Report,of,x,y,z\nAlpha,Beta,Gamma,Delta,Epsilon\nAetna,99213,03/04/2026,05/06/2026,Paid\n"
    fields = {"payer": "Alpha", "cpt": "Beta", "submitted": "Gamma", "decided": "Delta", "outcome": "Epsilon"}
    path.write_text(text)
    assert answer("load", path, "--mapping", json.dumps(fields), "--date-order", "dmy").code == 0
    path.write_text(text.replace("Aetna", "Cigna"))
    assert answer("load", path, "--mapping", json.dumps(fields)).code == 0
    with acting_in(practice):
        assert set(Claim.objects.values_list("submitted_date", flat=True)) == {date(2026, 4, 3)}


def test_the_next_file_with_the_same_header_is_read_the_same_way(practice: Customer, tmp_path: Path):
    columns = [*HEADERS, "Other Payer"]
    rows = [row(submitted="03/04/2026", decided="05/06/2026", service="") | {"Other Payer": "Cigna"}]
    options = ("--mapping", '{"payer": "Other Payer"}', "--date-order", "dmy")
    upload(tmp_path, rows, *options, columns=columns)
    rows[0] |= {"number": "C2"}
    second = upload(tmp_path, rows, columns=columns, name="second.csv")
    assert second["date_order"] == "dmy"
    assert second["mapping"]["payer"] == "Other Payer"
    assert (second["first_date"], second["last_date"]) == ("2026-04-03", "2026-06-05")


def test_an_upload_taken_back_is_not_remembered(practice: Customer, tmp_path: Path):
    rows = [row() | {"Other Payer": "Cigna"}]
    columns = [*HEADERS, "Other Payer"]
    first = upload(tmp_path, rows, "--mapping", '{"payer": "Other Payer"}', columns=columns)
    assert answer("undo", first["upload"]).code == 0
    assert upload(tmp_path, rows, columns=columns)["mapping"]["payer"] == "Payer Name"


def test_dates_that_can_be_read_two_ways_are_refused_with_both_readings(practice: Customer, tmp_path: Path):
    rows = [row(submitted="03/04/2026", decided="05/06/2026", service="")]
    done = answer("load", claims_file(tmp_path, rows))
    assert done.error["code"] == "date_order_ambiguous"
    said = " ".join(done.error.values())
    assert "--date-order mdy" in said
    assert "--date-order dmy" in said
    assert "March" in said
    assert "April" in said
    document = answer("load", tmp_path / "claims.csv", "--date-order", "mdy").document
    assert (document["first_date"], document["last_date"]) == ("2026-03-04", "2026-05-06")


def test_a_mapping_of_a_column_that_is_not_there_names_the_nearest(practice: Customer, tmp_path: Path):
    error = answer("load", claims_file(tmp_path, [row()]), "--mapping", '{"payer": "Payer Nam"}').error
    assert error["code"] == "mapping_invalid"
    assert "Payer Name" in error["fix"]


# Small batches behave as one


@pytest.mark.parametrize("size", [1, 2, 25_000])
def test_counts_do_not_depend_on_how_rows_fall_into_batches(
    practice: Customer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
):
    monkeypatch.setattr(loading, "BATCH_ROWS", size)
    rows = [row(), row(number="C2"), row(payer=""), row(number="C2", cpt="97110"), row(), pending(number="C3")]
    document = upload(tmp_path, rows)
    assert (document["rows"], document["accepted"], document["set_aside"]) == (6, 5, 1)
    assert counts(document) == (3, 0, 0)
    assert_cells_are_right(practice)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-8"])
def test_a_file_may_be_in_any_usual_encoding(practice: Customer, tmp_path: Path, encoding: str):
    """Twice, so that the mapping of the first is remembered for the second."""
    path = claims_file(tmp_path, [row(payer="Médica")])
    content = path.read_text()
    for number in ("C1", "C2"):
        path.write_bytes(content.replace("C1", number).replace("Payer Name", "Payer Namé").encode(encoding))
        assert answer("load", path, "--mapping", '{"payer": "Payer Namé"}').document["new_claims"] == 1
    with acting_in(practice):
        assert Payer.objects.get().name == "Médica"


def test_a_column_with_thousands_of_names_is_no_payer(
    practice: Customer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(payers, "MOST_NEW_PAYERS", 5)
    path = claims_file(tmp_path, [row(number=f"C{n}", payer=f"Payer {n}") for n in range(6)])
    refused = answer("load", path)
    assert (refused.code, refused.error["code"]) == (1, "too_many_payers")
    with acting_in(practice):
        assert not Payer.objects.exists()


def test_rows_that_became_fewer_claims_and_files_without_pending_rows_are_said_so(practice: Customer, tmp_path: Path):
    path = claims_file(tmp_path, [row(), row(cpt="99214"), row(number="C2")])
    notes = " ".join(answer("load", path).document["notes"])
    assert "3 rows are 2 claims" in notes
    assert "No row is pending" in notes
