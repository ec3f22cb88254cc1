"""Runs asked for over the API: answered at once and judged after, once; what reads runs sees none that waits."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from payerwatch.audit.models import Entry
from payerwatch.drift.actions import NothingToJudge, begin_run
from payerwatch.drift.models import DriftRun
from payerwatch.judging import asked_runs
from payerwatch.tenancy.context import acting_in
from payerwatch.web.api.drift_runs import DriftRunBody
from payerwatch.web.api.uploads import UploadBody
from tests.api.loaded import Loaded, Work, loaded
from tests.drift.invented import history
from tests.drift.run_off_claims import as_known_on, claims_of, denying_more, detect, load, sunday
from tests.make import answer, row, upload, words

pytestmark = pytest.mark.django_db(transaction=True)

MONDAY = date(2024, 1, 1)
LAST = 57


def drifting_claims() -> pl.DataFrame:
    claims = claims_of(history(series=4, payers=2, weeks=LAST + 1, volume=20))
    return denying_more(claims, pl.col("payer") == "Aetna", MONDAY + timedelta(weeks=50), date(2030, 1, 1))


def start(practice: Loaded, **body: Any) -> dict[str, Any]:
    answer = practice.ask("POST", "drift-runs/", body)
    assert answer.status == 202, answer
    return dict(answer.document)


def look(practice: Loaded, run: dict[str, Any]) -> dict[str, Any]:
    return dict(practice.get(f"drift-runs/{run['id']}/"))


def events(practice: Loaded) -> list[dict[str, Any]]:
    shown = practice.get("drift-events/", page_size="200")["results"]
    return sorted(({**each, "id": "", "parent": ""} for each in shown), key=repr)


def entries(practice: Loaded) -> list[tuple[str, str, str, str, Any]]:
    with acting_in(practice.customer):
        found = Entry.objects.filter(thing_kind="drift_run").order_by("position")
        return [(e.verb, e.actor_kind, e.thing_id, e.outcome, json.loads(e.detail)["after"]) for e in found]


def test_a_run_is_answered_at_once_and_judged_after(practice: Loaded, steps: list[Work], tmp_path: Path):
    load(tmp_path, drifting_claims())
    answered = practice.ask("POST", "drift-runs/", {})
    run = answered.document
    assert (answered.status, run["state"], run["as_of_week"], run["tests"]) == (202, "requested", None, None)
    location = dict(answered.headers)["Location"]
    assert location == f"/api/v1/drift-runs/{run['id']}/"
    assert look(practice, run) == run
    [step] = steps
    step()
    done = look(practice, run)
    assert (done["state"], done["series_checked"], done["changed_events"]) == ("done", 4, True)
    assert (done["opened"], done["same_as"], done["refusal"]) == (len(events(practice)), None, None)
    assert done["opened"] >= 3


def test_it_finds_what_the_command_finds(practice: Loaded, steps_done: None, tmp_path: Path):
    claims, day = drifting_claims(), sunday(MONDAY, LAST - 2)
    by_command = loaded("By command")
    for who in (practice, by_command):
        load(tmp_path, claims, customer=who.customer.name)
    command = detect("--as-of", day, customer="By command")
    run = look(practice, start(practice, as_of=day.isoformat()))
    same = ("as_of_week", "series_checked", "tests", "opened", "updated", "closed", "not_judged", "changed_events")
    assert {name: run[name] for name in same} == {name: command[name] for name in same}
    assert events(practice) == events(by_command)


def test_while_one_waits_asking_the_same_gives_that_one(practice: Loaded, steps: list[Work], tmp_path: Path):
    load(tmp_path, drifting_claims())
    first, other = start(practice), start(practice, as_of="2025-01-05")
    assert start(practice)["id"] == first["id"] != other["id"]
    for step in [*steps, *steps]:
        step()
    assert [look(practice, each)["state"] for each in (first, other)] == ["done", "done"]
    assert len(practice.get("drift-runs/")["results"]) == 2
    assert [verb for verb, *_ in entries(practice)] == ["request"] * 3 + ["detect"] * 2


def begin(practice: Loaded, run: dict[str, Any]) -> None:
    """As the step does before it judges."""
    with acting_in(practice.customer):
        begin_run(run["id"])


def test_one_that_is_running_is_given_to_who_asks_for_the_same(practice: Loaded, steps: list[Work], tmp_path: Path):
    load(tmp_path, drifting_claims())
    first = start(practice)
    begin(practice, first)
    again = start(practice)
    assert (again["id"], again["state"]) == (first["id"], "running")
    assert start(practice, as_of="2025-01-05")["id"] != first["id"]
    for step in steps:
        step()
    assert [look(practice, first)["state"], len(practice.get("drift-runs/")["results"])] == ["done", 2]


def load_more(folder: Path, _upload: str) -> None:
    upload(folder, [row(number="M1", submitted="2025-01-06")], name="more.csv")


def take_back(_folder: Path, loaded_before: str) -> None:
    assert answer("undo", loaded_before).code == 0


@pytest.mark.parametrize("change", [load_more, take_back])
def test_one_that_began_before_the_data_changed_is_not_given_to_who_asks_then(
    change: Callable[[Path, str], None], practice: Loaded, steps: list[Work], tmp_path: Path
):
    loaded_before = load(tmp_path, drifting_claims())["upload"]
    first = start(practice)
    begin(practice, first)
    change(tmp_path, loaded_before)
    second = start(practice)
    assert (second["state"], second["id"] != first["id"]) == ("requested", True)
    assert start(practice)["id"] == second["id"]


def test_one_that_has_ended_is_not_given_to_who_asks_then(practice: Loaded, steps_done: None, tmp_path: Path):
    load(tmp_path, drifting_claims())
    assert start(practice)["id"] != start(practice)["id"]
    assert start(practice, as_of="1990-01-01")["id"] != start(practice, as_of="1990-01-01")["id"]


def test_one_that_the_release_before_began_keeps_nobody_from_asking(
    practice: Loaded, steps: list[Work], tmp_path: Path
):
    """It knows nothing of what a run waits for, nor of what it began with."""
    load(tmp_path, drifting_claims())
    first = start(practice)
    with acting_in(practice.customer):
        DriftRun.objects.update(state="running")
    second = start(practice)
    assert second["id"] != first["id"]
    assert start(practice)["id"] == second["id"]


def test_what_was_judged_before_names_the_run_that_has_the_figures(practice: Loaded, steps_done: None, tmp_path: Path):
    load(tmp_path, drifting_claims())
    first, before = start(practice), events(practice)
    second = look(practice, start(practice))
    assert (second["state"], second["same_as"], second["tests"]) == ("done", first["id"], None)
    assert second["as_of_week"] == look(practice, first)["as_of_week"]
    assert events(practice) == before
    assert detect()["run"] == first["id"]
    *_, after = entries(practice)[-2]
    assert (after["same_as"], after["repeated"]) == (first["id"], True)


def test_without_claims_the_run_is_refused_with_its_reason(practice: Loaded, steps_done: None):
    run = look(practice, start(practice))
    assert (run["state"], run["refusal"]["code"]) == ("refused", "nothing_to_judge")
    told = {"message": "No claims are loaded.", "where": "", "fix": "Load a file of claims first."}
    assert run["refusal"] == {"code": "nothing_to_judge", **told}
    assert entries(practice)[-1] == ("detect", "job", run["id"], "refused", {"code": "nothing_to_judge"})


def test_a_file_and_a_run_are_refused_in_one_shape():
    by_file, by_run = UploadBody().fields["refusal"], DriftRunBody().fields["refusal"]
    assert list(by_file.fields) == list(by_run.fields) == list(NothingToJudge("").as_dict())


def test_a_day_before_all_claims_is_refused(practice: Loaded, steps_done: None, tmp_path: Path):
    upload(tmp_path, [row()])
    assert look(practice, start(practice, as_of="1990-01-01"))["refusal"]["code"] == "nothing_to_judge"
    assert answer("detect", "--as-of", "1990-01-01").error["code"] == "nothing_to_judge"


@pytest.mark.parametrize(
    "day", ["0001-01-01", "2101-01-01", "2026-1-5", "20260105", "05.01.2026", 2026, "2026-02-30", ""]
)
def test_what_is_no_day_is_refused(practice: Loaded, steps: list[Work], day: Any):
    answered = practice.ask("POST", "drift-runs/", {"as_of": day})
    assert (answered.status, answered.document["errors"][0]["pointer"]) == (400, "/as_of")
    assert steps == []


@pytest.mark.parametrize("day", ["1989-12-31", "2101-01-01"])
def test_a_day_outside_of_those_that_can_be_judged_is_told_which_can(practice: Loaded, steps: list[Work], day: str):
    complaint = practice.ask("POST", "drift-runs/", {"as_of": day}).document["errors"][0]
    assert complaint["detail"] == "Give a day from 1990-01-01 to 2100-12-31."


def test_nothing_that_reads_runs_sees_one_that_waits_or_was_refused(
    practice: Loaded, steps: list[Work], tmp_path: Path
):
    assert "Nothing was judged yet" in words("series")
    start(practice)
    steps.pop()()  # refused
    load(tmp_path, drifting_claims())
    start(practice, as_of="2030-01-01")
    assert "Nothing was judged yet" in words("series")
    assert practice.get("dashboard/")["as_of"] is None
    run = detect()["run"]
    assert {each["run"] for each in answer("series").document} == {run}
    event = events(practice)[0]
    assert event["as_of_week"] == practice.get("dashboard/")["as_of"]["week"]
    [upload_id] = [each["id"] for each in practice.get("uploads/")["results"]]
    assert answer("undo", upload_id).code == 0
    assert events(practice) == []


def test_what_waits_is_taken_up_and_done_once(practice: Loaded, steps: list[Work], tmp_path: Path):
    other = loaded("Other practice")
    for who in (practice, other):
        load(tmp_path, drifting_claims(), customer=who.customer.name)
    runs = {who.customer.name: start(who) for who in (practice, other)}
    with acting_in(other.customer):
        DriftRun.objects.update(state="running")  # the server ended while it judged
    steps.clear()
    asked_runs.take_up_waiting_runs()
    asked_runs.take_up_waiting_runs()
    assert len(steps) == 4
    for step in steps:
        step()
    for who in (practice, other):
        assert look(who, runs[who.customer.name])["state"] == "done"
        assert [verb for verb, *_ in entries(who)] == ["request", "detect"]
    steps.clear()
    asked_runs.take_up_waiting_runs()
    assert steps == []


def test_a_week_judged_later_than_the_run_changes_no_event(practice: Loaded, steps_done: None, tmp_path: Path):
    load(tmp_path, as_known_on(drifting_claims(), sunday(MONDAY, LAST)))
    start(practice)
    before = events(practice)
    earlier = look(practice, start(practice, as_of=sunday(MONDAY, LAST - 5).isoformat()))
    assert (earlier["state"], earlier["changed_events"], earlier["opened"]) == ("done", False, 0)
    assert events(practice) == before
    assert [each["id"] for each in practice.get("drift-runs/", as_of_week=earlier["as_of_week"])["results"]] == [
        earlier["id"]
    ]


def test_a_key_that_may_only_load_starts_a_run_and_does_not_read_it(practice: Loaded, steps: list[Work]):
    loader = loaded("Loader", "claims.load")
    answered = loader.ask("POST", "drift-runs/", {})
    assert answered.status == 202
    assert loader.ask("GET", f"drift-runs/{answered.document['id']}/").status == 403
