"""The dashboard says what the newest run left, what happened since, and never mixes the two."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from payerwatch.drift.models import DriftRun
from payerwatch.tenancy.context import acting_in
from tests.api.loaded import Loaded
from tests.api.test_drift_runs import LAST, MONDAY, drifting_claims
from tests.drift.run_off_claims import as_known_on, detect, load, sunday
from tests.make import answer, row, upload

pytestmark = pytest.mark.django_db(transaction=True)

NOTHING_SINCE = {"uploads_loaded": 0, "uploads_undone": 0, "mappings_changed": False}


def dashboard(practice: Loaded) -> Any:
    return practice.get("dashboard/")


def test_before_the_first_run_it_says_that_there_is_none(practice: Loaded, tmp_path: Path):
    shown = dashboard(practice)
    assert (shown["as_of"], shown["since"], shown["open_events"], shown["payers"]) == (None, None, [], [])
    assert (shown["loaded_until"], shown["stale"]) == (None, None)
    upload(tmp_path, [row(), row(number="C2", submitted="never")])
    shown = dashboard(practice)
    assert shown["recent_uploads"] == {"days": 7, "uploads": 1, "rows": 2, "set_aside": 1}
    assert (shown["as_of"], shown["loaded_until"]) == (None, "2026-01-20")


def test_it_tells_the_run_the_events_and_the_payers(practice: Loaded, tmp_path: Path):
    load(tmp_path, drifting_claims())
    run = detect()
    shown = dashboard(practice)
    as_of = shown["as_of"]
    assert (as_of["run"], as_of["week"], as_of["loaded_until"]) == (run["run"], run["as_of_week"], run["watermark"])
    assert (as_of["series"], as_of["tests"], as_of["not_judged"]) == (4, run["tests"], {})
    assert (as_of["false_discovery_rate"], as_of["very_likely_rate"]) == (0.1, 0.01)
    assert shown["since"] == NOTHING_SINCE
    active = practice.get("drift-events/active/", watch="true")["results"]
    told = ("id", "sentence", "payer", "cpt_group", "tier", "certainty", "amount_at_risk")
    assert [[each[name] for name in told] for each in shown["top_events"]] == [
        [each[name] for name in told] for each in active[:10]
    ]
    assert sum(each["events"] for each in shown["open_events"]) == len(active)
    assert shown["stale"] is True  # the invented claims are of years ago


@pytest.mark.parametrize("asked_for", [False, True])
def test_a_run_is_asked_for_before_it_ends_and_judged_when_it_does(
    asked_for: bool, practice: Loaded, steps_done: None, tmp_path: Path
):
    load(tmp_path, drifting_claims())
    if asked_for:
        practice.ask("POST", "drift-runs/", {})
    else:
        detect()
    [run] = practice.get("drift-runs/")["results"]
    assert run["requested_at"] < run["ended_at"] == dashboard(practice)["as_of"]["judged_at"]


def test_the_money_of_groups_is_not_added_to_their_payers(practice: Loaded, tmp_path: Path):
    load(tmp_path, drifting_claims())
    detect()
    active = practice.get("drift-events/active/")["results"]
    denials = [each for each in active if each["measure"] == "denial_rate"]
    whole = {each["payer"]: each["amount_at_risk"] for each in denials if each["cpt_group"] is None}
    alone = [each["amount_at_risk"] for each in denials if each["cpt_group"] and each["payer"] not in whole]
    assert len(denials) > len(whole) + len(alone)
    [kind] = [
        each
        for each in dashboard(practice)["open_events"]
        if (each["tier"], each["direction"], each["measure"]) == ("alert", "worse", "denial_rate")
    ]
    assert kind["events"] == len(denials)
    assert kind["amount_at_risk"] == pytest.approx(sum([*whole.values(), *alone]))


def test_rates_are_counted_by_week_of_decision(practice: Loaded, tmp_path: Path):
    claims = as_known_on(drifting_claims(), sunday(MONDAY, LAST))
    load(tmp_path, claims)
    detect()
    [aetna] = [each for each in dashboard(practice)["payers"] if each["payer"] == "Aetna"]
    first, last = MONDAY + timedelta(weeks=LAST - 3), sunday(MONDAY, LAST)
    of_aetna = claims.filter(pl.col("payer") == "Aetna")
    recent = of_aetna.filter(pl.col("decided").is_between(first, last))
    denied = recent.filter(pl.col("status") == "Denied").height
    assert (aetna["decided"], aetna["denied"]) == (recent.height, denied)
    assert aetna["denial_rate"] == denied / recent.height
    assert aetna["submitted"] == of_aetna.filter(pl.col("submitted").is_between(first, last)).height
    assert aetna["denial_rate"] > aetna["baseline"]["denial_rate"] > 0


def test_what_was_loaded_taken_back_or_mapped_since_is_said(practice: Loaded, tmp_path: Path):
    load(tmp_path, drifting_claims())
    detect()
    before = dashboard(practice)
    late = upload(tmp_path, [row(submitted="2025-01-02", decided="2025-01-20")], name="late.csv")
    assert dashboard(practice)["since"] == {**NOTHING_SINCE, "uploads_loaded": 1}
    assert answer("undo", late["upload"]).code == 0
    assert dashboard(practice)["since"] == {**NOTHING_SINCE, "uploads_loaded": 1, "uploads_undone": 1}
    answer("map_cpt_group", "00100", "unused")
    after = dashboard(practice)
    assert after["since"]["mappings_changed"] is True
    assert [after[name] for name in ("as_of", "top_events", "payers")] == [
        before[name] for name in ("as_of", "top_events", "payers")
    ]
    assert detect()["run"] == before["as_of"]["run"]  # the same data again
    assert dashboard(practice)["since"] == NOTHING_SINCE


def test_after_the_judged_weeks_were_taken_back_it_is_of_the_run_before(practice: Loaded, tmp_path: Path):
    claims, day = drifting_claims(), sunday(MONDAY, LAST - 2)
    load(tmp_path, as_known_on(claims, day))
    detect()
    before = dashboard(practice)
    newer = load(tmp_path, claims, name="newer.csv")
    detect()
    assert dashboard(practice)["as_of"]["week"] > before["as_of"]["week"]
    assert answer("undo", newer["upload"]).code == 0
    shown = dashboard(practice)
    assert shown["as_of"] == before["as_of"]
    assert shown["since"] == {**NOTHING_SINCE, "uploads_loaded": 1, "uploads_undone": 1}
    there = {each["id"]: each["sentence"] for each in practice.get("drift-events/", status="open")["results"]}
    assert {each["id"] for each in shown["top_events"]} <= set(there)


def test_a_run_made_before_summaries_were_kept_gets_one_when_judged_again(practice: Loaded, tmp_path: Path):
    load(tmp_path, drifting_claims())
    run = detect()["run"]
    with acting_in(practice.customer):
        DriftRun.objects.update(summary=None)
    assert dashboard(practice)["as_of"] is None
    assert detect()["run"] == run
    assert dashboard(practice)["as_of"]["run"] == run


def test_it_is_stale_ten_days_after_the_latest_date(practice: Loaded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)  # else a day could end between
    for days, stale in ((11, True), (10, False)):
        day = (now - timedelta(days=days)).date().isoformat()
        upload(tmp_path, [row(number=str(days), service=day, submitted=day, decided=day)], name=f"{days}.csv")
        assert dashboard(practice)["stale"] is stale


def test_it_costs_two_queries_behind_the_door_whatever_is_loaded(practice: Loaded, tmp_path: Path):
    counts = []
    for size in (4, 12):
        load(
            tmp_path,
            drifting_claims() if size == 4 else drifting_claims().with_columns(payer=pl.lit("Cigna")),
            name=f"{size}.csv",
        )
        detect()
        dashboard(practice)  # which may note that the key was used, as is done once a minute
        with CaptureQueriesContext(connection) as asked:
            dashboard(practice)
        told = [each["sql"] for each in asked]
        assert not any(f'"{table}"' in each for each in told for table in ("claims_claim", "drift_runoffcell"))
        counts.append(len(told))
    assert counts[0] == counts[1] <= 6
