"""`payerwatch issue_key`: the key is printed once, and is good."""

import pytest
from django.utils import timezone

from payerwatch.audit.models import Entry
from payerwatch.members.keys import customer_of, find_key
from payerwatch.tenancy.context import acting_in
from tests import make

pytestmark = pytest.mark.django_db


def test_the_key_printed_opens_the_door_from_where_it_may_call():
    customer = make.customer()
    scopes = ("--scope", "claims.load", "claims.read", "--scope", "customer.read")
    done = make.answer("issue_key", "--name", "nightly load", *scopes, "--address", "203.0.113.0/24")
    assert done.code == 0, done.document
    with acting_in(customer_of(done.document["key"])):
        key = find_key(done.document["key"], "203.0.113.9", timezone.now())
        entry = Entry.objects.order_by("position").last()
    assert (key.customer, key.public_id) == (customer, done.document["id"])
    assert key.scopes == done.document["scopes"] == ["claims.load", "claims.read", "customer.read"]
    assert (entry.verb, entry.actor_kind, entry.thing_id) == ("issue", "command", key.public_id)


def test_people_are_told_that_it_is_not_shown_again():
    make.customer()
    said = make.words("issue_key", "--name", "[bold]nightly", "--scope", "claims.read", "--expires-in-days", "30")
    assert "pw_live_" in said
    assert "[bold]nightly" in said
    assert "not shown again" in said


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--scope", "members.manage"), "unknown_scope"),
        (("--scope", "everything"), "unknown_scope"),
        (("--scope", "claims.read", "--expires-in-days", "731"), "key_terms_unusable"),
        (("--scope", "claims.read", "--address", "here"), "key_terms_unusable"),
    ],
)
def test_terms_that_cannot_be_are_refused_with_the_fix(options, code):
    make.customer()
    refused = make.answer("issue_key", "--name", "nightly load", *options)
    assert refused.error["code"] == code
    assert refused.error["fix"]


def test_a_customer_nobody_knows_gets_no_key():
    assert make.answer("issue_key", "--name", "x", "--scope", "claims.read").error["code"] == "unknown_customer"


def test_a_scope_that_is_refused_is_named_and_free_text_is_not():
    make.customer()
    scopes = ("--scope", "members.manage", "claims.read", "claims.raed", "Ann Bee", f"{'a' * 20}.b", "claims.read\n")
    message = make.answer("issue_key", "--name", "x", *scopes).error["message"]
    assert message == "A key cannot be given this scope: claims.raed, members.manage."
