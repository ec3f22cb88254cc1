"""What tests are answered is held against what operations declare: shown by taking a declaration away."""

from typing import Any

import pytest

from payerwatch.members.invitations import TooManyInvitations
from payerwatch.web.api.catalogue import codes_of
from payerwatch.web.api.invitations import Invitations
from payerwatch.web.api.members import Members
from payerwatch.web.api.settings import Settings
from tests.api import declared
from tests.api.declared import undeclared
from tests.api.world import World, ask

pytestmark = pytest.mark.django_db(transaction=True)

NOBODY = {"email": "nobody", "role": "viewer"}


def problem(world: World) -> Any:
    return ask(world.headers("owner"), "POST", "/api/v1/invitations/", body=NOBODY).document


def test_a_problem_that_its_operation_does_not_declare_is_found(world: World, monkeypatch: pytest.MonkeyPatch):
    document = problem(world)
    assert (document["code"], undeclared("POST", "/api/v1/invitations/", document)) == ("email_unusable", "")
    monkeypatch.setattr(Invitations, "refuses", {"create": [TooManyInvitations]})
    declared._codes.cache_clear()
    found = undeclared("POST", "/api/v1/invitations/", document)
    declared._codes.cache_clear()
    assert found == "POST /api/v1/invitations/ does not say that it answers email_unusable"


@pytest.mark.parametrize("change", [{"code": "unheard"}, {"title": "Bad Request"}, {"status": 409}, {"type": "urn:x"}])
def test_a_problem_that_differs_from_the_catalogue_is_found(change: dict[str, Any], world: World):
    assert undeclared("POST", "/api/v1/invitations/", {**problem(world), **change})


def test_an_operation_declares_what_it_is_and_what_its_resource_says():
    resend, listing = codes_of(Invitations, "resend"), codes_of(Invitations, "list")
    assert {"not_found", "unknown_invitation", "idempotency_key_reused", "foreign_request"} <= set(resend)
    assert {"cursor_unusable", "not_permitted", "no_customer_chosen"} <= set(listing)
    assert not {"unknown_invitation", "idempotency_key_reused", "not_found"} & set(listing)
    assert "precondition_failed" in codes_of(Settings, "change")
    assert {"idempotency_key_not_taken"} <= set(codes_of(Members, "destroy")) - set(codes_of(Members, "list"))
