"""Rows set aside: given back in the file's own columns, to be corrected and loaded again."""

import csv
from datetime import date
from pathlib import Path

import pytest

from payerwatch.claims.models import Claim, Upload
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests.claims.recount import assert_cells_are_right
from tests.make import HEADERS, answer, claims_file, denied, row, upload, words
from tests.make import customer as make_customer

pytestmark = pytest.mark.django_db

PAIRS = (("C1", "Aetna"), ("C2", ""))


@pytest.fixture
def practice() -> Customer:
    return make_customer()


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as lines:
        return list(csv.DictReader(lines))


def test_rows_set_aside_come_back_in_the_files_own_columns(practice: Customer, tmp_path: Path):
    back = tmp_path / "back.csv"
    rows = [row(), denied(number="C2", submitted="2026-13-40"), row(number="C3", payer=" ")]
    upload(tmp_path, rows, "--set-aside", back)
    found = read_csv(back)
    assert list(found[0]) == [*HEADERS.values(), "row", "reason_code", "reason", "fix"]
    assert [(each["row"], each["reason_code"], each["Claim ID"]) for each in found] == [
        ("3", "submitted_date_invalid", "C2"),
        ("4", "payer_missing", "C3"),
    ]
    assert all(each["reason"] and each["fix"] for each in found)


def test_rows_set_aside_can_be_corrected_and_loaded(practice: Customer, tmp_path: Path):
    back = tmp_path / "back.csv"
    rows = [row(), row(number="C2", payer=""), denied(number="C3", cpt="?")]
    first = upload(tmp_path, rows, "--set-aside", back)
    corrected = back.read_text(encoding="utf-8-sig").replace("C2,,", "C2,Cigna,").replace("?", "97110")
    back.write_text(corrected)
    again = answer("load", back).document
    assert again["mapping"] == first["mapping"]
    assert (again["rows"], again["accepted"], again["new_claims"]) == (2, 2, 2)
    with acting_in(practice):
        found = dict(Claim.objects.values_list("claim_key", "first_denial_category"))
    assert found == {"C1": None, "C2": None, "C3": "authorization"}
    assert_cells_are_right(practice)


def test_corrected_rows_are_read_as_the_file_they_came_from(practice: Customer, tmp_path: Path):
    """Mapping and date order that were asked for serve again, though a column of patients' data is gone."""
    back = tmp_path / "back.csv"
    dates = {"submitted": "03/04/2026", "decided": "05/06/2026", "service": ""}
    rows = [row(number=number, payer=payer, **dates) | {"Patient Name": "Jane Doe"} for number, payer in PAIRS]
    columns = ["Patient Name", *HEADERS]
    options = ("--mapping", '{"billed": "Paid Amount", "paid": null}', "--date-order", "dmy")
    first = upload(tmp_path, rows, *options, "--set-aside", back, columns=columns)
    back.write_text(back.read_text(encoding="utf-8-sig").replace("C2,,", "C2,Cigna,"))
    again = answer("load", back).document
    assert (again["accepted"], again["mapping"]) == (1, first["mapping"])
    with acting_in(practice):
        assert set(Claim.objects.values_list("submitted_date", flat=True)) == {date(2026, 4, 3)}


def test_the_added_columns_are_never_taken_for_the_files_own(practice: Customer, tmp_path: Path):
    """Without a denial reason of its own, a file of rows set aside has a column `reason` that is ours."""
    back = tmp_path / "back.csv"
    columns = [name for name in HEADERS if name not in ("reason", "number")]
    first = upload(tmp_path, [row(), denied(payer="")], "--set-aside", back, columns=columns)
    back.write_text(back.read_text(encoding="utf-8-sig").replace("\n,", "\nCigna,"))
    again = answer("load", back).document
    assert again["mapping"] == first["mapping"]
    assert again["accepted"] == 1


def test_rows_set_aside_can_be_had_after_the_load_too(practice: Customer, tmp_path: Path):
    path, back = claims_file(tmp_path, [row(), row(number="C2", payer="")]), tmp_path / "back.csv"
    assert "Add --set-aside FILE" in words("load", path)
    assert answer("load", path, "--set-aside", back).document["already_loaded"] is True
    assert [each["reason_code"] for each in read_csv(back)] == ["payer_missing"]


def test_rows_set_aside_again_have_the_added_columns_once(practice: Customer, tmp_path: Path):
    back, again = tmp_path / "back.csv", tmp_path / "again.csv"
    upload(tmp_path, [row(), row(number="C2", payer="")], "--set-aside", back)
    assert answer("load", back, "--set-aside", again).code == 1
    assert again.read_text() == back.read_text().replace(",3,payer", ",2,payer")


def test_the_file_for_rows_set_aside_is_never_the_claims_file(practice: Customer, tmp_path: Path):
    path = claims_file(tmp_path, [row()])
    before = path.read_bytes()
    link = tmp_path / "link.csv"
    link.symlink_to(path)
    for target in (path, link):
        assert answer("load", path, "--set-aside", target).error["code"] == "set_aside_not_writable"
    assert path.read_bytes() == before


def test_a_set_aside_file_in_no_directory_is_refused_and_nothing_stored(practice: Customer, tmp_path: Path):
    error = answer("load", claims_file(tmp_path, [row()]), "--set-aside", tmp_path / "no" / "back.csv").error
    assert error["code"] == "set_aside_not_writable"
    with acting_in(practice):
        assert not Upload.objects.exists()


@pytest.mark.parametrize("rows", [1, 3_000])
def test_a_disk_that_is_full_refuses_and_stores_nothing(practice: Customer, tmp_path: Path, rows: int):
    """A few rows fail on closing the file, many on writing it."""
    broken = [row(number=f"X{number}", payer="") for number in range(rows)]
    heard = answer("load", claims_file(tmp_path, [row(), *broken]), "--set-aside", "/dev/full")
    assert heard.error["code"] == "set_aside_not_writable"
    assert heard.error["message"] == "/dev/full cannot be written: No space left on device"
    with acting_in(practice):
        assert not Upload.objects.exists()
