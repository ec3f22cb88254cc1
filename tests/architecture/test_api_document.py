"""What docs/api.md says of routes, permissions, filters and codes is what the API does."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from payerwatch.members.door import Admits
from payerwatch.members.roles import Permission
from payerwatch.refusals import Refusal, code_of
from payerwatch.web.api.catalogue import Described, catalogue
from payerwatch.web.api.filtering import PAGING
from payerwatch.web.api.for_people import ForPeople
from tests.api.routes import Endpoint, endpoints

pytestmark = pytest.mark.pure

TEXT = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
# What only commands are refused, a form has refused before, or is answered as another.
NOT_ANSWERED = {"key_refused", "operators_only", "person_exists", "role_unknown", "unknown_person"}


def table(heading: str) -> list[list[str]]:
    """The rows of the table under a heading, as cells."""
    lines = re.search(rf"^##+ {heading}\n(.*?)(?=^##+ |\Z)", TEXT, re.M | re.S)[1].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return rows[2:]


def address(endpoint: Endpoint) -> str:
    return endpoint.route.removeprefix("api/v1/").replace("<str:public_id>", "{id}").replace("<str:code>", "{code}")


def permission(endpoint: Endpoint) -> str:
    needed: Any = endpoint.needs
    if isinstance(needed, Permission):
        return f"`{needed}`"
    if needed is Admits.ANYONE:
        return "anyone"
    if issubclass(endpoint.view, ForPeople):
        return "people"
    return f"signed in; a key: `{endpoint.view.keys_need}`" if endpoint.view.keys_need else "signed in"


def test_each_route_is_described_with_its_permission_and_no_other_is():
    described = sorted((method, where.strip("`"), who) for method, where, who, _ in table("Routes"))
    there = [(each.method, address(each), permission(each)) for each in endpoints() if each.method != "HEAD"]
    assert described == sorted(there)


def test_each_filter_is_described_and_no_other_is():
    described = {where.strip("`"): set(re.findall(r"`(\w+)`", names)) for where, names in table("Filters")}
    assert described == {address(each): set(each.filters) for each in endpoints() if each.filters}


def test_each_order_is_described_in_its_place_and_no_other_is():
    described = {where.strip("`"): re.findall(r"`([\w-]+)`", names) for where, names in table("Orders")}
    assert described == {
        address(each): list(each.view.orders) for each in endpoints() if each.in_pages and each.view.orders
    }


def test_each_parameter_of_listings_is_described():
    assert {name for name, _ in table("Pages and filters")} == PAGING | {"order"}


def refusals(kind: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    yield kind
    for each in kind.__subclasses__():
        yield from refusals(each)


def test_the_table_of_codes_is_the_catalogue():
    """`python scripts/write_codes.py` writes it."""
    said = [[f"`{each.code}`", str(each.status.value), each.meaning, each.what_to_do] for each in catalogue().values()]
    assert table("Codes") == said


def test_every_refusal_of_the_door_and_the_api_is_in_the_catalogue_and_said_by_who_answers_it():
    ours = {each for each in refusals() if each.__module__.startswith(("payerwatch.members.", "payerwatch.web."))}
    assert {code_of(each) for each in ours} - set(catalogue()) == NOT_ANSWERED


def test_what_an_operation_declares_is_of_an_action_that_it_has():
    for view in {each.view for each in endpoints()}:
        declared = {*view.refuses, *view.guarded}
        assert declared <= {each.action for each in endpoints() if each.view is view}, view


@pytest.mark.parametrize("described", catalogue().values(), ids=lambda each: each.code)
def test_each_code_has_one_title_a_meaning_and_what_to_do(described: Described):
    assert described.title == described.code.replace("_", " ").capitalize()
    assert described.meaning.endswith((".", "what"))
    assert described.what_to_do.strip()
    assert "|" not in described.meaning + described.what_to_do


def test_no_two_refusals_share_a_code():
    codes = [code_of(each) for each in {*refusals()} if code_of(each) in catalogue()]
    assert sorted(codes) == sorted(set(codes))
