"""`claims/payer_summary/`: right to the claim, by whole weeks, from the cells alone."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.api.loaded import Loaded
from tests.make import denied, pending, row, upload

pytestmark = pytest.mark.django_db(transaction=True)

# Mondays: 5 and 12 January 2026.
ROWS = [
    row(number="1", submitted="2026-01-05", decided="2026-01-15"),
    row(number="2", submitted="2026-01-11", decided="2026-01-31", cpt="97110"),
    denied(number="3", submitted="2026-01-12", decided="2026-01-15"),
    denied(number="4", submitted="2026-01-13", decided="2026-01-14", reason="CO-18"),
    pending(number="5", submitted="2026-01-14"),
    row(number="6", submitted="2026-01-14", billed="0.00"),
    pending(number="7", submitted="2026-01-20", payer="Cigna"),
]


def summary(practice: Loaded, **query: str) -> dict[str, Any]:
    return {each["payer"]: each for each in practice.get("claims/payer_summary/", **query)["results"]}


def test_each_payer_in_a_line(practice: Loaded, tmp_path: Path):
    upload(tmp_path, ROWS)
    found = summary(practice)
    assert list(found) == ["Aetna", "Cigna"]
    aetna = found["Aetna"]
    del aetna["id"]
    assert aetna == {
        "payer": "Aetna",
        "claims": 5,
        "decided": 4,
        "denied": 1,
        "denial_rate": 1 / 3,
        "denial_rate_of": 3,
        "days_to_decision": (10 + 20 + 3 + 1) / 4,
        "billed_amount": 602.5,
        "allowed_amount": 160.0,
        "paid_amount": 160.0,
    }
    cigna = found["Cigna"]
    assert (cigna["claims"], cigna["decided"], cigna["denial_rate"], cigna["days_to_decision"]) == (1, 0, None, None)


@pytest.mark.parametrize(
    ("query", "claims"),
    [
        ({"submitted_from": "2026-01-07"}, {"Aetna": 5, "Cigna": 1}),
        ({"submitted_from": "2026-01-12"}, {"Aetna": 3, "Cigna": 1}),
        ({"submitted_from": "2026-01-18"}, {"Aetna": 3, "Cigna": 1}),
        ({"submitted_from": "2026-01-19"}, {"Cigna": 1}),
        ({"submitted_from": "0001-01-01"}, {"Aetna": 5, "Cigna": 1}),
        ({"submitted_to": "2026-01-11"}, {"Aetna": 2}),
        ({"submitted_to": "2026-01-12"}, {"Aetna": 5}),
        ({"submitted_to": "2026-01-04"}, {}),
        ({"payer": "cigna"}, {"Cigna": 1}),
        ({"cpt_group": "physical_therapy"}, {"Aetna": 1}),
        ({"cpt_group": "physical_therapy", "payer": "cigna"}, {}),
    ],
)
def test_filters_are_of_whole_weeks(practice: Loaded, tmp_path: Path, query: dict[str, str], claims: dict[str, int]):
    upload(tmp_path, ROWS)
    assert {name: each["claims"] for name, each in summary(practice, **query).items()} == claims


def test_it_costs_one_query_behind_the_door_whatever_is_loaded_and_reads_no_claim(practice: Loaded, tmp_path: Path):
    for size in (2, 30):
        rows = [row(number=f"{size}-{number}", payer=f"Payer {number}") for number in range(size)]
        upload(tmp_path, rows, name=f"{size}.csv")
        practice.get("me/")  # which may note that the key was used, as is done once a minute
        with CaptureQueriesContext(connection) as asked:
            assert len(practice.get("claims/payer_summary/", page_size="200")["results"]) == size
        told = [each["sql"] for each in asked]
        behind = [each for each in told if re.search('FROM "(drift|claims)_', each)]
        assert len(behind) == 1, behind
        assert not any('"claims_claim"' in each for each in told)
        assert sum(each.startswith("SELECT") for each in told) <= 3, told
