"""API keys: shown once, known by their form, good within their terms, rotated with an overlap."""

from datetime import timedelta

import pytest
from django.utils import timezone

from payerwatch.audit.models import Entry
from payerwatch.members import keys
from payerwatch.members.authority import NoLongerYours
from payerwatch.members.keys import (
    KeyRotatedAlready,
    KeyTermsUnusable,
    UnknownKey,
    customer_of,
    find_key,
    issue_key,
    note_use,
    revoke_key,
    rotate_key,
)
from payerwatch.members.models import ApiKey
from payerwatch.members.secrets import CredentialRefused
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests import make
from tests.make import ACTOR
from tests.members.places import acting


def issued(customer: Customer, **terms: object) -> keys.IssuedKey:
    usual = {"name": "nightly load", "scopes": ["claims.read"], "actor": ACTOR}
    return issue_key(customer, **{**usual, **terms})


def found(text: str, *, address: str = "", at: timedelta = timedelta(0)) -> ApiKey:
    with acting_in(customer_of(text)):
        return find_key(text, address, timezone.now() + at)


def entries(customer: Customer) -> list[tuple[str, str]]:
    with acting_in(customer):
        return list(Entry.objects.order_by("position").values_list("verb", "thing_id"))


# At the door


@pytest.mark.django_db
def test_a_key_is_found_in_one_query_with_its_customer(django_assert_num_queries):
    customer = make.customer()
    made = issued(customer)
    with acting_in(customer), django_assert_num_queries(1):
        key = find_key(made.text, "192.0.2.1", timezone.now())
        assert (key.pk, key.customer.name) == (made.key.pk, customer.name)


@pytest.mark.django_db
def test_a_key_that_never_was_is_refused_like_any_other():
    customer = make.customer()
    with pytest.raises(CredentialRefused):
        found(keys._new_text(customer.pk))


@pytest.mark.django_db
def test_another_customers_key_is_not_found():
    own, other = make.customer("Own"), make.customer("Other")
    theirs = issued(other)
    with acting_in(own), pytest.raises(CredentialRefused):
        find_key(theirs.text, "", timezone.now())


@pytest.mark.django_db
def test_a_key_renamed_to_another_customer_is_refused_even_with_a_right_checksum():
    own, other = make.customer("Own"), make.customer("Other")
    body = issued(other).text[:-6].replace(f"_{keys._spelled(other.pk, keys._BASE36)}_", f"_{own.pk}_")
    with pytest.raises(CredentialRefused):
        found(body + keys._checksum(body))


@pytest.mark.django_db
def test_a_revoked_key_is_refused_on_the_next_request():
    customer = make.customer()
    made = issued(customer)
    assert found(made.text)
    revoke_key(made.key, actor=ACTOR)
    with pytest.raises(CredentialRefused):
        found(made.text)
    with pytest.raises(UnknownKey):
        revoke_key(made.key, actor=ACTOR)
    assert entries(customer)[-1] == ("revoke", made.key.public_id)


@pytest.mark.django_db
@pytest.mark.parametrize(("terms", "days"), [({}, 365), ({"expires_in_days": 2}, 2), ({"expires_in_days": 730}, 730)])
def test_a_key_ends_when_it_expires(terms, days):
    made = issued(make.customer(), **terms)
    assert found(made.text, at=timedelta(days=days, seconds=-60))
    with pytest.raises(CredentialRefused):
        found(made.text, at=timedelta(days=days))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("address", "let_in"),
    [
        ("203.0.113.7", True),
        ("::ffff:203.0.113.7", True),
        ("2001:db8:1::5", True),
        ("198.51.100.1", True),
        ("198.51.100.2", False),
        ("203.0.114.1", False),
        ("2001:db9::1", False),
        ("", False),
        ("unix", False),
    ],
)
def test_a_key_with_a_list_of_networks_is_good_from_these_alone(address, let_in):
    made = issued(make.customer(), allowed_addresses=["203.0.113.0/24", "2001:db8::/32", "198.51.100.1"])
    if let_in:
        assert found(made.text, address=address)
    else:
        with pytest.raises(CredentialRefused):
            found(made.text, address=address)


@pytest.mark.django_db
def test_all_refusals_of_a_key_are_alike():
    customer = make.customer()
    revoked, elsewhere = issued(customer), issued(customer, allowed_addresses=["203.0.113.0/24"])
    revoke_key(revoked.key, actor=ACTOR)
    said = set()
    for text in (revoked.text, elsewhere.text, keys._new_text(customer.pk), elsewhere.text[:-1] + "!"):
        with pytest.raises(CredentialRefused) as refused:
            found(text)
        said.add(str(refused.value.as_dict()))
    assert len(said) == 1


@pytest.mark.django_db
def test_use_is_noted_at_most_once_a_minute(django_assert_num_queries):
    customer = make.customer()
    key, now = issued(customer).key, timezone.now()
    with acting_in(customer):
        note_use(key, "192.0.2.1", now)
        note_use(key, "192.0.2.2", now + timedelta(seconds=59))  # as another request, which read the key before
        key.refresh_from_db()
        assert (key.last_used_at, key.last_used_address) == (now, "192.0.2.1")
        with django_assert_num_queries(0):
            note_use(key, "192.0.2.3", now + timedelta(seconds=59))
        note_use(key, "192.0.2.4", now + timedelta(seconds=60))
        key.refresh_from_db()
    assert key.last_used_address == "192.0.2.4"


# Rotation


@pytest.mark.django_db
def test_rotating_gives_the_same_rights_and_the_old_key_stays_for_the_overlap():
    customer = make.customer()
    old = issued(customer, scopes=["claims.load", "claims.read"], allowed_addresses=["203.0.113.0/24"])
    new = rotate_key(old.key, overlap=timedelta(hours=2), actor=ACTOR)
    assert new.text != old.text
    for field in ("name", "scopes", "allowed_addresses"):
        assert getattr(new.key, field) == getattr(old.key, field)
    assert new.key.rotated_from_id == old.key.pk
    assert new.key.expires_at - new.key.created_at == pytest.approx(timedelta(days=365), abs=timedelta(seconds=5))
    caller = "203.0.113.9"
    assert found(old.text, address=caller, at=timedelta(hours=1, minutes=59))
    with pytest.raises(CredentialRefused):
        found(old.text, address=caller, at=timedelta(hours=2, minutes=1))
    assert found(new.text, address=caller, at=timedelta(days=364))
    assert entries(customer)[-1] == ("rotate", old.key.public_id)


@pytest.mark.django_db
def test_an_overlap_never_lengthens_a_keys_life():
    old = issued(make.customer(), expires_in_days=1)
    rotate_key(old.key, overlap=timedelta(days=7), actor=ACTOR)
    with pytest.raises(CredentialRefused):
        found(old.text, at=timedelta(days=1, minutes=1))


@pytest.mark.django_db
def test_with_no_overlap_the_old_key_ends_at_once():
    old = issued(make.customer())
    new = rotate_key(old.key, overlap=timedelta(0), actor=ACTOR)
    with pytest.raises(CredentialRefused):
        found(old.text)
    assert found(new.text)


@pytest.mark.django_db
@pytest.mark.parametrize("overlap", [timedelta(days=7, seconds=1), timedelta(seconds=-1)])
def test_an_overlap_beyond_a_week_is_refused(overlap):
    with pytest.raises(KeyTermsUnusable):
        rotate_key(issued(make.customer()).key, overlap=overlap, actor=ACTOR)


@pytest.mark.django_db
def test_a_key_is_rotated_once_and_only_while_in_force():
    customer = make.customer()
    old, revoked = issued(customer), issued(customer)
    new = rotate_key(old.key, actor=ACTOR)
    revoke_key(revoked.key, actor=ACTOR)
    with pytest.raises(UnknownKey):
        rotate_key(revoked.key, actor=ACTOR)
    with pytest.raises(KeyRotatedAlready) as refused:
        rotate_key(old.key, actor=ACTOR)
    assert new.key.public_id in refused.value.message
    revoke_key(old.key, actor=ACTOR)
    with pytest.raises(UnknownKey):
        rotate_key(old.key, actor=ACTOR)


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["analyst", "viewer"])
def test_who_does_not_manage_keys_neither_rotates_nor_revokes_one(role):
    customer = make.customer()
    old = issued(customer, scopes=["audit.read"])
    with acting_in(customer):
        actor = acting(role)
    for action in (rotate_key, revoke_key):
        with pytest.raises(NoLongerYours):
            action(old.key, actor=actor)
    assert found(old.text, at=timedelta(days=300))
