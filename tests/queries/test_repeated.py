"""That a statement which is sent again and again is seen, wherever a request or a step sends it."""

from typing import Any

import pytest

from payerwatch.claims.models import Payer
from payerwatch.drift.queries import run_in_force
from payerwatch.jobs.job import Job
from payerwatch.jobs.steps import name_of, step
from payerwatch.tenancy.context import acting_in
from payerwatch.web.api.payers import Payers
from tests.api.makers import MAKERS
from tests.api.world import World, ask
from tests.queries import repeated

pytestmark = pytest.mark.django_db(transaction=True)


def looked_at(times: int) -> None:
    for _ in range(times):
        run_in_force()


@step
def look_again_and_again(customer_id: int, public_id: str) -> None:
    with acting_in(customer_id):
        looked_at(int(public_id))


def test_one_query_for_each_row_of_a_listing_is_seen(world: World, monkeypatch: pytest.MonkeyPatch):
    usual = Payers.documents

    def documents(view: Any, rows: Any) -> Any:
        for _ in rows:
            run_in_force()
        return usual(view, rows)

    for _ in range(repeated.MOST + 1):
        MAKERS["payer"](world.own)
    headers = world.headers("owner")
    monkeypatch.setattr(Payers, "documents", documents)
    assert ask(headers, "GET", "/api/v1/payers/").status == 200
    found = repeated.taken()
    assert [(each.within, each.place.partition(":")[0]) for each in found] == [
        ("GET /api/v1/payers/", "drift/queries.py")
    ]
    assert found[0].times > repeated.MOST
    assert "drift_driftrun" in str(found[0])


@pytest.mark.parametrize(("times", "seen"), [(repeated.MOST, False), (repeated.MOST + 1, True)])
def test_a_step_may_repeat_itself_so_often_and_no_more(times: int, seen: bool, world: World):
    Job(name_of(look_again_and_again), world.own.customer.pk, str(times)).run()
    assert [each.within for each in repeated.taken()] == [name_of(look_again_and_again)] * seen


def test_what_a_step_within_a_request_sends_is_the_steps(world: World):
    job = Job(name_of(look_again_and_again), world.own.customer.pk, "7")
    with repeated.watched("a request") as watch:
        job.run()
        job.run()
        with acting_in(world.own.customer):
            looked_at(1)
    assert not watch.repeated(most=1)
    assert not repeated.taken()


def test_values_and_how_many_there_are_make_no_other_statement(world: World):
    with repeated.watched("a request") as watch, acting_in(world.own.customer):
        for count in range(1, 4):
            list(Payer.objects.filter(pk__in=range(count), name__in=["a"] * count).order_by("pk")[:count])
    assert [each.times for each in watch.repeated(most=2)] == [3]


def test_each_place_that_is_allowed_is_there_and_says_why():
    for place, reason in repeated.ALLOWED.items():
        assert (repeated.SOURCE / place).is_file()
        assert len(reason.split()) > 5
