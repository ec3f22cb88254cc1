"""Who was made less since the door let them in does nothing that needs more."""

from collections.abc import Callable

import pytest
from django.utils import timezone

from payerwatch.audit.actors import Actor
from payerwatch.members.actions import (
    add_member,
    change_role,
    change_settings,
    remove_member,
    resume_member,
    suspend_member,
)
from payerwatch.members.authority import NoLongerYours, RoleNotYours
from payerwatch.members.invitations import invite, resend_invitation, withdraw_invitation
from payerwatch.members.keys import issue_key, revoke_key, rotate_key
from payerwatch.members.models import ApiKey, Member, Person
from payerwatch.members.people import suspend_person
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests.make import ACTOR, customer
from tests.members.credentials import person
from tests.members.places import acting, place

pytestmark = pytest.mark.django_db


@pytest.fixture
def practice() -> Customer:
    return customer()


ACTIONS: dict[str, Callable[[Member, Actor], object]] = {
    "add": lambda _, actor: add_member(person(), "viewer", actor=actor),
    "change the role": lambda member, actor: change_role(member, "viewer", actor=actor),
    "suspend": lambda member, actor: suspend_member(member, actor=actor),
    "resume": lambda member, actor: resume_member(member, actor=actor),
    "remove": lambda member, actor: remove_member(member, actor=actor),
    "require a second factor": lambda _, actor: change_settings({"second_factor_required": True}, actor=actor),
    "invite": lambda _, actor: invite("new@example.com", "viewer", actor=actor),
    "resend": lambda _, actor: resend_invitation(
        invite("a@example.com", "viewer", actor=ACTOR).invitation, actor=actor
    ),
    "withdraw": lambda _, actor: withdraw_invitation(
        invite("a@example.com", "viewer", actor=ACTOR).invitation, actor=actor
    ),
    "issue a key": lambda _, actor: issue(actor),
    "rotate a key": lambda _, actor: rotate_key(issue(ACTOR), actor=actor),
    "revoke a key": lambda _, actor: revoke_key(issue(ACTOR), actor=actor),
}
BECAME_LESS: dict[str, Callable[[Member], object]] = {
    "made a viewer": lambda owner: change_role(owner, "viewer", actor=ACTOR),
    "suspended": lambda owner: suspend_member(owner, actor=ACTOR),
    "removed": lambda owner: remove_member(owner, actor=ACTOR),
    "suspended everywhere": lambda owner: suspend_person(owner.person, actor=ACTOR),
}


def issue(actor: Actor) -> ApiKey:
    return issue_key(Customer.objects.get(), name="k", scopes=["claims.read"], actor=actor).key


@pytest.mark.parametrize("less", BECAME_LESS)
@pytest.mark.parametrize("action", ACTIONS)
def test_who_became_less_since_the_door_let_them_in_does_nothing_more(practice: Customer, action: str, less: str):
    place(practice, "owner")
    member, stale = place(practice, "analyst"), place(practice, "owner")
    with acting_in(practice):
        BECAME_LESS[less](stale)
        with pytest.raises((RoleNotYours, NoLongerYours)):
            ACTIONS[action](member, acting("owner", stale.person))


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("less", ["no operator", "suspended"])
def test_who_is_no_operator_any_more_does_nothing_more(practice: Customer, action: str, less: str):
    member, stale = place(practice, "analyst"), person(is_operator=True)
    actor = acting("operator", stale)
    with acting_in(practice):
        ACTIONS[action](member, actor)
    gone = {"is_operator": False} if less == "no operator" else {"suspended_at": timezone.now()}
    Person.objects.filter(pk=stale.pk).update(**gone)
    member = place(practice, "analyst")
    with acting_in(practice), pytest.raises((RoleNotYours, NoLongerYours)):
        ACTIONS[action](member, actor)
