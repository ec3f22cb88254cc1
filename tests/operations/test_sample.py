"""The sample's files: an export like a real one, and the truth beside it."""

import csv
import json
import re
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from payerwatch.claims.cpt_groups import GROUP_LABELS, cpt_group
from payerwatch.claims.denials import denial_category
from payerwatch.claims.formats.headers import guess_columns
from payerwatch.claims.payer_names import normalise
from payerwatch.operations.practice.catalogue import GROUPS, PAYERS, REASONS, USUAL_DENIALS
from payerwatch.operations.practice.shape import ImpossiblePractice
from payerwatch.operations.sample import (
    Practice,
    PracticeShape,
    SampleNotWritten,
    draw_practice,
    write_sample,
)

pytestmark = pytest.mark.pure

UNTIL = date(2026, 1, 25)
Row = dict[str, str]


def practice(**options: object) -> Practice:
    wanted = {"seed": 7, "weeks": 30, "claims_per_week": 150, "until": UNTIL, "drift": "both", **options}
    return draw_practice(**wanted)  # type: ignore[arg-type]


def rows_of(path: Path) -> list[Row]:
    with path.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def day(text: str) -> date:
    return datetime.strptime(text, "%m/%d/%Y").date()  # noqa: DTZ007


@pytest.fixture(scope="module")
def drawn() -> Practice:
    return practice()


@pytest.fixture(scope="module")
def rows(drawn: Practice, tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    return rows_of(write_sample(tmp_path_factory.mktemp("sample"), drawn).claims)


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = write_sample(tmp_path / "a", practice()), write_sample(tmp_path / "b", practice())
    assert first.claims.read_bytes() == second.claims.read_bytes()
    assert first.truth.read_bytes() == second.truth.read_bytes()


def test_another_seed_gives_another_practice(tmp_path: Path) -> None:
    first, second = write_sample(tmp_path / "a", practice()), write_sample(tmp_path / "b", practice(seed=8))
    assert first.claims.read_bytes() != second.claims.read_bytes()


def test_a_sample_written_again_replaces_the_old_one(tmp_path: Path) -> None:
    write_sample(tmp_path, practice(weeks=40))
    small = write_sample(tmp_path, practice(weeks=2))
    assert len(rows_of(small.claims)) == small.rows


def test_a_large_export_is_one_file_with_one_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = write_sample(tmp_path / "whole", practice())
    monkeypatch.setattr("payerwatch.operations.practice.export.ROWS_AT_ONCE", 1000)
    parts = write_sample(tmp_path / "parts", practice())
    assert parts.rows > 3000
    assert parts.claims.read_bytes() == whole.claims.read_bytes()


def test_a_practice_without_claims_writes_the_header_alone(tmp_path: Path) -> None:
    monday = date(2026, 1, 19)
    drawn = (practice(weeks=1, claims_per_week=1, until=monday, seed=seed) for seed in range(50))
    files = write_sample(tmp_path, next(quiet for quiet in drawn if not quiet.claims.series.size))
    assert files.rows == 0
    assert files.claims.read_text().startswith("Claim #,Patient Name,")
    assert len(files.claims.read_text().splitlines()) == 1


def test_claim_numbers_are_unique(rows: list[Row]) -> None:
    assert len({row["Claim #"] for row in rows}) == len(rows)


def test_about_as_many_claims_a_week_as_asked(rows: list[Row]) -> None:
    assert len(rows) == pytest.approx(30 * 150, rel=0.05)


def test_nothing_in_the_export_is_later_than_until(rows: list[Row]) -> None:
    for row in rows:
        assert day(row["Svc Date"]) < day(row["Date Submitted"]) <= UNTIL
        if row["Decision Date"]:
            assert day(row["Date Submitted"]) < day(row["Decision Date"]) <= UNTIL


def test_a_pending_claim_has_neither_decision_nor_money_nor_reason(rows: list[Row]) -> None:
    pending = [row for row in rows if row["Claim Status"] == "Pending"]
    assert 0.03 < len(pending) / len(rows) < 0.25
    for row in pending:
        assert row["Decision Date"] == row["Allowed Amt"] == row["Paid Amt"] == row["Denial Reason"] == ""
    assert all(row["Decision Date"] for row in rows if row["Claim Status"] != "Pending")


def test_denials_and_only_denials_carry_a_reason(rows: list[Row]) -> None:
    for row in rows:
        assert bool(row["Denial Reason"]) == (row["Claim Status"] in {"Denied", "Appealed"})


def test_some_claims_are_appealed_and_some_partly_paid(rows: list[Row]) -> None:
    statuses = {row["Claim Status"] for row in rows}
    assert statuses == {"Paid", "Partially Paid", "Denied", "Appealed", "Pending"}


def test_money_is_written_with_dollar_sign_and_thousands(rows: list[Row]) -> None:
    amounts = [row[column] for row in rows for column in ("Billed Amt", "Allowed Amt", "Paid Amt") if row[column]]
    assert all(re.fullmatch(r"\$\d{1,3}(,\d{3})?\.\d\d", amount) for amount in amounts)
    assert any("," in amount for amount in amounts)


def test_no_claim_is_paid_more_than_allowed_or_allowed_more_than_billed(rows: list[Row]) -> None:
    for row in rows:
        if row["Paid Amt"]:
            billed, allowed, paid = (
                float(row[column].strip("$").replace(",", "")) for column in ("Billed Amt", "Allowed Amt", "Paid Amt")
            )
            assert paid <= allowed <= billed
            assert (paid == 0) == (row["Claim Status"] in {"Denied", "Appealed"})


@pytest.mark.parametrize("until", [date(2026, 1, 4), date(2026, 3, 8), date(2026, 6, 7)])
def test_dates_can_be_read_one_way_only(until: date, tmp_path: Path) -> None:
    files = write_sample(tmp_path, practice(weeks=2, until=until))
    assert any(int(row["Svc Date"].split("/")[1]) > 12 for row in rows_of(files.claims))


def test_payers_are_spelled_in_several_ways_that_mean_the_same(drawn: Practice, rows: list[Row]) -> None:
    spellings = {row["Payer Name "] for row in rows}
    plain = {normalise(spelling) for spelling in spellings}
    assert len(spellings) > 2 * len(drawn.payers)
    assert plain == {normalise(name) for name in drawn.payers}


def test_the_first_claim_of_each_payer_carries_its_usual_name(drawn: Practice, rows: list[Row]) -> None:
    first_seen: dict[str, str] = {}
    for row in rows:
        first_seen.setdefault(row["Payer Name "].lower().split()[0].strip("."), row["Payer Name "])
    assert set(first_seen.values()) == set(drawn.payers)


def test_patients_are_obviously_invented(rows: list[Row]) -> None:
    assert all(day(row["Patient DOB"]) < date(1910, 1, 1) for row in rows)
    assert {row["Patient Name"].split(",")[0] for row in rows} >= {"Sample", "Invented", "Fictional"}


def test_procedure_codes_belong_to_their_groups(drawn: Practice, rows: list[Row]) -> None:
    group_of = {charge.code: group.key for group in GROUPS for charge in group.charges}
    for row, series in zip(rows, drawn.claims.series, strict=True):
        assert group_of[row["Proc Code"]] == drawn.cpt_groups[series % len(drawn.cpt_groups)]


def test_the_truth_tells_drifts_and_what_was_asked_for(drawn: Practice, tmp_path: Path) -> None:
    truth = json.loads(write_sample(tmp_path, drawn).truth.read_text())
    assert truth["until"] == "2026-01-25"
    assert truth["first_week"] == "2025-06-30"
    assert (truth["seed"], truth["weeks"], truth["claims_per_week"], truth["drift"]) == (7, 30, 150, "both")
    assert truth["claims"] == drawn.claims.series.size
    assert {entry["measure"] for entry in truth["drifts"]} == {"denial_rate", "days_to_decision"}
    for entry in truth["drifts"]:
        assert entry["payer"] in drawn.payers
        assert entry["cpt_group"] is None or entry["cpt_group"] in drawn.cpt_groups
        assert date.fromisoformat(entry["change_week"]).weekday() == 0


def test_nothing_drifts_unless_asked(tmp_path: Path) -> None:
    assert json.loads(write_sample(tmp_path, practice(drift="none")).truth.read_text())["drifts"] == []


@pytest.mark.parametrize("reason", REASONS, ids=lambda reason: reason.text)
def test_every_reason_is_read_as_the_category_it_was_drawn_for(reason: object) -> None:
    assert denial_category(reason.text)[1] == reason.category  # type: ignore[attr-defined]


def test_every_category_drawn_can_be_written_as_code_and_as_words() -> None:
    for category in (*USUAL_DENIALS, *(payer.favourite_denial for payer in PAYERS)):
        assert {reason.is_coded for reason in REASONS if reason.category == category} == {True, False}


@pytest.mark.parametrize("until", [UNTIL + timedelta(days=offset) for offset in range(7)])
def test_the_last_week_may_be_cut_on_any_day(until: date) -> None:
    cut = practice(weeks=3, until=until)
    assert cut.calendar.start.weekday() == 0
    assert cut.claims.submit_day.max() <= (until - cut.calendar.start).days < 21


@pytest.mark.parametrize(
    "options",
    [
        {"weeks": 0},
        {"weeks": 1_041},
        {"claims_per_week": 0},
        {"claims_per_week": 10_000_000},
        {"seed": -1},
        {"until": date(1, 1, 1)},
        {"until": date.max},
    ],
)
def test_a_practice_of_no_possible_size_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(ImpossiblePractice) as refused:
        practice(**options)
    assert refused.value.fix.startswith("Choose a number from ")


@pytest.mark.parametrize("options", [{"payers": 0}, {"payers": 13}, {"groups": 11}, {"drifted_series": 91}])
def test_a_shape_the_catalogue_cannot_fill_is_refused(options: dict[str, int]) -> None:
    with pytest.raises(ImpossiblePractice, match=r"Choose a number from [01] to \d+"):
        PracticeShape(**options)  # type: ignore[arg-type]


def test_a_directory_that_cannot_be_made_is_refused(drawn: Practice, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SampleNotWritten, match="Choose another directory"):
        write_sample(tmp_path / "file", drawn)


def test_the_truth_names_groups_as_the_product_does() -> None:
    for group in GROUPS:
        assert group.key in GROUP_LABELS
        for charge in group.charges:
            assert cpt_group(charge.code) == group.key


def test_the_loader_recognises_every_column_of_a_claim(rows: list[Row]) -> None:
    columns = list(rows[0])
    samples = [[row[column] for row in rows[:200]] for column in columns]
    guess = guess_columns(columns, samples, range(len(columns)))
    assert {field: columns[at] for field, at in guess.columns.items()} == {
        "claim_number": "Claim #",
        "payer": "Payer Name ",
        "cpt": "Proc Code",
        "service_date": "Svc Date",
        "submitted_date": "Date Submitted",
        "decided_date": "Decision Date",
        "outcome": "Claim Status",
        "billed_amount": "Billed Amt",
        "allowed_amount": "Allowed Amt",
        "paid_amount": "Paid Amt",
        "denial_reason": "Denial Reason",
    }
    assert min(guess.confidence.values()) > 0.9
    assert not guess.rivals
