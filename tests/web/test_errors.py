"""Whatever goes wrong is a problem document: no page, no trace, no word of what was sent."""

import re
from typing import Any

import pytest
from django.db import DataError, OperationalError
from django.http import HttpResponse

from payerwatch.audit.models import Entry
from payerwatch.tenancy.context import acting_in
from payerwatch.web.api.claims import Claims
from payerwatch.web.api.health import Health
from payerwatch.web.api.members import Members
from tests.web.asking import NOBODY, Caller, problem_in

pytestmark = pytest.mark.django_db(transaction=True)

CANARY = "Zyxwold-917-65-4329"
UNUSABLE = (
    "%00",
    "a%00b",
    "%ff%fe",
    "%c0%ae%c0%ae",
    "%ed%a0%80",
    "..%2f..",
    "%0d%0aSet-Cookie:x=1",
    "x" * 3000,
    "'--",
    "🦆",
)
ROUTES = (
    *("claims", "customers", "uploads", "drift-events", "members", "audit-entries", "api-keys"),
    *("me/sessions", "invitations", "nowhere"),
)


def refused(answer: Any, status: int, code: str) -> None:
    document = problem_in(answer)
    assert (document["status"], document["code"]) == (status, code)


@pytest.mark.parametrize("route", ROUTES)
def test_an_id_that_can_be_none_is_as_missing_as_any(owner: Caller, route: str):
    method = "DELETE" if route in {"me/sessions", "invitations"} else "GET"
    missing = owner.ask(method, f"/api/v1/{route}/xxx_0000/")
    for unusable in UNUSABLE:
        answer = owner.ask(method, f"/api/v1/{route}/{unusable}/")
        refused(answer, 404, "not_found")
        assert answer.content == missing.content


@pytest.mark.parametrize(
    "path", ["/", "/admin/", "/api/", "/api/v1", "/api/v1/claims", "/api/v2/claims/", "/%00", "//x"]
)
def test_an_address_that_leads_nowhere_says_so(owner: Caller, path: str):
    for caller in (owner, NOBODY):
        refused(caller.ask("GET", path), 404, "not_found")


def test_a_method_that_is_none_here_says_so(owner: Caller):
    for method, path in (
        ("PUT", "claims/"),
        ("POST", "claims/"),
        ("DELETE", "me/"),
        ("OPTIONS", "claims/"),
        ("X", "me/"),
    ):
        refused(owner.ask(method, f"/api/v1/{path}"), 405, "method_not_allowed")
    answer = NOBODY.ask("POST", "/api/v1/health/")
    refused(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET, HEAD"


def test_what_is_refused_to_head_is_said_by_its_headers(owner: Caller):
    for caller, path, status in ((owner, "nowhere/", 404), (owner, "claims/clm_1/", 404), (NOBODY, "claims/", 401)):
        answer = caller.ask("HEAD", f"/api/v1/{path}")
        assert (answer.status_code, answer.content) == (status, b"")
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["X-Request-ID"]


BODIES = {
    "not JSON": (b"{", 400, "body_unreadable"),
    "half a document": (b'{"email": "a', 400, "body_unreadable"),
    "not UTF-8": (b'{"email": "\xff"}', 400, "body_unreadable"),
    "not a number": (b'{"email": NaN}', 400, "body_unreadable"),
    "a number too long": (b'{"email": ' + b"9" * 5000 + b"}", 400, "body_unreadable"),
    "too deep": (b"[" * 100_000, 400, "body_unreadable"),
    "a list": (b"[]", 400, "invalid"),
    "a text": (b'"text"', 400, "invalid"),
    "null": (b"null", 400, "invalid"),
    "a NUL in a value": (b'{"email": "a\\u0000", "password": "b"}', 400, "invalid"),
    "half a letter": (b'{"email": "\\ud800", "password": "b"}', 400, "invalid"),
    "the wrong types": (b'{"email": {"$ne": ""}, "password": ["b"]}', 400, "invalid"),
    "too large": (b'"' + b"x" * 2_000_000 + b'"', 413, "body_too_large"),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_cannot_be_used_says_so(owner: Caller, name: str):
    body, status, code = BODIES[name]
    for caller, path in ((NOBODY, "auth/token/"), (owner, "invitations/")):
        refused(caller.ask("POST", f"/api/v1/{path}", body), status, code)


@pytest.mark.parametrize(
    "content_type", ["text/plain", "text/html", "application/xml", "application/x-www-form-urlencoded", "x"]
)
def test_a_body_of_another_kind_says_so(owner: Caller, content_type: str):
    for caller, path in ((NOBODY, "auth/token/"), (owner, "invitations/")):
        answer = caller.ask("POST", f"/api/v1/{path}", b"x=1", content_type=content_type)
        refused(answer, 415, "unsupported_media_type")


def test_who_takes_no_json_is_told_so_in_json(owner: Caller):
    for accepted in ("text/html", "application/xml", "image/png"):
        refused(owner.ask("GET", "/api/v1/claims/", Accept=accepted), 406, "not_acceptable")
        refused(owner.ask("GET", "/api/v1/nowhere/", Accept=accepted), 404, "not_found")


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "a b", "127.0.0.1:x", "é", "", "[::", "@127.0.0.1"]
)
def test_a_host_that_is_none_of_ours_is_not_understood(owner: Caller, host: str):
    for caller, path in ((owner, "claims/"), (NOBODY, "auth/sign-in/"), (NOBODY, "nowhere/")):
        refused(caller.ask("GET", f"/api/v1/{path}", Host=host), 400, "bad_request")
    assert NOBODY.ask("GET", "/api/v1/health/", Host=host).status_code in (200, 503)  # as monitors ask, by address


@pytest.mark.parametrize(
    "cookie",
    ["payerwatch=", "payerwatch=x", "payerwatch=0.", "payerwatch=9999999999999999999.x", "payerwatch=\x00", "=;=;;",
     "é=é", "payerwatch=1." + "A" * 32, "payerwatch=" + "1" * 9000, 'payerwatch="1.\\"', "csrftoken=é; payerwatch=é"],
)  # fmt: skip
def test_a_broken_cookie_is_nobodys(owner: Caller, cookie: str):
    refused(NOBODY.ask("GET", "/api/v1/claims/", Cookie=cookie), 401, "caller_not_known")
    assert NOBODY.ask("GET", "/api/v1/health/", Cookie=cookie).status_code in (200, 503)
    assert owner.ask("GET", "/api/v1/claims/", Cookie=cookie).status_code in (200, 503)


QUERIES = (
    "cursor=x",
    "cursor=",
    "page_size=0",
    "page_size=x",
    "page_size=²",
    "page_size=999999999999",
    "nothing=1",
    "%00=1",
)


@pytest.mark.parametrize("query", [*QUERIES, "payer=%00", "outcome=x", "submitted_from=x", "cursor=%ff&cursor=%00"])
def test_a_query_that_cannot_be_used_says_so(owner: Caller, query: str):
    assert problem_in(owner.ask("GET", f"/api/v1/claims/?{query}"))["status"] == 400


# Failures


def raising(error: Exception) -> Any:
    def fail(*_arguments: object, **_named: object) -> HttpResponse:
        raise error

    return fail


@pytest.mark.parametrize("error", [ValueError(CANARY), KeyError(CANARY), DataError(f"invalid input: {CANARY}")])
def test_a_failure_shows_nothing_of_itself_but_the_requests_id(
    owner: Caller, monkeypatch: pytest.MonkeyPatch, error: Exception
):
    monkeypatch.setattr(Claims, "list", raising(error))
    monkeypatch.setattr(Health, "show", raising(error))
    for caller, path in ((owner, "claims/"), (NOBODY, "health/")):
        answer = caller.ask("GET", f"/api/v1/{path}", X_Request_ID="failing-0001")
        refused(answer, 500, "failed")
        assert "failing-0001" in problem_in(answer)["request_id"]
        assert CANARY not in answer.content.decode() + str(answer.headers)


def test_a_failure_keeps_nothing_of_what_was_done_before_it(owner: Caller, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("payerwatch.web.api.invitations.Invitations._sent", raising(ValueError(CANARY)))
    body = {"email": "guest@example.com", "role": "viewer"}
    refused(owner.ask("POST", "/api/v1/invitations/", body), 500, "failed")
    assert owner.ask("GET", "/api/v1/invitations/").json()["results"] == []


def test_a_database_that_does_not_answer_is_a_matter_of_trying_again(owner: Caller, monkeypatch: pytest.MonkeyPatch):
    error = OperationalError(CANARY)
    monkeypatch.setattr(Members, "list", raising(error))
    within = owner.ask("GET", "/api/v1/members/")
    monkeypatch.setattr("payerwatch.members.door.recognise", raising(error))
    at_the_door = owner.ask("GET", "/api/v1/me/")
    for answer in (within, at_the_door):
        refused(answer, 503, "busy")
        assert answer.headers["Retry-After"] == "5"
        assert CANARY not in answer.content.decode()


# Ids of requests


def test_a_well_formed_request_id_is_kept_and_is_on_the_record(owner: Caller):
    body = {"email": "guest@example.com", "role": "viewer"}
    answer = owner.ask("POST", "/api/v1/invitations/", body, X_Request_ID="from-the-proxy.0001")
    assert answer.headers["X-Request-ID"] == "from-the-proxy.0001"
    assert owner.customer is not None
    with acting_in(owner.customer):
        entry = Entry.objects.get(verb="invite")
    assert entry.request_id == "from-the-proxy.0001"


@pytest.mark.parametrize(
    "hostile",
    [
        "x\r\nSet-Cookie: a=b",
        "x" * 10_000,
        "ünïcode-id",
        "short",
        "with a blank",
        "<script>x",
        "a\x00bcdefgh",
        "\x1b[2Jxxxx",
    ],
)
def test_a_hostile_request_id_is_replaced(owner: Caller, hostile: str):
    answer = owner.ask("GET", "/api/v1/me/", X_Request_ID=hostile)
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-ID"])
    assert "Set-Cookie" not in answer.headers
