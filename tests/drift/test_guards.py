"""What the database itself refuses: a second event of a kind that is open, and a second run that waits for a day."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction

from payerwatch.drift.carrying import withdraw_weeks_after
from payerwatch.drift.models import DriftEvent, DriftRun
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests.drift.invented import history
from tests.drift.run_off_claims import as_known_on, claims_of, denying_more, detect, load, sunday
from tests.make import answer, customer
from tests.tenancy.schema import schema_as_text

pytestmark = pytest.mark.django_db(transaction=True)

MONDAY = date(2024, 1, 1)
BEGINS, ENDS, LAST = 50, 54, 70
WHAT_IT_IS = ("measure", "payer_id", "cpt_group", "direction")


@pytest.fixture
def practice() -> Customer:
    return customer()


def claims() -> pl.DataFrame:
    """Aetna denies more for a few weeks."""
    drawn = claims_of(history(series=2, payers=2, weeks=LAST + 1, volume=20))
    first, last = MONDAY + timedelta(weeks=BEGINS), MONDAY + timedelta(weeks=ENDS, days=-1)
    return denying_more(drawn, pl.col("payer") == "Aetna", first, last)


def judge(folder: Path, week: int) -> str:
    """The upload of what is known at the end of the week, which is then judged."""
    loaded = load(folder, as_known_on(claims(), sunday(MONDAY, week)), name=f"{week}.csv")
    detect()
    return str(loaded["upload"])


def told_open() -> set[bool]:
    """Whether it is the events that are open, and no others, of which the column says so."""
    return {(each.status == "open") == (each.is_open is True) for each in DriftEvent.objects.all()}


def another(event: DriftEvent, **changed: Any) -> DriftEvent:
    event.pk, event.public_id = None, f"evt_{event.episode + 1}"
    event.episode += 1
    for name, value in changed.items():
        setattr(event, name, value)
    event._state.adding = True
    return event


def test_an_event_says_that_it_is_open_for_as_long_as_it_is(practice: Customer, tmp_path: Path):
    judge(tmp_path, ENDS)
    late = load(tmp_path, as_known_on(claims(), sunday(MONDAY, LAST)), name="late.csv")["upload"]
    for week in range(ENDS + 1, LAST + 1):
        detect("--as-of", sunday(MONDAY, week))
    with acting_in(practice):
        assert (set(DriftEvent.objects.values_list("status", flat=True)), told_open()) == ({"closed"}, {True})
    assert answer("undo", late).code == 0
    with acting_in(practice):
        assert "open" in set(DriftEvent.objects.values_list("status", flat=True))
        assert told_open() == {True}


def test_an_episode_is_open_again_once_the_next_is_taken_back(practice: Customer, tmp_path: Path):
    judge(tmp_path, ENDS)
    with acting_in(practice):
        first = DriftEvent.objects.filter(is_open=True)[0]
        last = first.as_of_week
        later = [{**first.history[-1], "week": (last + timedelta(weeks=weeks)).isoformat()} for weeks in (1, 2)]
        first.history, first.as_of_week = [*first.history, later[0]], last + timedelta(weeks=1)
        first.status, first.is_open = "closed", None
        first.save()
        another(first, history=later[1:], as_of_week=last + timedelta(weeks=2), status="open", is_open=True).save()
        withdraw_weeks_after(last)
        found = DriftEvent.objects.filter(**{name: getattr(first, name) for name in WHAT_IT_IS})
        assert list(found.values_list("episode", "status", "is_open")) == [(1, "open", True)]


def test_of_a_kind_a_second_event_cannot_be_open(practice: Customer, tmp_path: Path):
    judge(tmp_path, ENDS)
    with acting_in(practice):
        event = DriftEvent.objects.filter(is_open=True)[0]
        with pytest.raises(IntegrityError), transaction.atomic():
            another(event).save()
        another(event, is_open=None, status="closed").save()


def test_what_was_there_before_the_guards_is_told_by_them(practice: Customer, tmp_path: Path):
    """And what the release before made while they were being put up, which knows nothing of them."""
    schema = schema_as_text()
    judge(tmp_path, ENDS)
    call_command("migrate", "drift", "0006_before_guards", verbosity=0)
    with acting_in(practice):
        DriftEvent.objects.update(is_open=None)
        another(DriftEvent.objects.filter(status="open")[0], status="closed", is_open=True).save()
        waiting = [DriftRun(state="requested", as_of=day) for day in (None, "2026-01-05", None)]
        begun = DriftRun(state="running", as_of=None, waiting_for="latest")
        for each in (*waiting, begun):
            each.save()
    call_command("migrate", verbosity=0)
    with acting_in(practice):
        assert told_open() == {True}
        asked = DriftRun.objects.filter(state__in=("requested", "running")).order_by("pk")
        assert list(asked.values_list("waiting_for", flat=True)) == ["latest", "2026-01-05", None, None]
    assert schema_as_text() == schema
