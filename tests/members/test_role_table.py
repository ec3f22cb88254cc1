"""Who may do what to whose place: every role on every role, held against the table `MANAGES`."""

from collections.abc import Callable

import pytest

from payerwatch.audit.actors import Actor
from payerwatch.members.actions import add_member, change_role, remove_member, resume_member, suspend_member
from payerwatch.members.authority import OperatorsOnly, RoleNotYours, RoleUnknown
from payerwatch.members.invitations import invite, resend_invitation, withdraw_invitation
from payerwatch.members.models import Member
from payerwatch.members.people import resume_person, suspend_person
from payerwatch.members.roles import MANAGES, Role
from payerwatch.members.second_factor import NoSecondFactor, reset_second_factor
from payerwatch.tenancy.context import acting_in
from tests.make import ACTOR, customer
from tests.members.credentials import person
from tests.members.places import acting, now_is, place

pytestmark = pytest.mark.django_db

ROLES = list(Role)
MEMBERS = list(Role.of_members())

# What requirements say, apart from the code: role -> whose places it manages.
EXPECTED = {
    "operator": {"owner", "admin", "analyst", "viewer"},
    "owner": {"owner", "admin", "analyst", "viewer"},
    "admin": {"analyst", "viewer"},
    "analyst": set(),
    "viewer": set(),
}

TO_A_MEMBER: dict[str, Callable[[Member, Actor], object]] = {
    "suspend": lambda member, actor: suspend_member(member, actor=actor),
    "resume": lambda member, actor: resume_member(member, actor=actor),
    "remove": lambda member, actor: remove_member(member, actor=actor),
    "keep the role": lambda member, actor: change_role(member, member.role, actor=actor),
}
FOR_AN_ADDRESS: dict[str, Callable[[str, Actor], object]] = {
    "invite": lambda role, actor: invite(f"for.{actor.id}@example.com", role, actor=actor),
    "add": lambda role, actor: add_member(person("New"), role, actor=actor),
}


def test_the_table_is_what_was_asked_for():
    assert {role.value: {each.value for each in managed} for role, managed in MANAGES.items()} == EXPECTED


def done(action: Callable[[], object]) -> bool:
    """Whether the action was done and not refused for the role."""
    try:
        action()
    except RoleNotYours:
        return False
    return True


@pytest.mark.parametrize("action", TO_A_MEMBER)
def test_a_role_acts_on_the_places_it_manages_and_no_others(action: str):
    practice = customer()
    place(practice, "owner")  # so that no other is the last
    found = {}
    for role in ROLES:
        for other in MEMBERS:
            member = place(practice, other)
            with acting_in(practice):
                found[role.value, other.value] = done(
                    lambda member=member, role=role: TO_A_MEMBER[action](member, acting(role))
                )
    assert found == {(role.value, other.value): other in EXPECTED[role] for role in ROLES for other in MEMBERS}


@pytest.mark.parametrize("action", FOR_AN_ADDRESS)
def test_a_role_gives_the_places_it_manages_and_no_others(action: str):
    practice = customer()
    found = {}
    for role in ROLES:
        for other in MEMBERS:
            with acting_in(practice):
                found[role.value, other.value] = done(
                    lambda role=role, other=other: FOR_AN_ADDRESS[action](other, acting(role))
                )
    assert found == {(role.value, other.value): other in EXPECTED[role] for role in ROLES for other in MEMBERS}


def test_changing_a_role_needs_the_present_and_the_new_one():
    practice = customer()
    place(practice, "owner")
    for role in ROLES:
        for present in MEMBERS:
            for new in MEMBERS:
                member = place(practice, present)
                with acting_in(practice):
                    changed = done(
                        lambda member=member, new=new, role=role: change_role(member, new, actor=acting(role))
                    )
                assert changed == ({present, new} <= EXPECTED[role]), (role, present, new)
                assert now_is(practice, member.person).role == (new if changed else present)


@pytest.mark.parametrize("action", [resend_invitation, withdraw_invitation])
def test_an_invitation_is_managed_by_who_may_give_its_role(action: Callable):
    practice = customer()
    for role in ROLES:
        for other in MEMBERS:
            with acting_in(practice):
                waiting = invite(f"{role}.{other}@example.com", other, actor=ACTOR).invitation
                allowed = done(lambda waiting=waiting, role=role: action(waiting, actor=acting(role)))
            assert allowed == (other in EXPECTED[role]), (role, other)


def test_an_admin_does_not_replace_an_invitation_to_a_higher_role():
    with acting_in(customer()):
        first = invite("new@example.com", "owner", actor=ACTOR).invitation
        with pytest.raises(RoleNotYours):
            invite("new@example.com", "viewer", actor=acting("admin"))
        first.refresh_from_db()
        assert first.withdrawn_at is None


@pytest.mark.parametrize("kind", ["key", "job", "anonymous"])
def test_keys_jobs_and_strangers_manage_nobody_whatever_role_they_claim(kind):
    with acting_in(customer()), pytest.raises(RoleNotYours):
        invite("new@example.com", "viewer", actor=Actor(kind, role="owner"))


@pytest.mark.parametrize("role", ["", "operator", "Owner", "root", "owner "])
def test_what_is_no_role_of_members_is_refused(role: str):
    practice = customer()
    member = place(practice)
    with acting_in(practice):
        with pytest.raises(RoleUnknown):
            invite("new@example.com", role, actor=ACTOR)
        with pytest.raises(RoleUnknown):
            change_role(member, role, actor=ACTOR)


@pytest.mark.parametrize("action", [suspend_person, resume_person, reset_second_factor])
@pytest.mark.parametrize("role", MEMBERS)
def test_what_concerns_the_installation_is_for_operators(action: Callable, role: Role):
    with pytest.raises(OperatorsOnly):
        action(person(), actor=acting(role))


def test_an_operator_may_do_what_concerns_the_installation():
    someone = person()
    suspend_person(someone, actor=acting("operator"))
    resume_person(someone, actor=acting("operator"))
    with pytest.raises(NoSecondFactor):
        reset_second_factor(someone, actor=acting("operator"))
