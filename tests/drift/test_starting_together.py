"""Many who start the same judgement at the same moment make one run and one event of each kind.

Two guards see to that, each enough by itself: the customer's row, which who judges holds, and the database's unique
constraints. So each is proven with the other switched off, and both switched off show that the proof can fail.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest
from django.db import connection

from payerwatch.audit.models import Entry
from payerwatch.drift import actions
from payerwatch.drift.models import DriftEvent, DriftRun
from payerwatch.drift.queries import judged_runs
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from payerwatch.tenancy.postgresql.roles import as_migrator
from tests.drift.invented import history
from tests.drift.run_off_claims import claims_of, denying_more, load
from tests.make import answer, customer
from tests.processes import environment
from tests.together import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql, pytest.mark.proof]

FULL = os.environ.get("PAYERWATCH_PROOF") == "full"
STARTS = 32 if FULL else 8
ROUNDS, ROUNDS_OF_PROCESSES, ROUNDS_WITH_LESS = (200, 200, 40) if FULL else (2, 1, 1)
MONDAY = date(2024, 1, 1)
GUARDS = {
    "drift_driftrun": ("drift_driftrun_week_data_unique",),
    "drift_driftevent": ("drift_driftevent_episode_unique", "drift_driftevent_open_unique"),
}
Start = Callable[[], list[tuple[int, Any]]]
"""What starts all of them, and the exit code and document that each was answered with."""


@pytest.fixture
def practice(tmp_path: Path) -> Customer:
    """One of whose claims a few events are made."""
    practice = customer()
    claims = claims_of(history(series=2, payers=2, weeks=54, volume=20))
    load(tmp_path, denying_more(claims, pl.col("payer") == "Aetna", MONDAY + timedelta(weeks=46), date(2030, 1, 1)))
    return practice


def in_threads() -> list[tuple[int, Any]]:
    answers: list[tuple[int, Any]] = []

    def start(_number: int) -> None:
        answered = answer("detect")
        answers.append((answered.code, answered.document))

    at_once(STARTS, start)
    return answers


@contextmanager
def in_processes(*options: str) -> Iterator[Start]:
    """Processes that wait for their start, each of which takes a round at its word."""
    command = [sys.executable, "-m", "tests.drift.starting", str(STARTS), *options]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment()) as started:

        def start() -> list[tuple[int, Any]]:
            assert started.stdin is not None
            assert started.stdout is not None
            started.stdin.write("Practice\n")
            started.stdin.flush()
            return [(code, document) for code, document in json.loads(started.stdout.readline())]

        yield start


class Round(NamedTuple):
    """What became of many starts."""

    refused: int
    """How many were answered with an error."""
    runs: int
    told: int
    """How many different runs they were told of."""
    made: int
    """How many judged, by the record; all others repeat one."""
    events: int
    kinds: int
    """Of different measure, payer, CPT group and direction."""
    entries: int

    @property
    def doubled(self) -> bool:
        return (self.refused, self.runs, self.told, self.made) != (0, 1, 1, 1) or not 0 < self.events == self.kinds


def a_round(practice: Customer, start: Start) -> Round:
    """Of data that nobody has judged yet."""
    with acting_in(practice):
        DriftEvent.objects.update(parent=None, returned_from=None)
        DriftEvent.objects.all().delete()
        DriftRun.objects.all().delete()
        before = Entry.objects.count()
    answers = start()
    documents = [document for code, document in answers if code == 0]
    with acting_in(practice, reading=True):
        entries = [json.loads(each.detail)["after"] for each in Entry.objects.order_by("position")[before:]]
        keys = DriftEvent.objects.values_list("measure", "payer", "cpt_group", "direction")
        return Round(
            refused=sum(code != 0 for code, _ in answers),
            runs=judged_runs().count(),
            told=len({document["run"] for document in documents}),
            made=sum(not entry["repeated"] for entry in entries),
            events=len(keys),
            kinds=len(set(keys)),
            entries=len(entries),
        )


def rounds(practice: Customer, start: Start, count: int) -> list[Round]:
    return [a_round(practice, start) for _ in range(count)]


def assert_one_each(found: list[Round]) -> None:
    assert [each for each in found if each.doubled or each.entries != STARTS] == []
    assert len({(each.events, each.kinds) for each in found}) == 1


def deadlocks() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


@contextmanager
def no_lock() -> Iterator[None]:
    """Whoever judges holds no row of the customer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(actions, "lock_findings", lambda: None)
        yield


@contextmanager
def no_constraints(practice: Customer) -> Iterator[None]:
    """The tables without what keeps runs and events from being there twice."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'u'")
        definitions = dict(cursor.fetchall())
    _alter(lambda name: f"DROP CONSTRAINT {name}")
    try:
        yield
    finally:
        with acting_in(practice):
            DriftEvent.objects.update(parent=None, returned_from=None)
            DriftEvent.objects.all().delete()
            DriftRun.objects.all().delete()
        _alter(lambda name: f"ADD CONSTRAINT {name} {definitions[name]}")


def _alter(change: Callable[[str], str]) -> None:
    with as_migrator(), connection.cursor() as cursor:
        for table, names in GUARDS.items():
            for name in names:
                cursor.execute(f"ALTER TABLE {table} {change(name)}")


def test_threads_that_start_together_make_one_run_and_one_event_each(practice: Customer):
    before = deadlocks()
    assert_one_each(rounds(practice, in_threads, ROUNDS))
    assert deadlocks() == before


def test_processes_that_start_together_make_one_run_and_one_event_each(practice: Customer):
    before = deadlocks()
    with in_processes() as start:
        assert_one_each(rounds(practice, start, ROUNDS_OF_PROCESSES))
    assert deadlocks() == before


def test_without_the_lock_the_constraints_keep_it_so(practice: Customer):
    before = deadlocks()
    with no_lock():
        assert_one_each(rounds(practice, in_threads, ROUNDS_WITH_LESS))
    with in_processes("--unlocked") as start:
        assert_one_each(rounds(practice, start, ROUNDS_WITH_LESS))
    assert deadlocks() == before


def test_without_the_constraints_the_lock_keeps_it_so(practice: Customer):
    with no_constraints(practice):
        assert_one_each(rounds(practice, in_threads, ROUNDS_WITH_LESS))
        with in_processes() as start:
            assert_one_each(rounds(practice, start, ROUNDS_WITH_LESS))


def test_without_either_there_are_doubles(practice: Customer):
    """Which shows that the starts do meet, and that doubles would be seen."""
    with no_constraints(practice):
        with no_lock():
            found = rounds(practice, in_threads, ROUNDS_WITH_LESS)
        with in_processes("--unlocked") as start:
            found += rounds(practice, start, ROUNDS_WITH_LESS)
    assert sum(each.doubled for each in found) >= 0.95 * len(found)
