"""How often each operation of the API and each step of a job asks the database: a change of it is seen in review."""

import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pytest
from django.db import connection

from payerwatch.jobs import steps
from payerwatch.jobs.steps import name_of
from payerwatch.schedule import PERIODIC
from tests.api.world import World
from tests.deliveries.lanes import posted
from tests.queries.counting import REWRITTEN_BY, differences, keep, statements, stored
from tests.queries.operations import REFUSED, Practised, operations
from tests.queries.steps import CAUSES

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.untraced]

WRITING = os.environ.get("PAYERWATCH_QUERY_COUNTS") == "write"


def compare(kind: str, asked: Mapping[str, list[str]]) -> None:
    """Fail where the database is asked more often or more seldom than is stored, and show by what."""
    now = {name: len(each) for name, each in asked.items()}
    if WRITING:
        keep(kind, now)
        return
    changed = differences(stored(kind, connection.vendor), now)
    shown = [line for each in changed for line in asked.get(each.rpartition(": ")[0], ())]
    told = f"The database is asked otherwise than stored. If that is meant: {REWRITTEN_BY}\n"
    assert not changed, told + "\n".join([*changed, "", *shown])


def test_each_operation_asks_as_often_as_is_stored(world: World):
    practised, asked, refused = Practised(world), {}, set()
    for operation in operations():
        headers, request = practised.prepared(operation)

        def ask(operation=operation, headers=headers, request=request) -> None:
            if practised.ask(operation.endpoint, headers, request).status >= 400:
                refused.add(operation.name)

        asked[operation.name] = statements(ask)
    assert refused == REFUSED
    compare("requests", asked)


def test_each_step_asks_as_often_as_is_stored(world: World):
    asked: dict[str, list[str]] = {}
    with posted():
        for step, cause in CAUSES.items():
            work: Callable[[], Any] = partial(step, world.own.customer.pk, cause(world.own))
            asked[name_of(step)] = statements(work)
        asked |= {f"periodically: {each.name}": statements(each.work) for each in PERIODIC}
    compare("steps", asked)


def test_each_step_that_is_declared_has_a_cause_here():
    declared = {name for name in steps._DECLARED if name.startswith("payerwatch.")}
    assert {name_of(step) for step in CAUSES} == declared


def test_a_change_is_told_by_its_name_and_both_counts():
    changed = differences({"GET claims/": 3, "GET payers/": 2, "GET gone/": 1}, {"GET claims/": 4, "GET payers/": 2})
    assert changed == ["GET claims/: 3 -> 4", "GET gone/: 1 -> not there"]
