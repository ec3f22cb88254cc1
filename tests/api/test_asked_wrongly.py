"""Whoever asks in a way that is not read is told so, with what would be; nothing is passed over or half done."""

from typing import Any

import pytest

from payerwatch.members.door import READING_METHODS
from tests.api.asking import Asker
from tests.api.makers import MAKERS, claim
from tests.api.routes import Endpoint, endpoints
from tests.api.world import World, ask, bearer

pytestmark = pytest.mark.django_db(transaction=True)

ENDPOINTS = endpoints()
FILES = {
    each.key: each
    for each in ENDPOINTS
    if each.method == "GET" and each.resource in {"Uploads", "AuditEntries"} and each.action in each.view.gives
    and each.view.gives[each.action].media
}  # fmt: skip
WITHOUT_A_BODY = {
    each.name: each
    for each in ENDPOINTS
    if each.method not in READING_METHODS and each.action not in {*each.view.takes, *each.view.read_as}
}


def errors_of(answer: Any) -> dict[str, str]:
    return {each.get("parameter", each.get("pointer")): each["detail"] for each in answer.document["errors"]}


def test_a_body_that_nobody_reads_is_refused_and_nothing_is_done(world: World):
    for name, endpoint in WITHOUT_A_BODY.items():
        path, headers = Asker(world).own_path(endpoint), world.headers("owner")
        answer = ask(headers, endpoint.method, path, body={"dry_run": True})
        assert (answer.status, answer.document["code"]) == (400, "body_not_read"), name
        assert b"body_not_read" not in ask(headers, endpoint.method, path, body={}).body, name


def content(endpoint: Endpoint, world: World, accept: str) -> Any:
    return ask(world.headers("owner") | {"Accept": accept}, "GET", Asker(world).own_path(endpoint))


@pytest.mark.parametrize("key", FILES)
def test_a_file_is_given_to_who_accepts_it_and_to_nobody_else(key: str, world: World):
    media = FILES[key].view.gives[FILES[key].action].media
    for accept in (media[0], f"application/problem+json, {media[0]};q=0.5", "*/*", f"{media[0].partition('/')[0]}/*"):
        assert content(FILES[key], world, accept).status == 200
    refused = content(FILES[key], world, "application/json")
    assert (refused.status, refused.document["code"]) == (406, "not_acceptable")
    assert refused.document["detail"] == f"The answer can only be {' or '.join(media)}."


@pytest.mark.parametrize(
    ("path", "kind"), [("uploads/", "multipart/form-data"), ("payer-mappings/", "application/json")]
)
def test_a_body_of_another_kind_is_told_which_is_read(path: str, kind: str, world: World):
    answer = ask(world.headers("owner"), "POST", f"/api/v1/{path}", body=b"x", content_type="text/plain")
    assert (answer.status, answer.document["fix"]) == (415, f"Send it as {kind}.")


def test_a_parameter_that_is_given_twice_is_refused(world: World):
    for address, name in (
        ("claims/?outcome=paid&outcome=denied", "outcome"),
        ("claims/?count=true&count=true", "count"),
    ):
        answer = ask(world.headers("owner"), "GET", f"/api/v1/{address}")
        assert (answer.status, errors_of(answer)) == (400, {name: "Give this once."})


def test_what_is_given_twice_and_looks_like_no_name_is_unknown_and_not_repeated(world: World):
    for route in ("claims/", f"claims/{claim(world.own)}/"):
        answer = ask(world.headers("owner"), "GET", f"/api/v1/{route}?Jane%00=1&Jane%00=2")
        assert (answer.status, answer.document["code"]) == (400, "unknown_parameter")
        assert "Jane" not in answer.text


def test_a_parameter_that_is_not_known_is_named_whoever_is_asked_and_how(world: World):
    headers = world.headers("owner")
    for method, path in (
        ("GET", "claims/"),
        ("GET", "me/sessions/"),
        ("POST", "drift-runs/"),
        ("DELETE", "me/customer/"),
    ):
        answer = ask(headers, method, f"/api/v1/{path}?nope=1", body=None if method == "GET" else {})
        assert (answer.status, answer.document["code"]) == (400, "unknown_parameter")
        assert answer.document["errors"][0]["parameter"] == "nope"


@pytest.mark.parametrize(
    ("method", "path", "body", "field", "some"),
    [
        ("GET", "claims/?outcome=Paid", None, "outcome", "paid, denied, pending"),
        ("GET", "uploads/?state=bogus", None, "state", "loaded"),
        ("POST", "invitations/", {"email": "a@example.org", "role": "boss"}, "/role", "analyst"),
        ("POST", "api-keys/", {"name": "Any", "scopes": ["nope"]}, "/scopes/0", "claims.read"),
    ],
)
def test_a_value_that_is_none_of_a_few_is_told_those(
    method: str, path: str, body: Any, field: str, some: str, world: World
):
    answer = ask(world.headers("owner"), method, f"/api/v1/{path}", body=body)
    assert answer.status == 400
    told = errors_of(answer)[field]
    assert told.startswith("This is none of: ")
    assert some in told


def test_a_filter_by_an_upload_that_is_not_there_says_which_parameter_that_is(world: World):
    answer = ask(world.headers("owner"), "GET", "/api/v1/claims/?upload=upl_unknown00000")
    assert (answer.status, answer.document["code"]) == (404, "unknown_upload")
    assert "no upload" in errors_of(answer)["upload"]


def test_how_far_a_file_is_has_no_tag_and_says_what_was_said_of_it(world: World):
    public_id, headers = MAKERS["half_sent_upload"](world.own), world.headers("owner") | {"Tus-Resumable": "1.0.0"}
    path = f"/api/v1/uploads/resumable/{public_id}/"
    answer = dict(ask(headers, "HEAD", path).headers)
    assert "ETag" not in answer
    assert answer["Upload-Metadata"].startswith("filename ")
    assert ask(headers | {"If-None-Match": "*"}, "HEAD", path).status == 200
    wrong = ask(headers, "OPTIONS", path)
    assert (wrong.status, dict(wrong.headers)["Allow"]) == (405, "HEAD, PATCH, DELETE")


def test_a_stranger_is_told_nothing_of_what_is_read(world: World):
    answer = ask(bearer("none"), "POST", "/api/v1/drift-runs/?nope=1", body={"x": 1})
    assert answer.status == 401
