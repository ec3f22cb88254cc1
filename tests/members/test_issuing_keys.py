"""Issuing keys: shown once, within what keys may have and the issuer has, on terms that can be."""

import pytest

from payerwatch.audit.actors import Actor
from payerwatch.audit.models import Entry
from payerwatch.members import keys
from payerwatch.members.authority import NoLongerYours
from payerwatch.members.keys import (
    KeyTermsUnusable,
    UnknownScope,
    issue_key,
)
from payerwatch.members.models import ApiKey
from payerwatch.members.roles import SCOPES, Permission
from payerwatch.members.secrets import digest
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests import make
from tests.make import ACTOR
from tests.members.places import acting


def issued(customer: Customer, **terms: object) -> keys.IssuedKey:
    usual = {"name": "nightly load", "scopes": ["claims.read"], "actor": ACTOR}
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
    assert entries(customer)[-1] == ("issue", made.key.public_id)


@pytest.mark.django_db
def test_the_record_of_a_key_holds_nothing_of_its_text():
    customer = make.customer()
    made = issued(customer)
    with acting_in(customer):
        assert made.text[20:] not in str(Entry.objects.values_list("detail", flat=True).last())


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["operator", "owner", "admin"])
@pytest.mark.parametrize("scope", sorted(SCOPES))
def test_who_manages_keys_gives_one_each_scope_that_keys_may_have(role, scope):
    customer = make.customer()
    with acting_in(customer):
        actor = acting(role)
    made = issued(customer, scopes=[scope, scope], actor=actor)
    assert made.key.scopes == [scope]
    assert made.key.issued_by == actor.id


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["analyst", "viewer", "", "god"])
def test_who_does_not_manage_keys_gives_none(role):
    customer = make.customer()
    with acting_in(customer):
        actor = acting(role)
    with pytest.raises(NoLongerYours):
        issued(customer, actor=actor)


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["key", "job", "anonymous"])
def test_keys_jobs_and_strangers_give_none_whatever_role_they_claim(kind):
    with pytest.raises(NoLongerYours):
        issued(make.customer(), actor=Actor(kind, role="owner"))


@pytest.mark.django_db
@pytest.mark.parametrize("beyond", [*sorted(set(Permission) - SCOPES), "no.such"])
def test_no_role_can_give_a_key_what_keys_may_not_have(beyond):
    customer = make.customer()
    with acting_in(customer):
        actors = [ACTOR, *(acting(role) for role in ("operator", "owner", "admin"))]
    for actor in actors:
        with pytest.raises(UnknownScope):
            issued(customer, scopes=["claims.read", beyond], actor=actor)


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
