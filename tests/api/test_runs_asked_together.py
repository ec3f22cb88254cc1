"""Many who ask for a run at the same moment are given the one that waits, and wait for no judgement."""

import os
from collections import Counter
from contextlib import nullcontext

import pytest
from django.db import connection

from payerwatch.drift import actions
from payerwatch.drift.actions import lock_findings
from payerwatch.drift.models import DriftRun
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.postgresql.roles import as_migrator
from tests.api.loaded import Loaded
from tests.api.world import Answer
from tests.together import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql, pytest.mark.proof]

ROUNDS = 200 if os.environ.get("PAYERWATCH_PROOF") == "full" else 4
ASKERS = 32
GUARD = "drift_driftrun_waiting_unique"


def asked_together(practice: Loaded) -> tuple[Counter[int], int, int]:
    """The answers by their status, how many runs they name, and how many wait."""
    with acting_in(practice.customer):
        DriftRun.objects.all().delete()
    answers: list[Answer] = []
    at_once(ASKERS, lambda _number: answers.append(practice.ask("POST", "drift-runs/", {"as_of": "2026-01-31"})))
    named = {each.document.get("id", "") for each in answers}
    with acting_in(practice.customer):
        return Counter(each.status for each in answers), len(named), DriftRun.objects.count()


def test_all_are_given_one_run(practice: Loaded):
    found = [asked_together(practice) for _ in range(ROUNDS)]
    assert found == [({202: ASKERS}, 1, 1)] * ROUNDS


def test_nobody_waits_for_a_judgement(practice: Loaded):
    with acting_in(practice.customer):
        lock_findings()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(actions, "lock_findings", nullcontext)
            statuses = Counter[int]()
            at_once(2, lambda _number: statuses.update([practice.ask("POST", "drift-runs/", {}).status]))
    assert statuses == {202: 2}


def test_without_the_constraint_some_are_given_another(practice: Loaded):
    with as_migrator(), connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE drift_driftrun DROP CONSTRAINT {GUARD}")
    try:
        found = [asked_together(practice) for _ in range(4)]
    finally:
        with acting_in(practice.customer):
            DriftRun.objects.all().delete()
        with as_migrator(), connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE drift_driftrun ADD CONSTRAINT {GUARD} UNIQUE (customer_id, waiting_for)")
    assert any(runs > 1 for _, _, runs in found)
