"""Issuing keys: shown once, within what keys may have and the issuer has, on terms that can be."""

import pytest

from payerwatch.audit.actors import Actor
from payerwatch.audit.models import Entry
from payerwatch.members import keys
from payerwatch.members.keys import (
    KeyTermsUnusable,
    UnknownScope,
    issue_key,
)
from payerwatch.members.models import ApiKey
from payerwatch.members.roles import SCOPES, Permission, Role
from payerwatch.members.secrets import digest
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests import make

OWNER = Actor("person", "per_2222222222222222", "Ada", "owner")


def issued(customer: Customer, **terms: object) -> keys.IssuedKey:
    usual = {"name": "nightly load", "scopes": ["claims.read"], "actor": OWNER}
    return issue_key(customer, **{**usual, **terms})


def entries(customer: Customer) -> list[tuple[str, str]]:
    with acting_in(customer):
        return list(Entry.objects.order_by("position").values_list("verb", "thing_id"))


@pytest.mark.django_db
def test_a_keys_text_is_shown_once_and_not_stored():
    customer = make.customer()
    made = issued(customer)
    with acting_in(customer):
        stored = ApiKey.objects.values().get()
    assert made.text not in str(stored)
    assert stored["digest"] == digest(made.text)
    assert made.text.startswith(stored["prefix"])
    assert stored["issued_by"] == OWNER.id
    assert entries(customer)[-1] == ("issue", made.key.public_id)


@pytest.mark.django_db
def test_the_record_of_a_key_holds_nothing_of_its_text():
    customer = make.customer()
    made = issued(customer)
    with acting_in(customer):
        assert made.text[20:] not in str(Entry.objects.values_list("detail", flat=True).last())


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("role", "kind", "scope", "given"),
    [
        ("owner", "person", "audit.read", True),
        ("analyst", "person", "claims.load", True),
        ("analyst", "person", "audit.read", False),
        ("viewer", "person", "claims.load", False),
        ("owner", "person", "members.manage", False),
        ("owner", "person", "keys.manage", False),
        ("owner", "person", "no.such", False),
        ("", "person", "claims.read", False),
        ("god", "person", "claims.read", False),
        ("owner", "key", "claims.read", False),
        ("", "anonymous", "claims.read", False),
        ("", "command", "audit.read", True),
        ("", "command", "members.manage", False),
    ],
)
def test_a_key_gets_no_more_than_keys_may_have_and_its_issuer_has(role, kind, scope, given):
    customer, actor = make.customer(), Actor(kind, role=role)
    if given:
        assert issued(customer, scopes=[scope, scope], actor=actor).key.scopes == [scope]
    else:
        with pytest.raises(UnknownScope):
            issued(customer, scopes=[scope], actor=actor)


@pytest.mark.django_db
@pytest.mark.parametrize("beyond", sorted(set(Permission) - SCOPES))
def test_no_role_can_give_a_key_what_keys_may_not_have(beyond):
    customer = make.customer()
    for role in Role:
        with pytest.raises(UnknownScope):
            issued(customer, scopes=["claims.read", beyond], actor=Actor("person", role=role))


@pytest.mark.django_db
@pytest.mark.parametrize(
    "terms",
    [
        {"name": ""},
        {"name": "  "},
        {"name": "x" * 101},
        {"name": "a\x00b"},
        {"expires_in_days": 0},
        {"expires_in_days": -1},
        {"expires_in_days": 731},
        {"allowed_addresses": ["203.0.113.1/24"]},
        {"allowed_addresses": ["anywhere"]},
        {"allowed_addresses": [""]},
        {"allowed_addresses": [f"10.0.0.{number}" for number in range(51)]},
    ],
)
def test_terms_that_cannot_be_are_refused(terms):
    customer = make.customer()
    before = entries(customer)
    with pytest.raises(KeyTermsUnusable):
        issued(customer, **terms)
    assert entries(customer) == before


@pytest.mark.django_db
def test_a_key_without_scopes_is_refused():
    with pytest.raises(UnknownScope):
        issued(make.customer(), scopes=[])
