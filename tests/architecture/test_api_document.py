"""What docs/api.md says of routes, permissions, filters and codes is what the API does."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from payerwatch.members.door import Admits
from payerwatch.members.roles import Permission
from payerwatch.refusals import Refusal
from payerwatch.web.api.filtering import PAGING
from payerwatch.web.api.me import OwnAccount
from payerwatch.web.problems import of_refusal
from tests.api.routes import Endpoint, endpoints

pytestmark = pytest.mark.pure

TEXT = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
# What is no refusal of ours but of the framework or of any server, see web/api/errors.py and web/problems.py.
OTHER_CODES = {
    "bad_request": 400, "body_unreadable": 400, "invalid": 400, "not_allowed": 403, "method_not_allowed": 405,
    "not_acceptable": 406, "body_too_large": 413, "unsupported_media_type": 415, "failed": 500,
}  # fmt: skip
# What only commands are refused, or a form has refused before.
NOT_ANSWERED = {"operators_only", "person_exists", "role_unknown", "unknown_person"}


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
    if issubclass(endpoint.view, OwnAccount):
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


def answered(refusal: type[Refusal]) -> tuple[str, int]:
    """Its code and status, whatever it would have to say."""
    empty = refusal.__new__(refusal)
    Refusal.__init__(empty, "")
    document = of_refusal(empty)
    return document["code"], document["status"]


def test_each_code_is_described_with_its_status():
    known = dict(map(answered, refusals())) | OTHER_CODES
    described = {code.strip("`"): int(status) for code, status, _ in table("Codes")}
    assert described == {code: known.get(code) for code in described}


def test_no_code_of_the_door_and_the_api_is_missing():
    described = {code.strip("`") for code, _, _ in table("Codes")}
    ours = {each for each in refusals() if each.__module__.startswith(("payerwatch.members.", "payerwatch.web."))}
    ours |= {each for endpoint in endpoints() for kinds in endpoint.view.refuses.values() for each in kinds}
    assert {answered(each)[0] for each in ours} | set(OTHER_CODES) == (described | NOT_ANSWERED) - {
        "field_key_missing", "field_keys_not_set", "seal_broken", "throttle_unavailable", "payer_name_unusable",
        "code_range_unusable", "cpt_group_name_unusable", "unknown_cpt_group_mapping",
    }  # fmt: skip
