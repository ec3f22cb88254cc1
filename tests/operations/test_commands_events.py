"""`events` as a person and a script meet it."""

import json
import re
from datetime import date, timedelta
from io import StringIO
from pathlib import Path

import polars as pl
import pytest
from django.core.management import call_command

from payerwatch.drift.models import DriftEvent
from payerwatch.operations.wording import events_text
from payerwatch.tenancy.context import acting_in
from tests.drift.invented import history
from tests.drift.run_off_claims import as_known_on, claims_of, denying_more, detect, load, slower, sunday
from tests.make import answer, customer, words

pytestmark = pytest.mark.django_db

MONDAY = date(2024, 1, 1)
CHANGE = MONDAY + timedelta(weeks=50)
KINDS = {
    "id": str,
    "measure": str,
    "payer": str,
    "cpt_group": (str, type(None)),
    "parent": (str, type(None)),
    "direction": str,
    "tier": str,
    "status": str,
    "first_week": str,
    "alert_week": (str, type(None)),
    "as_of_week": str,
    "window": dict,
    "observed": int,
    "expected": float,
    "effect": float,
    "p_value": float,
    "q_value": float,
    "claims": int,
    "amount_at_risk": (float, type(None)),
    "top_denial_category": (str, type(None)),
}


def drifting(tmp_path: Path, name: str = "Practice", *, judged: tuple[int, ...] = (57,)) -> None:
    """Aetna denies half of its claims and Cigna decides ten days later, both from week 50 on."""
    practice = customer(name)
    claims = claims_of(history(series=4, payers=2, weeks=58, volume=25))
    claims = denying_more(claims, pl.col("payer") == "Aetna", CHANGE, date(2030, 1, 1))
    claims = slower(claims, pl.col("payer") == "Cigna", CHANGE, days=10)
    load(tmp_path, as_known_on(claims, sunday(MONDAY, 57)), customer=practice.name, name=f"{name}.csv")
    for week in judged:
        detect("--as-of", sunday(MONDAY, week), customer=name)


def shown(*options: str) -> str:
    """The list as it stands on a terminal, line by line."""
    out = StringIO()
    call_command("events", "--customer", "Practice", *options, stdout=out)
    return out.getvalue()


def test_each_event_has_every_field_in_its_kind(tmp_path: Path):
    drifting(tmp_path)
    found = answer("events", "--all").document
    assert found
    for event in found:
        for name, kind in KINDS.items():
            assert isinstance(event[name], kind), (name, event[name])
        assert re.fullmatch(r"evt_[a-z0-9]+", event["id"])
        assert event["measure"] in ("denial_rate", "days_to_decision")
        assert 0 <= event["p_value"] <= event["q_value"] <= 1
        for week in (event["first_week"], event["as_of_week"], event["window"]["first_week"]):
            assert date.fromisoformat(week).weekday() == 0


def test_effects_are_excess_rates_and_ratios(tmp_path: Path):
    drifting(tmp_path)
    effects = {(event["payer"], event["measure"]): event["effect"] for event in answer("events").document}
    assert 0.1 < effects["Aetna", "denial_rate"] < 0.6
    assert 0.1 < effects["Cigna", "days_to_decision"] < 0.9


def test_nothing_found_is_an_empty_list_and_a_plain_word(tmp_path: Path):
    customer()
    done = answer("events")
    assert (done.code, done.document) == (0, [])
    assert "Nothing to report." in words("events")


def test_another_customers_events_are_not_listed(tmp_path: Path):
    drifting(tmp_path, "Other")
    customer()
    assert answer("events", "--all").document == []
    assert len(answer("events", "--all", customer="Other").document) > 0


def test_series_stand_beneath_their_payer_and_do_not_repeat_its_sentence(tmp_path: Path):
    drifting(tmp_path)
    lines = shown().splitlines()
    head = next(number for number, line in enumerate(lines) if line.startswith("ALERT Aetna began denying more claims"))
    assert "decided" in lines[head]
    beneath = [line for line in lines[head + 2 : head + 4] if line.startswith("      ALERT ")]
    assert len(beneath) == 2
    for line in beneath:
        assert re.search(r"\d+ of \d+ denied, about \d+ were expected \(about \d+ points more\)", line)
        assert "at risk evt_" in line
        assert "Aetna" not in line
    assert sum("Aetna" in line for line in lines) == 1
    assert re.search(r"      ALERT Office visits: \d+ decided, about \d+ were expected \(0\.\d\dx\)", "\n".join(lines))


def test_every_event_of_the_document_stands_in_the_text(tmp_path: Path):
    drifting(tmp_path, judged=(53, 55, 57))
    for options in ([], ["--watch"], ["--all"]):
        text = shown(*options)
        for event in answer("events", *options).document:
            assert text.count(event["id"]) == 1


def test_an_open_event_that_is_back_to_usual_does_not_read_as_bad(tmp_path: Path):
    practice = customer()
    claims = claims_of(history(series=2, payers=1, weeks=70, volume=25))
    load(tmp_path, denying_more(claims, pl.lit(True), CHANGE, sunday(MONDAY, 53)))
    for week in range(50, 70):
        detect("--as-of", sunday(MONDAY, week))
        with acting_in(practice):
            event = DriftEvent.objects.select_related("payer").filter(cpt_group="", status="open").first()
            if event and event.history[-1]["calm"]:
                break
    assert event is not None
    with acting_in(practice):
        text = events_text([event])
    assert (event.status, event.tier) == ("open", "alert")
    assert "had begun denying more claims" in text
    assert "back to usual at the last look" in text
    assert "at risk" not in text


def test_certainty_is_kept_at_its_highest_and_told_as_it_is_now(tmp_path: Path):
    customer()
    claims = claims_of(history(series=2, payers=1, weeks=70, volume=25))
    load(tmp_path, denying_more(claims, pl.lit(True), CHANGE, sunday(MONDAY, 53)))
    weaker = []
    for week in range(50, 70):
        detect("--as-of", sunday(MONDAY, week))
        weaker += [
            event
            for event in answer("events").document
            if event["status"] == "open" and "evidence was stronger before" in event["sentence"]
        ]
    assert weaker
    assert {event["certainty"] for event in weaker} <= {"likely", "very_likely"}


def test_json_is_one_document_and_nothing_else(tmp_path: Path):
    drifting(tmp_path)
    assert isinstance(json.loads(shown("--json")), list)
