"""What becomes of a claim that comes again, in one file or in several."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from payerwatch.claims import loading
from payerwatch.claims.models import Claim
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests.claims.recount import assert_cells_are_right
from tests.make import HEADERS, Row, denied, pending, row, upload
from tests.make import customer as make_customer

pytestmark = pytest.mark.django_db

Load = Callable[..., Any]


@pytest.fixture
def practice() -> Customer:
    return make_customer()


@pytest.fixture
def load(practice: Customer, tmp_path: Path) -> Load:
    """Load rows as the next file; the counts (new, updated, unchanged). The cells must be right afterwards."""
    files = iter(range(100))

    def load(*rows: Row, **file: Any) -> tuple[int, int, int]:
        document = upload(tmp_path, rows, name=f"{next(files)}.csv", **file)
        assert document["rows"] == document["accepted"] + document["set_aside"] == len(rows)
        assert_cells_are_right(practice)
        return document["new_claims"], document["updated_claims"], document["unchanged_claims"]

    return load


def claims(practice: Customer) -> list[dict[str, Any]]:
    with acting_in(practice):
        return [dict(found) for found in Claim.objects.order_by("claim_key", "submitted_date").values()]


def only(practice: Customer) -> dict[str, Any]:
    [claim] = claims(practice)
    return claim


def first_and_latest(practice: Customer) -> tuple[Any, ...]:
    claim = only(practice)
    return claim["first_outcome"], claim["first_decided_date"], claim["outcome"], claim["decided_date"]


def day(text: str) -> date:
    return date.fromisoformat(f"2026-{text}")


# The same claim in several files


def test_the_first_decision_is_kept_apart_from_the_latest(practice: Customer, load: Load):
    assert load(pending()) == (1, 0, 0)
    assert first_and_latest(practice) == ("pending", None, "pending", None)
    assert load(row(decided="2026-01-20")) == (0, 1, 0)
    assert first_and_latest(practice) == ("paid", day("01-20"), "paid", day("01-20"))
    assert load(denied(decided="2026-03-01")) == (0, 1, 0)
    assert first_and_latest(practice) == ("paid", day("01-20"), "denied", day("03-01"))
    assert load(denied(decided="2026-03-01")) == (0, 0, 1)


def test_an_older_file_loaded_later_moves_the_first_decision_back(practice: Customer, load: Load):
    load(row(decided="2026-03-01"))
    load(denied(decided="2026-01-20"))
    assert first_and_latest(practice)[:2] == ("denied", day("01-20"))
    assert only(practice)["first_denial_category"] == "authorization"
    load(row(decided="2026-03-01"), row(number="C2"))
    with acting_in(practice):
        claim = Claim.objects.get(claim_key="C1")
    assert (claim.first_outcome, claim.first_decided_date) == ("denied", day("01-20"))
    assert (claim.outcome, claim.decided_date) == ("paid", day("03-01"))


def test_a_file_loaded_before_does_not_take_claims_back_to_what_they_were(practice: Customer, load: Load):
    load(pending())
    load(row())
    assert load(pending()) == (0, 0, 1)
    assert only(practice)["outcome"] == "paid"


def test_a_decision_corrected_on_its_own_day_is_the_first_decision(practice: Customer, load: Load):
    load(denied(decided="2026-01-20"))
    load(row(decided="2026-01-20"))
    assert first_and_latest(practice)[:2] == ("paid", day("01-20"))
    assert only(practice)["first_denial_category"] is None


def test_a_claim_pending_again_keeps_its_first_decision(practice: Customer, load: Load):
    load(denied(decided="2026-01-20"))
    load(pending())
    assert first_and_latest(practice) == ("denied", day("01-20"), "pending", None)


def test_new_updated_and_unchanged_claims_add_up(practice: Customer, load: Load):
    load(*(pending(number=f"C{n}") for n in range(5)))
    rows = [pending(number="C0"), *(row(number=f"C{n}") for n in range(1, 3)), *(row(number=f"D{n}") for n in range(4))]
    assert load(*rows) == (4, 2, 1)


def test_the_same_number_on_another_day_is_another_claim(practice: Customer, load: Load):
    assert load(row(), row(submitted="2026-01-12")) == (2, 0, 0)


@pytest.mark.parametrize("missing", [{"billed", "allowed", "paid"}, {"service"}, {"reason"}])
def test_a_column_a_later_file_lacks_leaves_what_is_known(practice: Customer, load: Load, missing: set[str]):
    load(denied())
    before = only(practice)
    fewer = [name for name in HEADERS if name not in missing]
    assert load(denied(), columns=fewer) == (0, 0, 1)
    assert load(denied(payer="Cigna"), columns=fewer) == (0, 1, 0)
    after = only(practice)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"payer_id", "payer_mapping_id", "upload_id"}


def test_a_denial_known_by_its_reason_keeps_it_though_a_later_file_moves_the_date(practice: Customer, load: Load):
    load(denied(decided="2026-02-01"))
    fewer = [name for name in HEADERS if name != "reason"]
    load(denied(decided="2026-01-20"), columns=fewer)
    claim = only(practice)
    assert (claim["first_decided_date"], claim["first_denial_category"]) == (day("01-20"), "authorization")
    assert (claim["denial_code"], claim["denial_category"]) == ("197", "authorization")


def test_a_column_the_file_has_and_leaves_blank_says_blank(practice: Customer, load: Load):
    load(row(paid="80.00"))
    load(row(paid=""))
    assert only(practice)["paid_amount"] is None


# The same claim in several rows of one file


@pytest.fixture(params=[1, 2, 25_000])
def batch_rows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(loading, "BATCH_ROWS", request.param)
    return request.param


@pytest.mark.usefixtures("batch_rows")
def test_of_rows_with_the_same_code_the_last_wins(practice: Customer, load: Load):
    rows = [pending(), row(number="C2"), denied(billed="90.00"), row(number="C3"), row(billed="70.00", paid="1.00")]
    assert load(*rows) == (3, 0, 0)
    claim = claims(practice)[0]
    assert (claim["outcome"], claim["billed_amount"], claim["paid_amount"]) == ("paid", 7000, 100)


@pytest.mark.usefixtures("batch_rows")
def test_rows_with_other_codes_are_service_lines_whose_amounts_are_summed(practice: Customer, load: Load):
    rows = [
        row(cpt="97110", billed="50.00", allowed="40.00", paid="30.00", service="2026-01-02"),
        row(number="C2"),
        row(cpt="99213", billed="120.00", allowed="100.00", paid="90.00", payer="Cigna", service="2026-01-03"),
        row(cpt="97140", billed="60.00", allowed="", paid="20.00", decided="2026-02-02"),
    ]
    assert load(*rows) == (2, 0, 0)
    claim = claims(practice)[0]
    assert [claim[f"{name}_amount"] for name in ("billed", "allowed", "paid")] == [23000, 14000, 14000]
    assert (claim["cpt"], claim["cpt_group"], claim["service_date"]) == ("99213", "office_visits", day("01-03"))
    assert claim["decided_date"] == claim["first_decided_date"] == day("02-02")
    with acting_in(practice):
        assert Claim.objects.select_related("payer").get(claim_key="C1").payer.name == "Cigna"


def test_a_service_line_corrected_in_the_same_file_counts_once(practice: Customer, load: Load):
    load(row(cpt="97110", billed="50.00"), row(cpt="97140", billed="60.00"), row(cpt="97110", billed="55.00"))
    assert only(practice)["billed_amount"] == 11500


@pytest.mark.parametrize(
    ("lines", "outcome", "status", "category"),
    [
        ((row(cpt="97110"), pending(cpt="97140")), "pending", "pending", None),
        ((denied(cpt="97110"), pending(cpt="97140")), "pending", "pending", None),
        ((denied(cpt="97110"), row(cpt="97140")), "paid", "partially_paid", None),
        ((row(cpt="97110"), row(cpt="97140", status="Partially Paid")), "paid", "partially_paid", None),
        ((denied(cpt="97110"), denied(cpt="97140")), "denied", "denied", "authorization"),
        ((denied(cpt="97110"), denied(cpt="97140", status="Appealed")), "denied", "appealed", "authorization"),
        (
            (denied(cpt="97110", billed="9.00", reason="CO-29"), denied(cpt="97140", billed="10.00")),
            "denied",
            "denied",
            "authorization",
        ),
        ((row(cpt="97110"), row(cpt="97140")), "paid", "paid", None),
    ],
)
def test_the_outcome_of_a_claim_of_several_lines(
    practice: Customer, load: Load, lines: tuple[Row, ...], outcome: str, status: str, category: str | None
):
    for rows in (lines, lines[::-1]):
        load(*rows)
        claim = only(practice)
        assert (claim["outcome"], claim["status"], claim["denial_category"]) == (outcome, status, category)
        assert (claim["decided_date"] is None) == (outcome == "pending")


@pytest.mark.parametrize(
    "twice",
    [
        row(status="Overturned on appeal", reason="CO-197"),
        pending(reason="CO-16 waiting for records"),
        denied(status="Appealed"),
        row(status="Partially Paid", reason="CO-45"),
    ],
)
def test_a_row_written_twice_is_the_row_written_once(practice: Customer, load: Load, twice: Row):
    assert load(twice) == (1, 0, 0)
    assert load(twice, twice) == (0, 0, 1)


# Rows without a claim number


def test_equal_rows_without_a_number_are_each_a_claim(practice: Customer, load: Load, batch_rows: int):
    rows = [row(number=""), row(number=""), row(number="", cpt="97110"), row()]
    assert load(*rows) == (4, 0, 0)
    numbers = [claim["claim_key"] for claim in claims(practice)]
    assert len([number for number in numbers if number.startswith("~")]) == 3


@pytest.mark.usefixtures("batch_rows")
def test_an_overlapping_export_without_numbers_does_not_double(practice: Customer, load: Load):
    shared = [row(number=""), row(number=""), denied(number="")]
    load(*shared, row(number="", cpt="97110"))
    assert load(row(number="", cpt="97140"), *shared) == (1, 0, 3)


def test_a_file_without_numbers_says_that_corrections_cannot_be_matched(practice: Customer, tmp_path: Path):
    without = upload(tmp_path, [row()], columns=[name for name in HEADERS if name != "number"])
    some = upload(tmp_path, [row(), row(number="", cpt="97110")], name="some.csv")
    for document in (without, some):
        assert len([note for note in document["notes"] if "cannot be matched" in note]) == 1
    assert not any("cannot be matched" in note for note in upload(tmp_path, [row()], name="all.csv")["notes"])
