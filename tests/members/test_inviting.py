"""Whom one may invite, how often, and what the record says of it."""

import json
from typing import Any

import pytest

from payerwatch.audit.models import Entry
from payerwatch.members import invitations
from payerwatch.members.actions import OperatorIsNoMember, add_member, resume_member, suspend_member
from payerwatch.members.invitations import (
    InvitationUnusable,
    TooManyInvitations,
    accept_invitation,
    invite,
    resend_invitation,
)
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests.make import ACTOR, customer
from tests.members.credentials import PASSWORD, origin, person
from tests.members.places import acting, place

pytestmark = pytest.mark.django_db


@pytest.fixture
def practice() -> Customer:
    return customer()


def detail(practice: Customer, verb: str) -> Any:
    """What the last entry of this verb tells."""
    with acting_in(practice):
        return json.loads(Entry.objects.filter(verb=verb).order_by("position").last().detail)


def test_the_record_says_who_was_invited_to_what_and_what_that_replaced(practice: Customer):
    with acting_in(practice):
        first = invite("new@example.com", "viewer", actor=ACTOR).invitation
    assert detail(practice, "invite") == {"after": {"email": "new@example.com", "role": "viewer"}}
    with acting_in(practice):
        invite("New@example.com", "admin", actor=ACTOR)
    assert detail(practice, "invite") == {
        "before": {"replaced": [first.public_id]},
        "after": {"email": "new@example.com", "role": "admin"},
    }


def test_the_record_says_what_state_a_member_was_in_and_is_in(practice: Customer):
    member = place(practice)
    with acting_in(practice):
        suspend_member(member, actor=ACTOR)
        resume_member(member, actor=ACTOR)
    for verb, states in (("suspend", ("active", "suspended")), ("resume", ("suspended", "active"))):
        told = detail(practice, verb)
        assert (told["before"]["state"], told["after"]["state"]) == states


def test_an_address_is_written_to_5_times_an_hour_by_one_customer(practice: Customer):
    with acting_in(practice):
        actor = acting("owner")
        sent = invite("new@example.com", "viewer", actor=actor).invitation
        for _ in range(4):
            resend_invitation(sent, actor=actor)
        for again in (
            lambda: resend_invitation(sent, actor=actor),
            lambda: invite("NEW@example.com", "viewer", actor=acting("owner")),
        ):
            with pytest.raises(TooManyInvitations) as refused:
                again()
        assert refused.value.retry_after > 0
        invite("other@example.com", "viewer", actor=actor)
    with acting_in(customer("Other")):
        assert invite("new@example.com", "viewer", actor=acting("owner"))


def test_a_customer_sends_50_invitations_a_day_and_its_operator_any_number(practice: Customer):
    with acting_in(practice):
        actor = acting("owner")
        for number in range(50):
            invite(f"{number}@example.com", "viewer", actor=actor)
        with pytest.raises(TooManyInvitations):
            invite("50@example.com", "viewer", actor=actor)
        assert invite("50@example.com", "viewer", actor=ACTOR)


def test_an_operator_becomes_no_member(practice: Customer):
    operator = person(is_operator=True)
    with acting_in(practice):
        with pytest.raises(OperatorIsNoMember):
            add_member(operator, "viewer", actor=ACTOR)
        text = invite(operator.email, "viewer", actor=ACTOR).text
    with pytest.raises(OperatorIsNoMember):
        accept_invitation(text, password=PASSWORD, origin=origin())
    with pytest.raises(OperatorIsNoMember):
        accept_invitation(text, origin=origin(), person=operator)


def test_an_old_link_is_not_good_where_it_was_found_just_before_it_was_sent_again(practice: Customer, monkeypatch):
    with acting_in(practice):
        sent = invite("new@example.com", "viewer", actor=ACTOR)
    find = invitations._found

    def find_and_be_overtaken(text: str) -> Any:
        found = find(text)
        with acting_in(practice):
            resend_invitation(sent.invitation, actor=ACTOR)
        return found

    monkeypatch.setattr(invitations, "_found", find_and_be_overtaken)
    with pytest.raises(InvitationUnusable):
        accept_invitation(sent.text, name="New", password="seven grey herons wade", origin=origin())
