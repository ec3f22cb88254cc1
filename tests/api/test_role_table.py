"""The table of roles over every route and method, and what it says beyond one action at a time."""

import json
from typing import Any

import pytest
from django.test import override_settings

from payerwatch.members.models import Member, Person
from payerwatch.members.roles import SCOPES
from payerwatch.tenancy.context import acting_in
from payerwatch.web.api.settings import Settings
from tests.api.asking import Asker
from tests.api.leaky import with_views
from tests.api.makers import Practice, invitation, key
from tests.api.role_table import ALLOWED, BY_SCOPE, TURNED_AWAY, may_reach
from tests.api.routes import METHODS, Endpoint, endpoints
from tests.api.world import CALLERS, Answer, Headers, World, as_key, as_person, ask, newcomer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once, pytest.mark.untraced]


def turned_away(answer: Answer) -> bool:
    """Whether the caller was, and not what they asked for; an answer to HEAD has no words."""
    if answer.status not in {401, 403}:
        return False
    return not answer.body or json.loads(answer.body)["code"] in TURNED_AWAY


def reached(asker: Asker, endpoint: Endpoint, caller: str) -> bool:
    """Whether the ordinary request of this caller to their own practice got to the action."""
    request = asker.plain(endpoint)
    answer = asker.ask(endpoint, asker.world.headers(caller), request)
    assert answer.status < 500, (endpoint.name, answer)
    return not turned_away(answer)


def test_the_table_speaks_of_every_action_and_of_no_other():
    assert set(ALLOWED) == {each.key for each in endpoints()}


@pytest.mark.parametrize("caller", CALLERS)
def test_each_caller_reaches_what_the_table_says_and_nothing_else(caller: str, world: World):
    asker = Asker(world)
    expected = {each.name: may_reach(each.key, caller) for each in endpoints()}
    assert {each.name: reached(asker, each, caller) for each in endpoints()} == expected


def test_a_method_that_a_route_does_not_offer_is_refused_to_everyone(world: World):
    routes: dict[str, Endpoint] = {each.route: each for each in endpoints()}
    offered = {(each.route, each.method) for each in endpoints()}
    for caller in ("owner", "operator inside", "key", "anonymous"):
        headers = world.headers(caller)
        for route, endpoint in routes.items():
            path = endpoint.path(public_id="upl_2222222222222222")
            for method in METHODS:
                if (route, method) not in offered:
                    answer = ask(headers, method, path)
                    assert answer.status in {401, 403, 405}, (method, route, caller, answer)


class Forgetful(Settings):
    """A view whose table lacks one of its actions."""

    stands_for = "Settings"
    may = {"change": Settings.may["change"]}


@pytest.mark.parametrize("caller", CALLERS)
def test_an_action_that_the_view_does_not_list_is_refused_to_everyone(caller: str, world: World):
    with override_settings(ROOT_URLCONF=with_views(Forgetful)):
        answer = ask(world.headers(caller), "GET", "/api/v1/settings/")
    assert turned_away(answer)


@pytest.mark.parametrize("scope", BY_SCOPE)
def test_a_key_reaches_what_its_scope_names_and_nothing_else(scope: str, world: World):
    asker, headers = Asker(world), as_key(world.own, scope)
    for endpoint in endpoints():
        if not may_reach(endpoint.key, "key that cannot read"):
            answer = asker.ask(endpoint, headers, asker.plain(endpoint))
            assert turned_away(answer) == (endpoint.key not in BY_SCOPE[scope]), (endpoint.name, answer)


def test_the_table_speaks_of_every_scope():
    assert set(BY_SCOPE) == SCOPES


def test_no_role_that_only_reads_reaches_a_change_of_the_customer():
    changes = {each.key for each in endpoints() if each.method not in {"GET", "HEAD"} and "Own" not in each.key}
    for action in changes:
        if "viewer" in ALLOWED[action]:
            assert action.split(".")[0] in {
                "SignIn", "SignOut", "Token", "PasswordReset", "AcceptInvitation", "ActingCustomer"
            }  # fmt: skip


# Whose place each may touch


def place(practice: Practice, who: Person) -> str:
    with acting_in(practice.customer):
        return f"/api/v1/members/{Member.objects.get(person=who).public_id}/"


TOUCHES: list[tuple[str, str, Any]] = [
    ("PATCH", "", {"role": "viewer"}),
    ("POST", "suspend/", {}),
    ("POST", "resume/", {}),
    ("DELETE", "", None),
]


@pytest.mark.parametrize(("method", "way", "body"), TOUCHES)
@pytest.mark.parametrize("role", ["owner", "admin"])
def test_an_admin_touches_no_owner_and_no_admin(method: str, way: str, body: Any, role: str, world: World):
    path = place(world.own, world.own.people[role]) + way
    answer = ask(world.headers("admin"), method, path, body=body)
    assert (answer.status, answer.document["code"]) == (403, "role_not_yours")


@pytest.mark.parametrize("role", ["owner", "admin"])
def test_an_admin_makes_no_owner_and_no_admin(role: str, world: World):
    admin = world.headers("admin")
    path = place(world.own, newcomer(world.own, "viewer"))
    assert ask(admin, "PATCH", path, body={"role": role}).status == 403
    sent = {"email": "someone@example.com", "role": role}
    assert ask(admin, "POST", "/api/v1/invitations/", body=sent).status == 403


def test_an_admin_does_not_raise_themselves(world: World):
    admin = newcomer(world.own, "admin")
    headers = as_person(admin, world.own.customer)
    assert ask(headers, "PATCH", place(world.own, admin), body={"role": "owner"}).status == 403


@pytest.mark.parametrize(("method", "way", "body"), [touch for touch in TOUCHES if touch[1] != "resume/"])
@pytest.mark.parametrize("caller", ["the owner", "operator inside"])
def test_the_last_owner_stays(caller: str, method: str, way: str, body: Any, world: World):
    owner = world.own.people["owner"]
    headers = as_person(owner, world.own.customer) if caller == "the owner" else world.headers(caller)
    answer = ask(headers, method, place(world.own, owner) + way, body=body)
    assert (answer.status, answer.document["code"]) == (409, "last_owner")
    assert ask(as_person(owner, world.own.customer), "GET", "/api/v1/members/").status == 200


def test_an_owner_may_go_once_there_is_another(world: World):
    first: Headers = as_person(world.own.people["owner"], world.own.customer)
    newcomer(world.own, "owner")
    assert ask(first, "DELETE", place(world.own, world.own.people["owner"])).status == 204


@pytest.mark.parametrize("make", [key, invitation])
def test_a_viewer_learns_nothing_of_what_they_may_not_see(make: Any, world: World):
    """An id that exists and one that does not are refused alike before either is looked up."""
    kind = {"key": "api-keys", "invitation": "invitations"}[make.__name__]
    viewer = world.headers("viewer")
    answers = [ask(viewer, "DELETE", f"/api/v1/{kind}/{public_id}/") for public_id in (make(world.own), "none")]
    assert answers[0] == answers[1]
    assert answers[0].status == 403
