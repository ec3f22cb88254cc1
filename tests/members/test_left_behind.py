"""What somebody leaves whose place ends or becomes less: no invitation that still works, and keys that are named."""

import json
from collections.abc import Callable

import pytest

from payerwatch.audit.models import Entry
from payerwatch.members.actions import change_role, remove_member, suspend_member
from payerwatch.members.invitations import InvitationUnusable, accept_invitation, invite
from payerwatch.members.keys import issue_key, revoke_key
from payerwatch.members.models import Invitation, Member, Person
from payerwatch.members.people import suspend_person
from payerwatch.members.queries import waiting_invitations
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests.make import ACTOR, customer
from tests.members.credentials import origin, person
from tests.members.places import acting, place, verbs

pytestmark = pytest.mark.django_db

GOOD = "seven grey herons wade"


@pytest.fixture
def practice() -> Customer:
    made = customer()
    place(made, "owner")
    return made


def waiting(practice: Customer) -> set[str]:
    with acting_in(practice):
        return {each.role for each in waiting_invitations()}


@pytest.mark.parametrize(
    ("less", "left"),
    [
        (lambda member: remove_member(member, actor=ACTOR), {"admin"}),
        (lambda member: suspend_member(member, actor=ACTOR), {"admin"}),
        (lambda member: change_role(member, "viewer", actor=ACTOR), {"admin"}),
        (lambda member: change_role(member, "admin", actor=ACTOR), {"admin", "viewer"}),
    ],
    ids=["removed", "suspended", "made a viewer", "made an admin"],
)
def test_invitations_to_roles_the_inviter_may_give_no_longer_are_withdrawn(
    practice: Customer, less: Callable[[Member], object], left: set[str]
):
    member, other = place(practice, "owner"), place(practice, "owner")
    with acting_in(practice):
        for role in ("owner", "viewer"):
            invite(f"{role}@example.com", role, actor=acting("owner", member.person))
        invite("kept@example.com", "admin", actor=acting("owner", other.person))
        less(member)
    assert waiting(practice) == left
    assert verbs(practice).count("withdraw") == 3 - len(left)


@pytest.mark.parametrize("role", ["owner", "operator"])
def test_an_invitation_whose_sender_could_not_send_it_now_is_not_accepted(practice: Customer, role: str):
    inviter = person(is_operator=True) if role == "operator" else place(practice, role).person
    with acting_in(practice):
        text = invite("friend@example.com", "owner", actor=acting(role, inviter)).text
    suspend_person(inviter, actor=ACTOR)
    with pytest.raises(InvitationUnusable):
        accept_invitation(text, name="Friend", password=GOOD, origin=origin())
    Person.objects.filter(pk=inviter.pk).update(suspended_at=None)
    assert accept_invitation(text, name="Friend", password=GOOD, origin=origin()).role == "owner"


def test_a_place_made_less_without_being_told_to_the_invitations_lets_none_be_accepted(practice: Customer):
    inviter = place(practice, "owner")
    with acting_in(practice):
        text = invite("friend@example.com", "owner", actor=acting("owner", inviter.person)).text
        Member.objects.filter(pk=inviter.pk).update(role="admin")
        assert Invitation.objects.filter(withdrawn_at=None).exists()
    with pytest.raises(InvitationUnusable):
        accept_invitation(text, name="Friend", password=GOOD, origin=origin())


def test_a_removal_names_the_keys_in_force_that_the_person_issued(practice: Customer):
    member, other = place(practice, "admin"), place(practice, "admin")
    kept, revoked, _ = (
        issue_key(practice, name="load", scopes=["claims.read"], actor=acting("admin", each.person)).key
        for each in (member, member, other)
    )
    revoke_key(revoked, actor=ACTOR)
    with acting_in(practice):
        assert remove_member(member, actor=ACTOR) == [kept.public_id]
        entry = Entry.objects.order_by("position").last()
    assert (entry.verb, json.loads(entry.detail)["after"]) == ("remove", {"keys_still_in_force": [kept.public_id]})
