"""Two customers by the command line: what one has, the other does not know."""

from pathlib import Path
from typing import Any

import pytest

from payerwatch.claims.models import Claim, CptGroupMapping, Payer, PayerMapping, Upload
from payerwatch.drift.models import RunoffCell
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests.claims.recount import assert_cells_are_right
from tests.make import answer, customer, denied, row, upload

pytestmark = [pytest.mark.django_db, pytest.mark.untraced]


@pytest.fixture
def own() -> Customer:
    return customer("Own")


@pytest.fixture
def other() -> Customer:
    return customer("Other")


def belongings(owner: Customer) -> dict[str, Any]:
    with acting_in(owner):
        tables = (Claim, CptGroupMapping, Payer, PayerMapping, Upload, RunoffCell)
        return {table.__name__: list(table.objects.order_by("pk").values()) for table in tables}


def test_the_same_file_is_new_for_each_customer(own: Customer, other: Customer, tmp_path: Path):
    rows = [row(), denied(number="C2")]
    for name in ("Own", "Other"):
        document = upload(tmp_path, rows, customer=name)
        assert (document["already_loaded"], document["new_claims"]) == (False, 2)
    for each in (own, other):
        assert_cells_are_right(each)


def test_another_customers_upload_is_unknown(own: Customer, other: Customer, tmp_path: Path):
    foreign = upload(tmp_path, [row()], customer="Other")["upload"]
    mine = upload(tmp_path, [row()], customer="Own", name="mine.csv")["upload"]
    before = belongings(other)
    error = answer("undo", foreign, customer="Own").error
    assert error["code"] == "unknown_upload"
    assert mine in error["fix"]
    assert "claims.csv" not in error["fix"]
    assert belongings(other) == before


def test_suggestions_name_no_payer_of_another_customer(own: Customer, other: Customer, tmp_path: Path):
    upload(tmp_path, [row(payer="UnitedHealthcare")], customer="Other")
    document = upload(tmp_path, [row(payer="UHC")], customer="Own", name="own.csv")
    assert document["payer_suggestions"] == []


def test_a_mapping_of_one_customer_leaves_the_other_alone(own: Customer, other: Customer, tmp_path: Path):
    for name in ("Own", "Other"):
        upload(tmp_path, [row(payer="UHC", cpt="97110")], customer=name)
    before = belongings(other)
    answer("map_payer", "UHC", "UnitedHealthcare", customer="Own")
    answer("map_cpt_group", "97110", "therapy", customer="Own")
    assert belongings(other) == before
    assert_cells_are_right(own)


def test_a_remembered_mapping_is_the_customers_own(own: Customer, other: Customer, tmp_path: Path):
    rows = [row(submitted="03/04/2026", decided="05/06/2026", service="")]
    upload(tmp_path, rows, "--date-order", "dmy", customer="Other")
    assert answer("load", tmp_path / "claims.csv", customer="Own").error["code"] == "date_order_ambiguous"


def test_an_undo_of_one_customer_leaves_the_other_alone(own: Customer, other: Customer, tmp_path: Path):
    uploads = [upload(tmp_path, [row(), denied(number="C2")], customer=name)["upload"] for name in ("Own", "Other")]
    before = belongings(other)
    assert answer("undo", uploads[0], customer="Own").code == 0
    assert belongings(other) == before
    assert belongings(own)["Claim"] == belongings(own)["RunoffCell"] == []
