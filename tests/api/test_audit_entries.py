"""The trail is read by filters that name who acted, and in which request."""

import pytest

from tests.api.world import World, ask

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("name", "of_nobody"), [("actor_kind", "job"), ("role", "unheard"), ("request_id", "req_unheard")]
)
def test_entries_are_sought_by_who_acted_and_by_request(name: str, of_nobody: str, world: World):
    made = {"actor_kind": "person", "role": world.own.word, "request_id": f"req_{world.own.word}"}
    headers, path = world.headers("owner"), "/api/v1/audit-entries/"
    found = ask(headers, "GET", path, query={name: made[name]}).document["results"]
    assert found
    assert {each[name] for each in found} == {made[name]}
    assert ask(headers, "GET", path, query={name: of_nobody}).document["results"] == []
