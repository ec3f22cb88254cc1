"""What was taken away a moment ago is refused on the next request, by cookie, by token and by key."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from payerwatch.members.door import SESSION_COOKIE
from payerwatch.members.keys import issue_key
from payerwatch.members.models import ApiKey, Person, Session
from payerwatch.members.people import suspend_person
from payerwatch.members.secrets import Origin
from payerwatch.members.sessions import cookie_of, enter_as_operator, start_session
from payerwatch.members.tokens import issue_tokens
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests.api.test_role_table import place
from tests.api.world import (
    PASSWORD,
    REASON,
    Headers,
    World,
    as_person,
    ask,
    bearer,
    matching,
    member_of_both,
    newcomer,
    operator,
)
from tests.make import ACTOR

pytestmark = pytest.mark.django_db(transaction=True)

CLAIMS, MEMBERS = "/api/v1/claims/", "/api/v1/members/"


def opened(who: Person, customer: Customer | None, kind: Session.Kind) -> tuple[Session, Headers]:
    session, secret = start_session(who, customer, kind=kind, origin=Origin("192.0.2.7"), with_second_factor=False)
    return session, presented(session, secret)


def presented(session: Session, secret: str) -> Headers:
    if session.kind == Session.Kind.BROWSER:
        return {"Cookie": f"{SESSION_COOKIE}={cookie_of(session, secret)}"}
    return bearer(issue_tokens(session, secret).access)


def status(headers: Headers, path: str = CLAIMS) -> int:
    return ask(headers, "GET", path).status


@pytest.fixture(params=[Session.Kind.BROWSER, Session.Kind.PROGRAM], ids=["cookie", "token"])
def kind(request: pytest.FixtureRequest) -> Session.Kind:
    return request.param


TakenAway = Callable[[World, Person, Session], Any]


def by_owner(method: str, way: str, body: Any = None) -> TakenAway:
    def act(world: World, who: Person, _session: Session) -> None:
        owner = as_person(world.own.people["owner"], world.own.customer)
        assert ask(owner, method, place(world.own, who) + way, body=body).status in {200, 204}

    return act


def by_themselves(method: str, path: Callable[[Session], str], body: Any = None) -> TakenAway:
    """From another session of the same person."""

    def act(world: World, who: Person, session: Session) -> None:
        answer = ask(as_person(who, world.own.customer), method, f"/api/v1/me/{path(session)}", body=body)
        assert answer.status == 204, answer

    return act


def updated(**columns: Any) -> TakenAway:
    return lambda _world, _who, session: Session.objects.filter(pk=session.pk).update(**columns)


CHANGE = {"current": PASSWORD, "new": "pears above eleven rivers"}
ENDINGS: dict[str, TakenAway] = {
    "suspended as a member": by_owner("POST", "suspend/", {}),
    "removed as a member": by_owner("DELETE", ""),
    "suspended as a person": lambda _world, who, _session: suspend_person(who, actor=ACTOR),
    "session ended from another": by_themselves("DELETE", lambda session: f"sessions/{session.public_id}/"),
    "signed out everywhere": by_themselves("DELETE", lambda _session: "sessions/"),
    "password changed from another": by_themselves("POST", lambda _session: "password/", CHANGE),
    "session too old": updated(expires_at=timezone.now() - timedelta(seconds=1)),
    "session idle too long": updated(
        seen_at=timezone.now() - timedelta(days=1), rotated_at=timezone.now() - timedelta(days=8)
    ),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_whoever_was_let_in_is_no_longer(ending: str, kind: Session.Kind, world: World):
    who = newcomer(world.own, "analyst")
    session, headers = opened(who, world.own.customer, kind)
    assert status(headers) == 200
    ENDINGS[ending](world, who, session)
    assert status(headers) == 401
    assert status(headers, "/api/v1/me/") == 401


def test_a_role_that_was_taken_back_opens_nothing_more(kind: Session.Kind, world: World):
    who = newcomer(world.own, "admin")
    _, headers = opened(who, world.own.customer, kind)
    assert status(headers, MEMBERS) == 200
    by_owner("PATCH", "", {"role": "viewer"})(world, who, None)
    assert (status(headers, MEMBERS), status(headers)) == (403, 200)


def test_signing_out_ends_the_session_that_asks(kind: Session.Kind, world: World):
    _, headers = opened(newcomer(world.own, "viewer"), world.own.customer, kind)
    assert ask(headers, "POST", "/api/v1/auth/sign-out/", body={}).status == 204
    assert status(headers, "/api/v1/me/") == 401


def test_an_operator_who_left_is_out(kind: Session.Kind, world: World):
    session, _ = opened(operator(), None, kind)
    headers = presented(session, enter_as_operator(session, world.own.customer, REASON, actor=ACTOR))
    assert status(headers) == 200
    assert ask(headers, "DELETE", "/api/v1/me/customer/").status == 200
    assert status(headers) == 401


def test_who_moves_to_another_customer_is_out_of_the_first(kind: Session.Kind, world: World):
    _, headers = opened(member_of_both(world.own, world.other), world.own.customer, kind)
    body = {"customer": world.other.customer.public_id}
    assert ask(headers, "POST", "/api/v1/me/customer/", body=body).status == 200
    assert status(headers) == 401


def test_a_second_factor_asked_for_from_now_on_keeps_out_who_has_none(kind: Session.Kind, world: World):
    _, headers = opened(newcomer(world.own, "viewer"), world.own.customer, kind)
    owner = as_person(world.own.people["owner"], world.own.customer)
    read = matching(owner, "/api/v1/settings/")
    assert ask(read, "PATCH", "/api/v1/settings/", body={"second_factor_required": True}).status == 200
    assert status(headers) == 403
    assert status(headers, "/api/v1/me/second-factor/") == 200


# Keys


def a_key(world: World, **terms: Any) -> tuple[ApiKey, Headers]:
    issued = issue_key(world.own.customer, name="nightly", scopes=["claims.read"], actor=ACTOR, **terms)
    return issued.key, bearer(issued.text)


def key_request(method: str, way: str, body: Any = None) -> Callable[[World, ApiKey], Any]:
    def act(world: World, key: ApiKey) -> None:
        owner = as_person(world.own.people["owner"], world.own.customer)
        assert ask(owner, method, f"/api/v1/api-keys/{key.public_id}/{way}", body=body).status in {201, 204}

    return act


def expired(_world: World, key: ApiKey) -> None:
    ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now() - timedelta(seconds=1))


def from_elsewhere(_world: World, key: ApiKey) -> None:
    ApiKey.objects.filter(pk=key.pk).update(allowed_addresses=["198.51.100.0/24"])


KEY_ENDINGS: dict[str, Callable[[World, ApiKey], Any]] = {
    "revoked": key_request("DELETE", ""),
    "rotated without overlap": key_request("POST", "rotate/", {"overlap_hours": 0}),
    "expired": expired,
    "used from another address": from_elsewhere,
}


@pytest.mark.parametrize("ending", KEY_ENDINGS)
def test_a_key_that_was_good_is_no_longer(ending: str, world: World):
    key, headers = a_key(world)
    assert status(headers) == 200
    if ending in {"expired", "used from another address"}:
        with acting_in(world.own.customer):
            KEY_ENDINGS[ending](world, key)
    else:
        KEY_ENDINGS[ending](world, key)
    assert status(headers) == 401


def test_a_key_lets_in_from_its_own_addresses_alone(world: World):
    assert status(a_key(world, allowed_addresses=["127.0.0.0/8"])[1]) == 200
    assert status(a_key(world, allowed_addresses=["198.51.100.0/24"])[1]) == 401


def test_a_key_of_one_customer_named_as_anothers_lets_nobody_in(world: World):
    """The customer's id stands in the key's text; the secret is sought in that customer alone."""
    _, headers = a_key(world)
    text = headers["Authorization"].removeprefix("Bearer ")
    assert status(bearer(text.replace("pw_live_", "pw_live_9", 1))) == 401


def test_a_cookie_with_another_customers_id_lets_nobody_in(world: World):
    _, headers = opened(newcomer(world.own, "owner"), world.own.customer, Session.Kind.BROWSER)
    own, other = f"={world.own.customer.pk}.", f"={world.other.customer.pk}."
    assert status({"Cookie": headers["Cookie"].replace(own, other)}) == 401
