"""What callers see of where they act, how they choose it, and what is said to a key or a person that may not."""

from typing import Any

import pytest

from payerwatch.audit.models import InstallationEntry
from payerwatch.web.api.for_people import ForPeople
from tests.api.asking import Asker
from tests.api.fixtures import BODIES
from tests.api.makers import join
from tests.api.routes import endpoints
from tests.api.world import PASSWORD, World, as_key, as_person, ask, newcomer

pytestmark = pytest.mark.django_db(transaction=True)

ME, ENTER = "/api/v1/me/", "/api/v1/me/customer/"


# Keys


def test_a_key_sees_its_customer_with_that_scope_alone(world: World):
    customer = {"id": world.own.customer.public_id, "name": world.own.customer.name}
    narrow = ask(as_key(world.own, "claims.load"), "GET", ME)
    assert (narrow.status, narrow.document["customer"], narrow.document["customers"]) == (200, None, [])
    assert narrow.document["permissions"] == ["claims.load"]
    assert customer["id"] not in narrow.text
    assert customer["name"] not in narrow.text
    assert ask(as_key(world.own, "customer.read"), "GET", ME).document["customer"] == customer


def test_a_key_without_the_scope_is_told_which_it_needs(world: World):
    headers, path = as_key(world.own, "claims.read"), "/api/v1/customers/"
    for each in (path, f"{path}{world.own.customer.public_id}/", f"{path}{world.other.customer.public_id}/"):
        document = ask(headers, "GET", each).document
        assert (document["code"], document["detail"]) == ("not_permitted", "This needs the permission customer.read.")


def test_a_key_is_told_that_only_people_can_whatever_it_sends(world: World):
    asker, headers = Asker(world), as_key(world.own, "customer.read")
    for endpoint in endpoints():
        if endpoint.key in BODIES and issubclass(endpoint.view, ForPeople):
            for body in ({}, [], {"customer": 1}, "text"):
                answer = ask(headers, endpoint.method, asker.own_path(endpoint), body=body)
                assert (answer.status, answer.document["code"]) == (403, "people_only"), endpoint.name


# An operator


def looks(about: str) -> int:
    return InstallationEntry.objects.filter(verb="read", thing_kind="customer", thing_id=about, role="operator").count()


@pytest.mark.parametrize("caller", ["operator inside", "operator outside"])
def test_an_operators_look_at_a_customer_is_on_the_installations_record(caller: str, world: World):
    headers, public_id = world.headers(caller), world.other.customer.public_id
    assert ask(headers, "GET", f"/api/v1/customers/{public_id}/").status == 200
    assert looks(public_id) == 1
    assert ask(headers, "GET", "/api/v1/customers/").status == 200
    assert looks("") == 1


def test_a_members_look_at_their_own_customer_is_on_no_record(world: World):
    public_id = world.own.customer.public_id
    for caller in ("owner", "member of both", "key"):
        assert ask(world.headers(caller), "GET", f"/api/v1/customers/{public_id}/").status == 200
    assert not InstallationEntry.objects.filter(verb="read", thing_kind="customer").exists()


# Where a member acts


def test_a_member_enters_a_customer_of_theirs_whatever_the_reason(world: World):
    who = newcomer(world.own, "viewer")
    join(world.other, who, "viewer")
    for practice, reason in ((world.other, "to see"), (world.own, ""), (world.other, "x" * 200)):
        body = {"customer": practice.customer.public_id, "reason": reason}
        answer = ask(as_person(who, world.own.customer), "POST", ENTER, body=body)
        assert (answer.status, answer.document["customer"]["id"]) == (200, practice.customer.public_id)


def test_a_member_enters_no_other_customer_by_a_reason(world: World):
    headers = as_person(newcomer(world.own, "owner"), world.own.customer)
    for public_id in (world.other.customer.public_id, "cus_2222222222222222"):
        body = {"customer": public_id, "reason": "to help the practice"}
        answer = ask(headers, "POST", ENTER, body=body)
        assert (answer.status, answer.document["code"]) == (404, "customer_not_open")


def test_an_operator_is_told_that_there_is_no_such_customer(world: World):
    body = {"customer": "cus_2222222222222222", "reason": "to help the practice"}
    answer = ask(world.headers("operator outside"), "POST", ENTER, body=body)
    assert (answer.status, answer.document["code"]) == (404, "customer_not_open")


# What refusals point at

POINTED: list[tuple[str, str, dict[str, Any], str, str]] = [
    ("POST", "me/password/", {"current": "wrong", "new": "pears above eleven rivers"}, "password_wrong", "/current"),
    ("POST", "me/password/", {"current": PASSWORD, "new": "short"}, "password_unusable", "/new"),
    ("POST", "api-keys/", {"name": "\u200b", "scopes": ["claims.read"]}, "key_terms_unusable", "/name"),
    ("POST", "invitations/", {"email": "nobody", "role": "viewer"}, "email_unusable", "/email"),
    ("POST", "me/recovery-codes/", {"code": "000000"}, "no_second_factor", ""),
]


@pytest.mark.parametrize(("method", "path", "body", "code", "pointer"), POINTED)
def test_a_refusal_points_at_the_field_that_it_speaks_of(
    method: str, path: str, body: dict[str, Any], code: str, pointer: str, world: World
):
    document = ask(world.headers("owner"), method, f"/api/v1/{path}", body=body).document
    assert document["code"] == code
    if pointer:
        assert document["errors"] == [{"pointer": pointer, "detail": document["detail"]}]
        assert "(" not in document["detail"]
