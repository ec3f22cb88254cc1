"""The API's own address lists every route and is open to all."""

import pytest

from tests.api.routes import endpoints
from tests.api.world import CALLERS, World, ask

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_index_lists_each_route_by_name_with_its_methods(world: World):
    listed = ask({}, "GET", "/api/v1/").document["routes"]
    there: dict[str, set[str]] = {}
    for each in endpoints():
        if each.resource != "Index" and (each.method != "HEAD" or each.resource == "ResumableUploads"):
            there.setdefault(each.path(public_id="{id}", code="{code}"), set()).add(each.method)
    assert {each["address"]: set(each["methods"]) for each in listed.values()} == there
    assert listed["claims"] == {"address": "/api/v1/claims/", "methods": ["GET"]}
    assert listed["api-keys.one.rotate"] == {"address": "/api/v1/api-keys/{id}/rotate/", "methods": ["POST"]}


def test_the_index_is_the_same_for_everyone(world: World):
    assert len({ask(world.headers(caller), "GET", "/api/v1/").body for caller in CALLERS}) == 1
