"""`series` as a person and a script meet it."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.drift.invented import history
from tests.drift.run_off_claims import claims_of, denying_more, detect, load, sunday
from tests.make import answer, customer, words

pytestmark = pytest.mark.django_db

MONDAY = date(2024, 1, 1)


def series(*, customer: str = "Practice") -> dict[tuple[str, str | None, str], dict[str, Any]]:
    found = answer("series", customer=customer).document
    return {(each["payer"], each["cpt_group"], each["measure"]): each for each in found}


def test_before_a_first_detection_nothing_is_listed():
    customer()
    assert answer("series").document == []
    assert "Run: payerwatch detect" in words("series")


def test_every_pair_and_payer_is_listed_once_for_each_measure(tmp_path: Path):
    customer()
    load(tmp_path, claims_of(history(series=4, payers=2, weeks=58, volume=20)))
    detect()
    found = series()
    assert len(found) == len(answer("series").document) == 2 * (4 + 2)
    assert all(each["judged"] for each in found.values())
    assert {payer for payer, _, _ in found} == {"Aetna", "Cigna"}


def test_a_young_series_says_how_much_it_has_learned(tmp_path: Path):
    customer()
    claims = claims_of(history(series=4, payers=2, weeks=58, volume=20))
    young = (pl.col("payer") == "Cigna") & (pl.col("cpt") == "99213")
    load(tmp_path, claims.filter(~young | (pl.col("submitted") >= MONDAY + timedelta(weeks=44))))
    detect()
    learning = series()["Cigna", "office_visits", "denial_rate"]
    decided_from = 44 if learning["baseline_weeks"] == 6 else 45
    assert learning["says"] == f"learning, {50 - decided_from} of 8 weeks"
    assert (learning["judged"], learning["reason"], learning["p_value"]) == (False, "learning", None)
    assert f"Cigna / office_visits denial_rate {learning['says']}" in words("series")


def test_too_few_says_what_there_is_and_what_is_needed(tmp_path: Path):
    customer()
    claims = claims_of(history(series=4, payers=2, weeks=58, volume=20))
    group = (pl.col("payer") == "Cigna") & (pl.col("cpt") == "99213")
    stopped = group & (pl.col("submitted") >= MONDAY + timedelta(weeks=40))
    sparse = (pl.col("payer") == "Aetna") & (pl.col("cpt") == "99213")
    kept = claims.filter(~stopped).filter(~sparse | (pl.int_range(pl.len()) % 25 == 0))
    load(tmp_path, kept)
    detect()
    found = series()
    assert found["Cigna", "office_visits", "denial_rate"]["says"] == "too few claims: 0 decided lately, 8 needed"
    baseline = found["Aetna", "office_visits", "denial_rate"]["baseline_decided"]
    assert 0 < baseline < 50
    few = found["Aetna", "office_visits", "denial_rate"]
    assert few["says"] == f"too few claims: {baseline} decided in the baseline, 50 needed"
    assert "decisions expected lately, 5 needed" in found["Cigna", "office_visits", "days_to_decision"]["says"]


def test_what_was_found_is_told_by_direction_and_tier(tmp_path: Path):
    customer()
    claims = claims_of(history(seed=3, series=4, payers=2, weeks=58, volume=20))
    changed = MONDAY + timedelta(weeks=50)
    load(tmp_path, denying_more(claims, pl.col("payer") == "Aetna", changed, date(2030, 1, 1)))
    detect()
    found = series()
    assert found["Aetna", None, "denial_rate"]["says"] == "worse: alert"
    assert found["Aetna", None, "denial_rate"]["tier"] == "alert"
    assert found["Cigna", None, "denial_rate"]["says"] == "as usual"


def test_days_to_decision_without_pending_claims_says_so(tmp_path: Path):
    customer()
    claims = claims_of(history(series=4, payers=2, weeks=58, volume=20))
    load(tmp_path, claims.filter(pl.col("status") != "Pending"))
    detect()
    assert {each["says"] for each in series().values() if each["measure"] == "days_to_decision"} == {
        "not judged: no pending claims"
    }


def test_the_newest_week_is_listed_whichever_was_judged_last(tmp_path: Path):
    customer()
    load(tmp_path, claims_of(history(series=2, payers=1, weeks=58, volume=20)))
    detect()
    newest = answer("series").document
    detect("--as-of", sunday(MONDAY, 40))
    assert answer("series").document == newest
    assert "Week of 2025-02-03" in words("series")


def test_another_customers_series_are_not_listed(tmp_path: Path):
    customer("Other")
    customer()
    load(tmp_path, claims_of(history(series=2, payers=1, weeks=30, volume=20)), customer="Other")
    detect(customer="Other")
    assert answer("series").document == []
    assert len(series(customer="Other")) == 6
