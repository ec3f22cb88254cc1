"""The description and its pages as they are served: to anyone, under the strictest policy, and whole."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client
from jsonschema import Draft202012Validator

from payerwatch.drift.documents import event_document
from payerwatch.drift.models import DriftEvent
from payerwatch.tenancy.context import acting_in
from payerwatch.web.api.catalogue import catalogue
from payerwatch.web.description.document import described
from tests.api.makers import drift_event
from tests.api.world import World, ask, unhindered

pytestmark = pytest.mark.django_db(transaction=True)

PAGES = ("/api/v1/docs/", "/api/v1/docs/errors/", "/api/v1/docs/errors/not_found/")


@pytest.fixture(autouse=True)
def _unhindered() -> Iterator[None]:
    with unhindered():
        yield


class Page(HTMLParser):
    """What of a page the tests ask about."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for each, attributes in self.tags if each == tag]


def get(path: str, **headers: str) -> Any:
    return Client(headers=headers).get(path)


def test_the_description_names_the_callers_own_address():
    answer = get("/api/v1/schema/", host="localhost:8123")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json; charset=utf-8")
    served = answer.json()
    assert served["servers"][0]["url"] == "http://localhost:8123/api/v1"
    assert {**served, "servers": []} == {**described(), "servers": []}
    said = served["paths"]["/schema/"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert list(Draft202012Validator(said).iter_errors(served)) == []


def test_the_description_is_not_sent_again_to_whoever_has_it():
    etag = get("/api/v1/schema/").headers["ETag"]
    again = get("/api/v1/schema/", if_none_match=etag)
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", etag)
    assert get("/api/v1/schema/", if_none_match='"another"').status_code == 200


def test_the_index_leads_to_the_pages():
    document = get("/api/v1/").json()
    assert document["documentation"] == "/api/v1/docs/"
    assert get(document["documentation"]).status_code == 200


@pytest.mark.parametrize("path", PAGES)
def test_a_page_runs_nothing_and_takes_nothing_from_elsewhere(path: str):
    answer = get(path, accept="text/html,application/xhtml+xml,*/*;q=0.8")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'self';")
    assert "unsafe" not in policy
    page = Page(answer.content.decode())
    assert page.all("script") == page.all("style") == page.all("form") == []
    assert [each for _, each in page.tags if any(name == "style" or name.startswith("on") for name in each)] == []
    assert [each["href"] for each in page.all("link")] == ["/api/v1/docs/style.css"]
    style = get("/api/v1/docs/style.css", accept="text/css,*/*;q=0.1")
    assert (style.status_code, style.headers["Content-Type"]) == (200, "text/css; charset=utf-8")
    assert "url(" not in style.content.decode()
    assert "@import" not in style.content.decode()


@pytest.mark.parametrize("path", PAGES)
def test_a_page_can_be_used_without_eyes_and_without_a_mouse(path: str):
    page = Page(get(path).content.decode())
    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("title")) == len(page.all("h1")) == len(page.all("main")) == 1
    assert page.tags[[tag for tag, _ in page.tags].index("a")][1]["href"] == "#main"
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(each.get("scope") for each in page.all("th"))
    assert all(each.get("aria-label") for each in page.all("nav"))
    named = [each["id"] for _, each in page.tags if "id" in each]
    assert len(named) == len(set(named))
    scrolls = [each for _, each in page.tags if each.get("class") == "scroll"]
    assert all(each.get("tabindex") == "0" and each.get("aria-label") for each in [*scrolls, *page.all("pre")])


def test_the_reference_shows_each_operation_with_a_call_at_the_callers_address():
    text = get("/api/v1/docs/", host="localhost:8123").content.decode()
    page = Page(text)
    shown = {each["id"] for each in page.all("details")}
    assert shown == {each["operationId"] for path in described()["paths"].values() for each in path.values()}
    assert "curl -s http://localhost:8123/api/v1/claims/" in text
    assert "example.org" not in text.replace("payerwatch.example.org", "")
    assert "https://payerwatch.example.org/api/v1" not in text


def test_every_link_of_the_pages_leads_somewhere():
    there: dict[str, set[str]] = {}
    for path in PAGES:
        for each in Page(get(path).content.decode()).all("a"):
            address, _, place = str(each["href"]).partition("#")
            there.setdefault(address or path, set()).update({place} if place else ())
    for address, places in there.items():
        answer = get(address)
        assert answer.status_code == 200, address
        assert places <= set(re.findall(r'id="([^"]+)"', answer.content.decode())), address


def test_each_code_has_a_page_and_no_other_word_has_one():
    for entry in catalogue().values():
        text = get(f"/api/v1/docs/errors/{entry.code}/").content.decode()
        assert f"<h1><code>{entry.code}</code></h1>" in text
        assert f"{entry.status.value} {entry.status.phrase}" in text
    refused = get("/api/v1/docs/errors/no_such_code/")
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")


def test_a_drift_event_has_the_fields_that_are_declared_and_the_values_of_its_document(world: World):
    shown = drift_event(world.own)
    with acting_in(world.own.customer):
        found = DriftEvent.objects.select_related("payer", "parent").get(public_id=shown)
        document = event_document(found)
    answered = ask(world.headers("owner"), "GET", f"/api/v1/drift-events/{shown}/").document
    assert answered == json.loads(json.dumps(document, default=str))


def test_a_drift_event_is_the_same_in_a_list_and_by_itself(world: World):
    shown = drift_event(world.own)
    with acting_in(world.own.customer):
        found = DriftEvent.objects.get(public_id=shown)
        found.window = {"name": "decided_4", **found.window, "variance": 8.0, "tested": True}
        found.save()
    routes = (f"/api/v1/drift-events/{shown}/", "/api/v1/drift-events/", "/api/v1/drift-events/active/")
    alone, *listed = (ask(world.headers("owner"), "GET", route).document for route in routes)
    assert [event for each in listed for event in each["results"] if event["id"] == shown] == [alone, alone]
    assert set(alone["window"]) == {"kind", "weeks", "first_week", "last_week"}


@pytest.mark.parametrize("path", ["cpt-group-mappings/", "payer-mappings/", "api-keys/", "invitations/"])
def test_what_an_example_shows_can_be_sent_as_it_stands(path: str, world: World):
    body = described()["paths"][f"/{path}"]["post"]["requestBody"]["content"]["application/json"]["example"]
    assert ask(world.headers("owner"), "POST", f"/api/v1/{path}", body=body).status == 201


def test_a_field_that_is_not_named_is_refused_by_its_place(world: World):
    sent = {"name": "A", "scopes": ["claims.read"], "expires_in_day": 3}
    refused = ask(world.headers("owner"), "POST", "/api/v1/api-keys/", body=sent)
    assert (refused.status, refused.document["code"]) == (400, "invalid")
    assert [each["pointer"] for each in refused.document["errors"]] == ["/expires_in_day"]
    assert "expires_in_days" in refused.document["errors"][0]["detail"]
    strange = ask(world.headers("owner"), "POST", "/api/v1/api-keys/", body={"Doe, Jane 1961": "x"})
    assert [each["pointer"] for each in strange.document["errors"]] == [""]
    assert "Jane" not in strange.text


def test_a_parameter_is_refused_where_none_is_asked_for(world: World):
    for method, path in (("GET", "/api/v1/me/"), ("GET", "/api/v1/settings/"), ("POST", "/api/v1/auth/sign-out/")):
        refused = ask(world.headers("owner"), method, path, query={"fields": "id"})
        assert (refused.status, refused.document["code"]) == (400, "unknown_parameter")


def test_a_value_of_another_kind_is_refused_by_its_place(world: World):
    """What JSON says is a number is no text, however well it could be written as one."""
    sent = {"name": 7, "scopes": ["claims.read"], "expires_in_days": "30"}
    refused = ask(world.headers("owner"), "POST", "/api/v1/api-keys/", body=sent)
    assert (refused.status, refused.document["code"]) == (400, "invalid")
    assert {each["pointer"] for each in refused.document["errors"]} == {"/name", "/expires_in_days"}


@pytest.mark.parametrize(("days", "status"), [(30, 201), (30.0, 201), (30.5, 400), ("30", 400), (True, 400)])
def test_a_number_without_a_fraction_is_whole_however_it_is_written(days: object, status: int, world: World):
    sent = {"name": "nightly", "scopes": ["claims.read"], "expires_in_days": days}
    assert ask(world.headers("owner"), "POST", "/api/v1/api-keys/", body=sent).status == status


def test_an_empty_value_is_refused_where_one_is_asked_for(world: World):
    for path, name in (("claims/", "outcome"), ("uploads/", "loaded_to"), ("audit-entries/export/", "until")):
        refused = ask(world.headers("owner"), "GET", f"/api/v1/{path}", query={name: ""})
        assert (refused.status, refused.document["code"]) == (400, "invalid"), path
        assert [each["parameter"] for each in refused.document["errors"]] == [name]


def test_the_description_is_the_same_after_requests_were_answered(world: World):
    """The framework adds HEAD to a route with the first request that it answers."""
    before = described()
    ask(world.headers("owner"), "GET", "/api/v1/members/")
    described.cache_clear()
    assert described()["paths"].keys() == before["paths"].keys()
    assert {method for each in described()["paths"].values() for method in each} == {
        "get", "post", "patch", "delete", "head", "options",
    }  # fmt: skip
    assert list(described()["paths"]["/members/"]) == ["get"]
