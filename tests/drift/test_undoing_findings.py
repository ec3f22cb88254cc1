"""When data are taken back, so is what was found in them; what a gap or another mapping leaves is no crash."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from payerwatch.tenancy.models import Customer
from tests.drift.invented import history
from tests.drift.run_off_claims import as_known_on, claims_of, denying_more, detect, load, sunday
from tests.make import answer, customer

pytestmark = pytest.mark.django_db

MONDAY = date(2024, 1, 1)
EARLY, LATE = 49, 58


@pytest.fixture
def practice() -> Customer:
    return customer()


def claims() -> pl.DataFrame:
    """Aetna denies more from week 50 on."""
    drawn = claims_of(history(series=6, payers=2, weeks=LATE + 1, volume=20))
    return denying_more(drawn, pl.col("payer") == "Aetna", MONDAY + timedelta(weeks=50), date(2030, 1, 1))


def events(*options: str) -> list[dict]:
    return answer("events", "--all", *options).document


def test_undoing_the_weeks_that_were_judged_takes_their_findings_back(practice: Customer, tmp_path: Path):
    load(tmp_path, as_known_on(claims(), sunday(MONDAY, EARLY)), name="early.csv")
    detect()
    before = events()
    late = load(tmp_path, as_known_on(claims(), sunday(MONDAY, LATE)), name="late.csv")
    assert detect()["opened"] > 0
    undone = answer("undo", late["upload"]).document
    assert undone["events_set_back"] > 0
    assert [event["id"] for event in events()] == [event["id"] for event in before]
    week = (MONDAY + timedelta(weeks=EARLY)).isoformat()
    again = detect()
    assert (again["as_of_week"], again["changed_events"]) == (week, True)
    assert {row["as_of_week"] for row in answer("series").document} == {week}


def test_an_event_judged_before_the_weeks_taken_back_keeps_its_earlier_figures(practice: Customer, tmp_path: Path):
    middle = 55
    load(tmp_path, as_known_on(claims(), sunday(MONDAY, middle)), name="middle.csv")
    detect()
    before = {event["id"]: event for event in events()}
    assert before
    late = load(tmp_path, as_known_on(claims(), sunday(MONDAY, LATE)), name="late.csv")
    detect()
    assert answer("undo", late["upload"]).code == 0
    after = {event["id"]: event for event in events()}
    assert after.keys() == before.keys()
    for name in ("as_of_week", "observed", "expected", "p_value", "q_value", "tier", "alert_week", "status"):
        assert {key: event[name] for key, event in after.items()} == {key: e[name] for key, e in before.items()}


def test_undoing_the_only_file_leaves_no_finding(practice: Customer, tmp_path: Path):
    only = load(tmp_path, as_known_on(claims(), sunday(MONDAY, LATE)))
    assert detect()["opened"] > 0
    answer("undo", only["upload"])
    assert events() == []


def test_a_gap_in_the_history_is_refused_and_no_crash(practice: Customer, tmp_path: Path):
    drawn = as_known_on(claims(), sunday(MONDAY, EARLY))
    old = drawn.with_columns(pl.col(pl.Date).dt.offset_by("-4y"))
    load(tmp_path, pl.concat([old, drawn]))
    refused = answer("detect", "--as-of", "2022-12-25")
    assert (refused.code, refused.document["error"]["code"]) == (1, "nothing_to_judge")
