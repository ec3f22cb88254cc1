"""Where no table of jobs is, a server process does what waits and what is due, when it has nothing else to do."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from payerwatch.drift.models import DriftRun
from payerwatch.jobs import in_process
from payerwatch.jobs.periodic import Calendar
from payerwatch.judging.asked_runs import ask_for_run
from payerwatch.schedule import PERIODIC
from payerwatch.tenancy.context import acting_in
from payerwatch.web import server
from tests.make import ACTOR, customer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.sqlite]


@pytest.mark.parametrize("idle", [True, False])
def test_what_was_left_running_is_taken_up_by_who_has_nothing_to_do(idle: bool, monkeypatch: pytest.MonkeyPatch):
    queued: list[Callable[[], None]] = []
    monkeypatch.setattr(in_process, "worker", SimpleNamespace(do=queued.append, finish=lambda _seconds: idle))
    monkeypatch.setattr(in_process._Process, "answers", True)
    practice = customer()
    with acting_in(practice):
        run = ask_for_run(None, actor=ACTOR)
        DriftRun.objects.filter(pk=run.pk).update(state=DriftRun.State.RUNNING)
    queued.clear()  # as its step gave up
    server._do_what_is_due(Calendar(PERIODIC))
    while queued:
        queued.pop(0)()
    with acting_in(practice):
        found = DriftRun.objects.get(pk=run.pk).state
    assert found == (DriftRun.State.REFUSED if idle else DriftRun.State.RUNNING)
