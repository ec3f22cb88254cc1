"""What people set up together is changed only by who has read it as it is."""

import pytest

from payerwatch.tenancy.models import Customer
from payerwatch.web.api.conditional import tag_of
from tests.api.world import Answer, World, ask, matching

pytestmark = pytest.mark.django_db(transaction=True)

SETTINGS = "/api/v1/settings/"
ON = {"second_factor_required": True}


def change(world: World, if_match: str | None, caller: str = "owner") -> Answer:
    named = {} if if_match is None else {"If-Match": if_match}
    return ask({**world.headers(caller), **named}, "PATCH", SETTINGS, body=ON)


def present(world: World) -> str:
    return matching(world.headers("owner"), SETTINGS)["If-Match"]


def is_on(world: World) -> bool:
    return Customer.objects.get(pk=world.own.customer.pk).second_factor_required


def test_without_if_match_nothing_is_changed(world: World):
    answer = change(world, None)
    assert (answer.status, answer.document["code"]) == (428, "precondition_required")
    assert not is_on(world)


STALE = ('"0123456789abcdef0123456789abcdef"', '"a", "b"', "none", "", '"*"')


@pytest.mark.parametrize("named", STALE)
def test_another_state_than_the_present_is_refused(named: str, world: World):
    answer = change(world, named)
    assert (answer.status, answer.document["code"]) == (412, "precondition_failed")
    assert not is_on(world)


def test_a_weak_tag_and_one_without_quotes_match_nothing(world: World):
    tag = present(world)
    for named in (f"W/{tag}", tag.strip('"')):
        assert change(world, named).status == 412
    assert not is_on(world)


@pytest.mark.parametrize("form", ["{}", '"other", {}', " {} ", "*"])
def test_the_present_state_is_matched_alone_in_a_list_or_whatever_it_is(form: str, world: World):
    assert change(world, form.format(present(world))).status == 200
    assert is_on(world)


def test_what_a_change_leaves_out_stays_as_it_is(world: World):
    headers = matching(world.headers("owner"), SETTINGS)
    unknown = ask(headers, "PATCH", SETTINGS, body={"time_zone": "Mars/Olympus"})
    assert (unknown.status, unknown.document["code"]) == (400, "time_zone_unknown")
    assert ask(headers, "PATCH", SETTINGS, body={"time_zone": "America/Denver"}).status == 200
    assert change(world, present(world)).document == {**ON, "time_zone": "America/Denver"}


def test_the_answer_to_a_change_carries_the_tag_by_which_the_next_is_made(world: World):
    off = {"second_factor_required": False}
    headers = world.headers("owner")
    for _ in range(2):
        answer = ask(matching(headers, SETTINGS), "PATCH", SETTINGS, body=off)
        assert dict(answer.headers)["ETag"] == present(world)
    answer = change(world, present(world))
    assert dict(answer.headers)["ETag"] == tag_of(answer.body)
    assert answer.document == {**ON, "time_zone": "UTC"}


def test_who_may_not_change_it_is_told_so_before_any_tag_is_compared(world: World):
    for named in (None, "*", '"stale"'):
        assert change(world, named, "viewer").document["code"] == "not_permitted"
