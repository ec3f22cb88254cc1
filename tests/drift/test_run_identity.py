"""The same week and data are the same run, whatever way the data came; a past week reports and changes nothing."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from payerwatch.drift.models import DriftEvent, DriftRun
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests.drift.invented import history
from tests.drift.run_off_claims import as_known_on, claims_of, denying_more, detect, load, sunday
from tests.make import answer, customer, words

pytestmark = [pytest.mark.django_db, pytest.mark.untraced]

MONDAY = date(2024, 1, 1)
LAST = 57
AETNA = pl.col("payer") == "Aetna"


@pytest.fixture
def practice() -> Customer:
    return customer()


def claims() -> pl.DataFrame:
    """Two payers, six series, 58 weeks; Aetna denies more from week 50 on."""
    drawn = claims_of(history(series=6, payers=2, weeks=LAST + 1, volume=20))
    return denying_more(drawn, AETNA, MONDAY + timedelta(weeks=50), date(2030, 1, 1))


def stored(practice: Customer) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Everything kept of runs and events."""
    with acting_in(practice):
        return list(DriftRun.objects.order_by("pk").values()), list(DriftEvent.objects.order_by("pk").values())


def figures(practice: Customer) -> list[dict[str, Any]]:
    """What the runs found, apart from names made by chance and times."""
    kept = ("as_of_week", "data_version", "series_checked", "tests", "not_judged", "nodes", "opened", "closed")
    with acting_in(practice):
        return list(DriftRun.objects.order_by("as_of_week", "pk").values(*kept))


def test_the_same_week_and_data_are_the_same_run_and_change_nothing(practice: Customer, tmp_path: Path):
    load(tmp_path, claims())
    first = detect()
    before = stored(practice)
    assert first["opened"] > 0
    assert detect() == first
    assert detect("--as-of", sunday(MONDAY, LAST)) == first
    assert stored(practice) == before


def test_any_day_of_a_week_asks_for_the_same_run(practice: Customer, tmp_path: Path):
    load(tmp_path, claims())
    runs = {detect("--as-of", sunday(MONDAY, LAST - 1) + timedelta(days=day))["run"] for day in range(7)}
    assert len(runs) == 1


def test_new_data_for_the_same_week_make_a_new_run(practice: Customer, tmp_path: Path):
    whole = claims()
    load(tmp_path, whole.slice(0, whole.height - 40), name="most.csv")
    first = detect("--as-of", sunday(MONDAY, LAST))
    load(tmp_path, whole, name="whole.csv")
    second = detect("--as-of", sunday(MONDAY, LAST))
    assert (first["as_of_week"], second["as_of_week"]) == ((MONDAY + timedelta(weeks=LAST)).isoformat(),) * 2
    assert second["run"] != first["run"]
    assert second["opened"] == 0
    assert second["updated"] + second["closed"] == first["opened"]


def test_data_after_the_week_leave_its_run_as_it_was(practice: Customer, tmp_path: Path):
    whole = claims()
    load(tmp_path, as_known_on(whole, sunday(MONDAY, 53)), name="then.csv")
    first = detect()
    load(tmp_path, whole, name="whole.csv")
    assert detect("--as-of", sunday(MONDAY, 53))["run"] == first["run"]


def test_a_week_before_the_newest_run_reports_and_changes_no_event(practice: Customer, tmp_path: Path):
    load(tmp_path, claims())
    detect()
    _, events = stored(practice)
    past = detect("--as-of", sunday(MONDAY, LAST - 2))
    assert past["changed_events"] is False
    assert past["tests"] > 0
    assert (past["opened"], past["updated"], past["closed"]) == (0, 0, 0)
    assert stored(practice)[1] == events
    assert "changed no event" in words("detect", "--as-of", sunday(MONDAY, LAST - 2))


def test_after_an_undo_the_events_are_those_of_the_data_that_is_left(practice: Customer, tmp_path: Path):
    calm = claims_of(history(series=6, payers=2, weeks=LAST + 1, volume=20))
    week = ("--as-of", sunday(MONDAY, LAST))
    load(tmp_path, calm, name="calm.csv")
    calm_run = detect(*week)
    before = answer("events").document
    worse = denying_more(calm, AETNA, MONDAY + timedelta(weeks=50), date(2030, 1, 1))
    mistaken = load(tmp_path, worse, name="mistaken.csv")["upload"]
    mistaken_run = detect(*week)
    alarmed = answer("events").document
    assert {event["payer"] for event in alarmed} == {"Aetna"}
    assert answer("undo", mistaken).code == 0
    again = detect(*week)
    assert again["run"] == calm_run["run"] != mistaken_run["run"]
    assert again["closed"] >= len(alarmed)
    assert answer("events").document == before == []


def test_loading_the_mistake_again_takes_up_the_same_events(practice: Customer, tmp_path: Path):
    week = ("--as-of", sunday(MONDAY, LAST))
    load(tmp_path, claims_of(history(series=6, payers=2, weeks=LAST + 1, volume=20)), name="calm.csv")
    upload = load(tmp_path, claims(), name="worse.csv")["upload"]
    detect(*week)
    alarmed = answer("events", "--all").document
    assert answer("undo", upload).code == 0
    detect(*week)
    load(tmp_path, claims(), name="worse.csv")
    detect(*week)
    assert answer("events", "--all").document == alarmed
    assert {event["episode"] for event in alarmed} == {1}


def test_order_of_loading_and_splits_into_files_change_no_figure(tmp_path: Path):
    whole = claims()
    weeks = [sunday(MONDAY, week) for week in (LAST - 2, LAST - 1, LAST)]
    shuffled = whole.sample(fraction=1, shuffle=True, seed=5)
    ways = {
        "In order": [whole],
        "Shuffled": [shuffled],
        "By payer, last first": [whole.filter(pl.col("payer") == name) for name in ("Cigna", "Aetna")],
        "In thirds": [shuffled[0::3], shuffled[1::3], shuffled[2::3]],
    }
    found = []
    for name, parts in ways.items():
        practice = customer(name)
        for number, part in enumerate(parts):
            load(tmp_path, part, customer=name, name=f"{name} {number}.csv")
        for day in weeks:
            detect("--as-of", day, customer=name)
        found.append(
            (figures(practice), [_named(event) for event in answer("events", "--all", customer=name).document])
        )
    assert all(each == found[0] for each in found[1:])
    assert found[0][1]


def _named(event: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name not in ("id", "parent")}
