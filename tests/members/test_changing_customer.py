"""A session enters and leaves customers, each time with a new secret."""

import pytest

from payerwatch.audit.models import Entry, InstallationEntry
from payerwatch.members.models import Member, Person, Session
from payerwatch.members.roles import Role
from payerwatch.members.secrets import CredentialRefused
from payerwatch.members.sessions import (
    CustomerNotOpen,
    ReasonMissing,
    cookie_of,
    end_session,
    enter_as_operator,
    enter_customer,
    leave_customer,
)
from payerwatch.tenancy.context import acting_in
from tests import make
from tests.members import credentials

pytestmark = pytest.mark.django_db
REASON = "asked for help with a file"


def test_entering_a_customer_gives_a_new_secret_and_the_old_one_is_good_for_nothing():
    customer = make.customer()
    who = credentials.member(customer, "viewer")
    session, before = credentials.cookie_in(None, who)
    after = cookie_of(session, enter_customer(session, customer, actor=make.ACTOR))
    assert credentials.found(after).role == "viewer"
    assert after.split(".")[1] != before.split(".")[1]
    for cookie in (before, f"{customer.pk}.{before.split('.')[1]}"):
        with pytest.raises(CredentialRefused):
            credentials.found(cookie)
    assert credentials.verbs_of(customer)[-1] == "enter"


def test_a_cookie_planted_before_the_sign_in_is_not_the_one_after():
    who = credentials.person()
    planted = credentials.cookie_in(None, who)[1]
    signed_in = credentials.signed_in(who, device="")
    assert cookie_of(signed_in.session, signed_in.secret) != planted
    assert signed_in.session.pk != credentials.found(planted).session.pk


def test_nobody_enters_a_customer_that_is_not_theirs():
    other = make.customer("Other")
    session, cookie = credentials.cookie_in(None, credentials.member(make.customer("Own")))
    with pytest.raises(CustomerNotOpen):
        enter_customer(session, other, actor=make.ACTOR)
    assert credentials.found(cookie).session.customer_id is None


def test_a_suspended_member_enters_no_more():
    customer = make.customer()
    who = credentials.member(customer)
    with acting_in(customer):
        Member.objects.filter(person=who).update(state="suspended")
    session, _ = credentials.session(who)
    with pytest.raises(CustomerNotOpen):
        enter_customer(session, customer, actor=make.ACTOR)


def test_of_two_requests_that_change_the_customer_one_is_refused():
    customer = make.customer()
    who = credentials.member(customer)
    session, _ = credentials.session(who)
    seen_by_the_other = Session.objects.get(pk=session.pk)
    enter_customer(session, customer, actor=make.ACTOR)
    with pytest.raises(CredentialRefused):
        enter_customer(seen_by_the_other, customer, actor=make.ACTOR)


def test_an_ended_session_enters_nothing():
    customer = make.customer()
    session, _ = credentials.session(credentials.member(customer))
    end_session(session, "signed_out", actor=make.ACTOR)
    with pytest.raises(CredentialRefused):
        enter_customer(session, customer, actor=make.ACTOR)


def test_an_operator_enters_with_a_reason_that_both_records_keep():
    customer = make.customer()
    session, _ = credentials.cookie_in(None, credentials.person(is_operator=True))
    cookie = cookie_of(session, enter_as_operator(session, customer, f"  {REASON} ", actor=make.ACTOR))
    assert credentials.found(cookie).role == Role.OPERATOR
    assert credentials.found(cookie).session.reason == REASON
    with acting_in(customer):
        entries = [Entry.objects.last(), InstallationEntry.objects.order_by("position").last()]
    assert all(entry.verb == "enter" and REASON in entry.detail for entry in entries)


@pytest.mark.parametrize("reason", ["", "too short", " " * 20, "x\x00" * 10, "y" * 201])
def test_an_operator_without_a_proper_reason_does_not_enter(reason):
    session, _ = credentials.session(credentials.person(is_operator=True))
    with pytest.raises(ReasonMissing):
        enter_as_operator(session, make.customer(), reason, actor=make.ACTOR)


def test_a_person_who_is_no_operator_does_not_enter_as_one():
    customer = make.customer()
    session, _ = credentials.session(credentials.member(customer, "owner"))
    with pytest.raises(CustomerNotOpen):
        enter_as_operator(session, customer, REASON, actor=make.ACTOR)


def test_who_is_an_operator_no_longer_has_no_role_where_they_entered():
    customer = make.customer()
    who = credentials.person(is_operator=True)
    session, _ = credentials.session(who)
    cookie = cookie_of(session, enter_as_operator(session, customer, REASON, actor=make.ACTOR))
    Person.objects.filter(pk=who.pk).update(is_operator=False)
    assert credentials.found(cookie).role == ""


def test_leaving_a_customer_gives_a_new_secret_and_takes_the_reason_away():
    customer = make.customer()
    session, _ = credentials.session(credentials.person(is_operator=True))
    inside = cookie_of(session, enter_as_operator(session, customer, REASON, actor=make.ACTOR))
    outside = cookie_of(session, leave_customer(session, actor=make.ACTOR))
    assert (credentials.found(outside).role, credentials.found(outside).session.reason) == ("", "")
    with pytest.raises(CredentialRefused):
        credentials.found(inside)
    assert credentials.installation_verbs()[-2:] == credentials.verbs_of(customer)[-2:] == ["enter", "leave"]
