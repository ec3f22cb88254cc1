"""Another customer's things do not exist: shown over every route, method, caller and place of an id."""

import pytest
from django.test import override_settings

from tests.api.crawl import FULL, Crawl
from tests.api.fixtures import BODIES, QUERIES, missing_fixtures
from tests.api.leaky import LEAKS, leaky
from tests.api.makers import missing, session
from tests.api.routes import endpoints
from tests.api.world import CALLERS, World, ask
from tests.conftest import ON_POSTGRESQL

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("quiet")]

# Between both databases each run asks as everybody; as who may do the most where there is one layer less. On the other
# `test_layers.py` asks as them, without that layer.
THE_MOST_DIFFERENT = ("owner", "member of both", "anonymous")
THE_REST = tuple(each for each in CALLERS if each not in THE_MOST_DIFFERENT)


@pytest.mark.proof
@pytest.mark.parametrize("caller", CALLERS if FULL else THE_REST if ON_POSTGRESQL else THE_MOST_DIFFERENT)
def test_nothing_of_another_customer_is_found_anywhere(caller: str, world: World):
    crawl = Crawl(world, [caller])
    findings = crawl.run()
    assert not findings, "\n".join(map(str, findings))
    assert crawl.asked >= len(endpoints())


def test_every_leak_put_in_on_purpose_is_found(world: World):
    with override_settings(ROOT_URLCONF=leaky()):
        findings = Crawl(world, ["owner"], only={leak.endpoint for leak in LEAKS}).run()
    found = {(each.endpoint, each.position) for each in findings}
    assert [leak.name for leak in LEAKS if (leak.endpoint, leak.position) not in found] == []


def test_every_route_method_and_filter_has_a_fixture():
    assert missing_fixtures(endpoints()) == []


def test_no_fixture_is_of_an_action_that_is_gone():
    assert set(BODIES) | set(QUERIES) <= {each.key for each in endpoints()}


def test_a_colleagues_session_does_not_exist_either(world: World):
    headers = world.headers("owner")
    answers = [
        ask(headers, "DELETE", f"/api/v1/me/sessions/{each}/") for each in (session(world.own), missing("session"))
    ]
    assert answers[0] == answers[1]
    assert answers[0].status == 404
