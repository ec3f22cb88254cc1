"""`detect` from files of claims to stored figures: the right numbers, and only what was known at the time."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from payerwatch.drift.cells import last_whole_week
from payerwatch.drift.models import DriftEvent, DriftRun
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests.drift.invented import history
from tests.drift.run_off_claims import as_known_on, claims_of, denying_more, detect, load, slower, sunday
from tests.drift.test_golden_vectors import arrays as golden_arrays
from tests.drift.test_golden_vectors import golden
from tests.make import answer, customer, denied, pending, row, upload, words

pytestmark = [pytest.mark.django_db, pytest.mark.untraced]

MONDAY = date(2024, 1, 1)
AETNA = pl.col("payer") == "Aetna"


@pytest.fixture
def practice() -> Customer:
    return customer()


def run_named(practice: Customer, public_id: str) -> DriftRun:
    with acting_in(practice):
        return DriftRun.objects.get(public_id=public_id)


def judged_series(run: DriftRun) -> list[dict[str, Any]]:
    return [node for node in run.nodes if node["cpt_group"] and node["worse"]]


# What each code of `run_off_claims.CODES` is grouped as, in the same order.
GROUPS = {
    "99213": "office_visits",
    "97110": "physical_therapy",
    "80053": "laboratory",
    "70450": "imaging_advanced",
    "71046": "imaging",
    "90837": "behavioral_health",
    "93000": "heart_lung_tests",
    "11102": "surgery_skin",
    "96413": "infusions",
    "98940": "chiropractic",
}
GOLDEN_PAYERS = ("aetna", "cigna", "humana")


def series_names(payer_of_series: np.ndarray) -> list[tuple[str, str]]:
    groups = list(GROUPS.values())
    return [(GOLDEN_PAYERS[payer], groups[number % 10]) for number, payer in enumerate(payer_of_series)]


@pytest.mark.parametrize("history_name", ["slower_denials", "faster_denials", "slower_payers"])
def test_stored_figures_agree_with_the_golden_vectors(practice: Customer, tmp_path: Path, history_name: str):
    arrays = golden_arrays(history_name)
    names = series_names(arrays.payer)
    load(tmp_path, claims_of(arrays))
    compared = 0
    for number, week in list(enumerate(golden()["weeks"].tolist()))[::2]:
        run = run_named(practice, detect("--as-of", sunday(MONDAY, week))["run"])
        for node in judged_series(run):
            series = names.index((node["payer"].lower(), node["cpt_group"]))
            for said, kept in (("p_value", "p"), ("effect", "effect")):
                expected = golden()[f"{history_name}/{node['measure']}/{kept}"][number, series]
                assert node["worse"][said] == pytest.approx(expected, abs=1e-9, rel=0)
            compared += 1
    assert compared == 4 * 60


def test_decided_claims_only_agree_with_the_golden_vectors_by_lag(practice: Customer, tmp_path: Path):
    arrays = golden_arrays("slower_denials")
    names = series_names(arrays.payer)
    load(tmp_path, claims_of(arrays).filter(pl.col("status") != "Pending"))
    run = run_named(practice, detect("--as-of", sunday(MONDAY, 71))["run"])
    assert run.pending_known is False
    judged = judged_series(run)
    assert {node["measure"] for node in judged} == {"denial_rate"}
    for node in judged:
        series = names.index((node["payer"].lower(), node["cpt_group"]))
        expected = golden()["slower_denials/lag_denial_rate/p"][-1, series]
        assert node["worse"]["p_value"] == pytest.approx(expected, abs=1e-9, rel=0)
    assert len(judged) == 30


def drifting_claims(last_week: int = 63) -> pl.DataFrame:
    """Two payers and six series over 64 weeks; from week 50 Aetna denies more and Cigna decides later."""
    claims = claims_of(history(series=6, payers=2, weeks=last_week + 1, volume=25))
    changed = MONDAY + timedelta(weeks=50)
    claims = denying_more(claims, AETNA, changed, date(2030, 1, 1))
    claims = slower(claims, pl.col("payer") == "Cigna", changed, days=14)
    return as_known_on(claims, sunday(MONDAY, last_week))


def told(practice: Customer) -> list[dict[str, Any]]:
    """Every event as programs read it, ids left out."""
    found = answer("events", "--all", customer=practice.name).document
    return [{name: value for name, value in event.items() if name not in ("id", "parent")} for event in found]


def test_a_past_week_is_judged_on_what_was_known_then(tmp_path: Path):
    today, then = customer("Today"), customer("Then")
    claims, week = drifting_claims(), 57
    load(tmp_path, claims, customer="Today", name="today.csv")
    load(tmp_path, as_known_on(claims, sunday(MONDAY, week)), customer="Then", name="then.csv")
    for back in (3, 2, 1, 0):
        day = sunday(MONDAY, week - back)
        runs = [run_named(who, detect("--as-of", day, customer=who.name)["run"]) for who in (today, then)]
        assert runs[0].data_version == runs[1].data_version
        assert runs[0].nodes == runs[1].nodes
    assert told(today) == told(then)
    assert len(told(today)) >= 2


def test_the_default_is_the_last_whole_week_loaded(practice: Customer, tmp_path: Path):
    claims = drifting_claims()
    load(tmp_path, as_known_on(claims, sunday(MONDAY, 60) - timedelta(days=1)))
    document = detect()
    assert document["watermark"] == "2025-03-01"
    assert document["as_of_week"] == (MONDAY + timedelta(weeks=59)).isoformat()


@pytest.mark.parametrize(
    ("day", "monday"),
    [
        (date(2024, 1, 7), date(2024, 1, 1)),
        (date(2024, 1, 8), date(2024, 1, 1)),
        (date(2024, 1, 13), date(2024, 1, 1)),
        (date(2024, 1, 14), date(2024, 1, 8)),
        (date(2024, 2, 29), date(2024, 2, 19)),
    ],
)
def test_a_week_is_whole_on_its_sunday(day: date, monday: date):
    assert last_whole_week(day) == monday


def test_a_claim_of_sunday_belongs_to_the_week_before_mondays(practice: Customer, tmp_path: Path):
    days = ["2026-01-11", "2026-01-12", "2026-01-18"]
    rows = [pending(number=f"C{day}", submitted=day) for day in days]
    upload(tmp_path, [*rows, row(number="C9", submitted="2026-01-05", decided="2026-01-19")])
    assert detect("--as-of", "2026-01-17")["as_of_week"] == "2026-01-05"
    assert detect("--as-of", "2026-01-18")["as_of_week"] == "2026-01-12"


def test_a_decision_of_the_next_monday_is_still_pending(practice: Customer, tmp_path: Path):
    upload(tmp_path, [row(submitted="2026-01-05", decided="2026-01-12"), pending(number="C2", submitted="2026-01-18")])
    before = run_named(practice, detect("--as-of", "2026-01-11")["run"])
    after = run_named(practice, detect("--as-of", "2026-01-18")["run"])
    waiting = [node["most_claims"] for node in (*before.nodes, *after.nodes) if node["measure"] == "denial_rate"]
    assert waiting == [0, 0, 1, 1]


def test_before_the_first_claim_there_is_nothing_to_judge(practice: Customer, tmp_path: Path):
    upload(tmp_path, [row()])
    refused = answer("detect", "--as-of", "2025-12-31")
    assert "2025-12-22" in refused.error["message"]
    assert refused.error["fix"] == "Choose a later day."


def test_with_nothing_loaded_there_is_nothing_to_judge(practice: Customer):
    refused = answer("detect")
    assert refused.error["message"] == "No claims are loaded."
    assert refused.error["fix"] == "Load a file of claims first."
    assert "Refused: No claims are loaded." in words("detect")


def test_after_everything_was_undone_there_is_nothing_to_judge(practice: Customer, tmp_path: Path):
    document = upload(tmp_path, [row(), denied(number="C2")])
    assert answer("undo", document["upload"]).code == 0
    assert answer("detect").error["message"] == "No claims are loaded."


def test_a_day_long_after_the_data_is_judged_as_its_last_week_and_called_stale(practice: Customer, tmp_path: Path):
    upload(tmp_path, [row(), pending(number="C2", submitted="2026-01-25")])
    fresh, stale = detect("--as-of", "2026-02-04"), detect("--as-of", "2026-02-05")
    assert (fresh["stale"], stale["stale"]) == (False, True)
    assert stale["as_of_week"] == fresh["as_of_week"] == "2026-01-19"
    assert "nothing after 2026-01-25 is loaded" in words("detect", "--as-of", "2026-02-05")


def test_decided_claims_only_are_said_so_and_judged_provisionally(practice: Customer, tmp_path: Path):
    claims = drifting_claims().filter(pl.col("status") != "Pending")
    load(tmp_path, claims)
    document = detect()
    assert document["pending_known"] is False
    assert document["not_judged"] == {"no_pending": 8}
    found = answer("events").document
    assert {event["measure"] for event in found} == {"denial_rate"}
    assert {event["payer"] for event in found} == {"Aetna"}
    assert all(event["provisional"] for event in found)
    said = words("detect")
    assert "decided claims only" in said
    assert "provisional" in said


def test_of_a_decided_export_weeks_long_past_are_fully_known(practice: Customer, tmp_path: Path):
    load(tmp_path, drifting_claims().filter(pl.col("status") != "Pending"))
    document = detect("--as-of", sunday(MONDAY, 44))
    assert document["pending_known"] is True
    assert "no_pending" not in document["not_judged"]


def test_a_history_that_was_decided_to_its_end_is_fully_known(practice: Customer, tmp_path: Path):
    claims = claims_of(history(series=6, payers=2, weeks=64, volume=25))
    load(tmp_path, claims.filter((pl.col("submitted") <= sunday(MONDAY, 45)) & (pl.col("status") != "Pending")))
    for options in ([], ["--as-of", sunday(MONDAY, 45)]):
        document = detect(*options)
        assert document["pending_known"] is True
        assert "no_pending" not in document["not_judged"]


def test_when_all_payers_fall_silent_the_feed_is_blamed(practice: Customer, tmp_path: Path):
    claims = claims_of(history(series=6, payers=3, weeks=64, volume=25))
    silent = MONDAY + timedelta(weeks=61)
    stalled = as_known_on(claims, silent - timedelta(days=1))
    lost = pl.col("submitted").is_between(silent, sunday(MONDAY, 63))
    still_sent = claims.filter(lost).with_columns(
        decided=None, status=pl.lit("Pending"), allowed=pl.lit("0.00"), reason=pl.lit("")
    )
    load(tmp_path, pl.concat([stalled, still_sent.cast(dict(stalled.schema))]))
    document = detect()
    assert document["data_feed_stalled"] is True
    assert document["not_judged"] == {"data_feed_stalled": 9}
    with acting_in(practice):
        assert not DriftEvent.objects.filter(measure="days_to_decision").exists()
    assert "check the data feed" in words("detect")


def test_one_silent_payer_is_that_payers_delay(practice: Customer, tmp_path: Path):
    claims = claims_of(history(series=6, payers=3, weeks=64, volume=25))
    claims = slower(claims, AETNA, MONDAY + timedelta(weeks=58), days=60)
    load(tmp_path, as_known_on(claims, sunday(MONDAY, 63)))
    assert detect()["data_feed_stalled"] is False
    found = answer("events").document
    assert {(event["payer"], event["measure"]) for event in found} == {("Aetna", "days_to_decision")}
