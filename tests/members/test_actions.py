"""Members: added, changed, suspended, resumed, removed; the record and the choice of customers follow."""

import json
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payerwatch.audit.actors import Actor
from payerwatch.audit.models import Entry
from payerwatch.members.actions import (
    AlreadyMember,
    LastOwner,
    OwnRoleRaised,
    add_member,
    change_role,
    change_settings,
    remove_member,
    resume_member,
    suspend_member,
)
from payerwatch.members.authority import RoleNotYours
from payerwatch.members.models import Member
from payerwatch.members.people import suspend_person
from payerwatch.members.queries import UnknownMember, customers_of, members
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from payerwatch.tenancy.time_zones import TimeZoneUnknown
from tests.make import ACTOR, customer
from tests.members.credentials import person
from tests.members.places import acting, now_is, owners, place, verbs

pytestmark = pytest.mark.django_db


@pytest.fixture
def practice() -> Customer:
    return customer()


def test_a_person_who_is_added_may_enter_the_customer(practice: Customer):
    ada = person()
    with acting_in(practice):
        member = add_member(ada, "analyst", actor=ACTOR)
    assert (member.role, member.state) == ("analyst", "active")
    assert list(customers_of(ada)) == [practice]
    assert verbs(practice)[-1] == "add"


def test_a_person_is_a_member_once(practice: Customer):
    member = place(practice, "viewer")
    with acting_in(practice), pytest.raises(AlreadyMember):
        add_member(member.person, "owner", actor=ACTOR)
    assert now_is(practice, member.person).role == "viewer"


def test_a_changed_role_is_recorded_with_both(practice: Customer):
    member = place(practice, "viewer")
    with acting_in(practice):
        assert change_role(member, "analyst", actor=acting("admin")).role == "analyst"
    assert now_is(practice, member.person).role == "analyst"
    assert verbs(practice)[-1] == "change_role"


def test_giving_the_role_one_has_changes_and_records_nothing(practice: Customer):
    member = place(practice, "viewer")
    before = verbs(practice)
    with acting_in(practice):
        change_role(member, "viewer", actor=ACTOR)
        resume_member(member, actor=ACTOR)
    assert verbs(practice) == before


def test_a_suspended_member_keeps_the_role_and_gets_it_back(practice: Customer):
    member = place(practice, "admin")
    with acting_in(practice):
        suspend_member(member, actor=ACTOR)
        suspend_member(member, actor=ACTOR)
    assert now_is(practice, member.person).state == "suspended"
    assert list(customers_of(member.person)) == []
    with acting_in(practice):
        resume_member(member, actor=ACTOR)
    assert (now_is(practice, member.person).role, now_is(practice, member.person).state) == ("admin", "active")
    assert list(customers_of(member.person)) == [practice]
    assert verbs(practice)[-2:] == ["suspend", "resume"]


def test_a_member_removed_keeps_their_other_customers(practice: Customer):
    other = customer("Other")
    member = place(practice)
    place(other, of=member.person)
    with acting_in(practice):
        remove_member(member, actor=ACTOR)
        assert not members().filter(public_id=member.public_id).exists()
    assert list(customers_of(member.person)) == [other]
    assert now_is(other, member.person).state == "active"
    assert verbs(practice)[-1] == "remove"


@pytest.mark.parametrize("action", [suspend_member, resume_member, remove_member])
def test_a_member_who_was_removed_meanwhile_is_unknown(practice: Customer, action):
    member = place(practice)
    same = now_is(practice, member.person)
    with acting_in(practice):
        remove_member(member, actor=ACTOR)
        with pytest.raises(UnknownMember):
            action(same, actor=ACTOR)


def test_an_admin_cannot_touch_who_became_an_owner_since_the_list_was_read(practice: Customer):
    place(practice, "owner")
    stale = place(practice, "viewer")
    with acting_in(practice):
        change_role(now_is(practice, stale.person), "owner", actor=ACTOR)
        with pytest.raises(RoleNotYours):
            remove_member(stale, actor=acting("admin"))


# The last owner


@pytest.mark.parametrize(
    "leave",
    [
        lambda member, actor: change_role(member, "admin", actor=actor),
        lambda member, actor: suspend_member(member, actor=actor),
        lambda member, actor: remove_member(member, actor=actor),
    ],
    ids=["step down", "suspend", "remove"],
)
def test_the_last_active_owner_stays_and_the_last_but_one_may_go(practice: Customer, leave):
    first, second = place(practice, "owner"), place(practice, "owner")
    with acting_in(practice):
        leave(first, acting("owner", first.person))
        for actor in (acting("owner", second.person), acting("operator"), ACTOR):
            with pytest.raises(LastOwner):
                leave(second, actor)
    assert owners(practice) == 1


def test_a_suspended_owner_and_one_whose_person_is_suspended_do_not_count(practice: Customer):
    acting_owner, suspended, barred = (place(practice, "owner") for _ in range(3))
    with acting_in(practice):
        suspend_member(suspended, actor=ACTOR)
    suspend_person(barred.person, actor=ACTOR)
    with acting_in(practice):
        with pytest.raises(LastOwner):
            remove_member(acting_owner, actor=ACTOR)
        remove_member(suspended, actor=ACTOR)
        remove_member(barred, actor=ACTOR)


def test_another_customers_owner_does_not_count(practice: Customer):
    member = place(practice, "owner")
    place(customer("Other"), "owner", of=member.person)
    with acting_in(practice), pytest.raises(LastOwner):
        remove_member(member, actor=ACTOR)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["owner", "admin", "analyst", "viewer", "suspend", "resume", "remove"]),
        st.integers(0, 3),
        st.sampled_from([0, 1, 2, 3, None]),
    ),
    max_size=25,
)


def take_step(what: str, member: Member, actor: Actor) -> None:
    actions = {"suspend": suspend_member, "resume": resume_member, "remove": remove_member}
    if what in actions:
        actions[what](member, actor=actor)
    else:
        change_role(member, what, actor=actor)


@given(STEPS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_done_an_active_owner_is_left(practice: Customer, steps: list[tuple[str, int, int | None]]):
    with acting_in(practice):
        Member.objects.all().delete()
    crew = [place(practice, role) for role in ("owner", "owner", "admin", "viewer")]
    for what, index, by in steps:
        actor = ACTOR if by is None else acting("owner", crew[by].person)
        with acting_in(practice), suppress(LastOwner, RoleNotYours, UnknownMember, OwnRoleRaised):
            take_step(what, crew[index], actor)
        assert owners(practice) >= 1


# Oneself


@pytest.mark.parametrize("role", ["admin", "analyst", "viewer"])
def test_nobody_raises_their_own_role_even_as_an_operator(practice: Customer, role: str):
    member = place(practice, role, of=person(is_operator=True))
    with acting_in(practice), pytest.raises(OwnRoleRaised):
        change_role(member, "owner", actor=acting("operator", member.person))
    assert now_is(practice, member.person).role == role


def test_an_owner_may_step_down_while_another_is_left(practice: Customer):
    place(practice, "owner")
    member = place(practice, "owner")
    with acting_in(practice):
        change_role(member, "viewer", actor=acting("owner", member.person))
    assert now_is(practice, member.person).role == "viewer"


# Settings and lists


def test_requiring_a_second_factor_is_kept_and_recorded_once(practice: Customer):
    with acting_in(practice):
        change_settings({"second_factor_required": True}, actor=ACTOR)
        change_settings({"second_factor_required": True}, actor=ACTOR)
    practice.refresh_from_db()
    assert practice.second_factor_required
    assert verbs(practice).count("change_settings") == 1


def test_only_what_is_named_is_set_and_the_record_tells_what_changed(practice: Customer):
    with acting_in(practice):
        change_settings({"second_factor_required": False, "time_zone": "America/Chicago"}, actor=ACTOR)
        entry = Entry.objects.latest("position")
    practice.refresh_from_db()
    assert (practice.time_zone, practice.second_factor_required) == ("America/Chicago", False)
    assert json.loads(entry.detail) == {
        "before": {"time_zone": "UTC"}, "after": {"time_zone": "America/Chicago"},
    }  # fmt: skip


@pytest.mark.parametrize("name", ["America/Springfield", "", "localtime", "Factory", "../../etc/passwd", "UTC\n"])
def test_a_time_zone_that_is_none_is_refused(practice: Customer, name: str):
    with acting_in(practice), pytest.raises(TimeZoneUnknown):
        change_settings({"time_zone": name}, actor=ACTOR)
    practice.refresh_from_db()
    assert practice.time_zone == "UTC"


@pytest.mark.parametrize("count", [1, 6])
def test_members_are_listed_in_one_query_however_many(practice: Customer, count: int, django_assert_num_queries):
    for _ in range(count):
        place(practice)
    place(customer("Other"))
    with acting_in(practice), django_assert_num_queries(1):
        listed = [(each.person.email, each.role, each.has_second_factor) for each in members()]
    assert len(listed) == count


def test_another_customers_member_is_not_listed(practice: Customer):
    foreign = place(customer("Other"))
    with acting_in(practice):
        assert not members().filter(public_id=foreign.public_id).exists()
