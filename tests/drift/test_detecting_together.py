"""Detection beside other work on PostgreSQL: two at once make one run, and loading goes on meanwhile."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from django.db import connection

from payerwatch import pipeline
from payerwatch.drift import actions
from payerwatch.drift.models import DriftEvent, DriftRun
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests.drift.invented import history
from tests.drift.run_off_claims import claims_of, denying_more, load
from tests.make import ACTOR, answer, claims_file, customer, row

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]

MONDAY = date(2024, 1, 1)
WAIT_SECONDS = 120


def in_thread(work: Callable[[], Any]) -> Any:
    """Run something on a database connection of its own."""
    try:
        return work()
    finally:
        connection.close()


def drifting(tmp_path: Path, practice: Customer) -> None:
    claims = claims_of(history(series=4, payers=2, weeks=58, volume=20))
    claims = denying_more(claims, pl.col("payer") == "Aetna", MONDAY + timedelta(weeks=50), date(2030, 1, 1))
    load(tmp_path, claims)


def test_two_at_once_make_one_run(tmp_path: Path):
    practice = customer()
    drifting(tmp_path, practice)
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(in_thread, lambda: pipeline.detect(practice, actor=ACTOR).run.public_id) for _ in range(2)]
        found = {each.result(timeout=WAIT_SECONDS) for each in both}
    assert len(found) == 1
    with acting_in(practice):
        assert DriftRun.objects.count() == 1
        keys = DriftEvent.objects.values_list("measure", "payer", "cpt_group", "direction")
        assert len(set(keys)) == len(keys) > 0


def test_a_load_does_not_wait_for_a_detection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    practice = customer()
    drifting(tmp_path, practice)
    judging, loaded = threading.Event(), threading.Event()
    judge = actions.judge

    def slow_judge(*arguments: Any, **options: Any) -> Any:
        judging.set()
        assert loaded.wait(WAIT_SECONDS), "the load waited for the detection"
        return judge(*arguments, **options)

    monkeypatch.setattr(actions, "judge", slow_judge)
    with ThreadPoolExecutor(1) as pool:
        detected = pool.submit(in_thread, lambda: pipeline.detect(practice, actor=ACTOR))
        assert judging.wait(WAIT_SECONDS)
        done = answer("load", claims_file(tmp_path, [row(payer="Aetna"), row(number="C2", payer="New")], name="b.csv"))
        loaded.set()
        assert detected.result(timeout=WAIT_SECONDS).run.tests > 0
    assert done.code == 0
    assert done.document["new_claims"] == 2


def test_customers_are_judged_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    practices = [customer(name) for name in ("One", "Two")]
    claims = claims_of(history(series=4, payers=2, weeks=50, volume=20))
    for practice in practices:
        load(tmp_path, claims, customer=practice.name, name=f"{practice.name}.csv")
    together = threading.Barrier(2, timeout=WAIT_SECONDS)
    judge = actions.judge

    def judge_together(*arguments: Any, **options: Any) -> Any:
        together.wait()
        return judge(*arguments, **options)

    monkeypatch.setattr(actions, "judge", judge_together)
    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(lambda practice: in_thread(lambda: pipeline.detect(practice, actor=ACTOR).run), practices))
    assert runs[0].nodes == runs[1].nodes
    assert runs[0].customer_id != runs[1].customer_id
