"""A file of claims in, a named drift out, by the command line alone."""

import json
import os
import re
import shlex
from pathlib import Path

import pytest

from tests.journeys.conftest import Installation, assert_cells_are_right

pytestmark = pytest.mark.database


def test_a_practice_learns_which_payer_changed(installation: Installation, tmp_path: Path):
    made = installation.run(
        *("sample", tmp_path, "--seed", "5", "--weeks", "60", "--claims-per-week", "250"),
        *("--until", "2026-06-28", "--drift", "denial"),
    )
    assert made.code == 0, made
    drifts = json.loads((tmp_path / "truth.json").read_text())["drifts"]
    loaded = installation.ask("load", tmp_path / "claims.csv")
    assert loaded["rows"] == loaded["accepted"] == loaded["new_claims"] > 10_000
    assert "Patient Name" in loaded["dropped_columns"]
    assert_cells_are_right(installation)
    run = installation.ask("detect")
    assert run["as_of_week"] == "2026-06-22"
    assert run["opened"] > 0
    events = installation.ask("events", "--watch")
    found = {(event["measure"], event["payer"], event["direction"]) for event in events}
    assert {(drift["measure"], drift["payer"], "worse") for drift in drifts} & found
    told = installation.run("explain", events[0]["id"], "--customer", "Practice")
    assert told.code == 0, told
    assert events[0]["payer"] in told.out
    assert installation.run("add_customer", "Other").code == 0
    foreign = installation.run("explain", events[0]["id"], "--customer", "Other", "--json")
    assert (foreign.code, foreign.document["error"]["code"]) == (1, "unknown_event")
    assert installation.ask("events", "--all", customer="Other") == []
    assert installation.ask("detect")["run"] == run["run"]
    assert installation.ask("load", tmp_path / "claims.csv")["already_loaded"] is True
    undone = installation.ask("undo", loaded["upload"])
    assert undone["removed_claims"] == loaded["new_claims"]
    assert installation.stored()["drift_runoffcell"] == []


# The sample files of practices


@pytest.fixture
def samples() -> Path:
    directory = os.environ.get("PAYERWATCH_SAMPLES_DIR", "")
    if not directory:
        pytest.skip("PAYERWATCH_SAMPLES_DIR names no folder of sample files")
    return Path(directory) / "claims"


@pytest.mark.once
def test_a_practice_export_loads_without_a_flag(installation: Installation, samples: Path):
    loaded = installation.ask("load", samples / "practice_export.csv")
    assert loaded["rows"] == loaded["accepted"] + loaded["set_aside"] == 2_800
    assert loaded["new_claims"] == loaded["accepted"]
    stored = installation.stored()
    assert len({claim["payer_id"] for claim in stored["claims_claim"]}) == len(stored["claims_payer"]) == 10
    assert [claim["outcome"] for claim in stored["claims_claim"]].count("pending") == 225
    assert_cells_are_right(installation)
    run = installation.ask("detect")
    assert run["series_checked"] > 0
    assert run["not_judged"]


@pytest.mark.once
def test_an_export_without_decision_dates_is_refused_with_the_mapping_that_loads_what_can_be(
    installation: Installation, samples: Path
):
    path = samples / "no_decision_date.csv"
    before = installation.stored()
    refused = installation.run("load", path, "--customer", "Practice")
    assert refused.code == 1
    assert "decided_date" in refused.err
    assert installation.stored() == before
    mapping = re.search(r"--mapping '[^']+'", refused.err)
    assert mapping is not None
    loaded = installation.ask("load", path, *shlex.split(mapping[0]))
    assert loaded["rows"] == loaded["accepted"] + loaded["set_aside"] == 5_000
    assert f"{loaded['accepted']:,} of 5,000" in refused.err
    assert {claim["outcome"] for claim in installation.stored()["claims_claim"]} == {"pending"}
    assert_cells_are_right(installation)
