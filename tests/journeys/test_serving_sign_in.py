"""Signing in over HTTP, on the real server: what a browser is given, and what another site cannot make it do."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.conftest import copy_of
from tests.journeys.serving import PASSWORD, UNHINDERED, Answer, Browser, Served, add_member, serving

pytestmark = [pytest.mark.database, pytest.mark.once]

EMAIL, OTHER = "ada@example.com", "second@example.com"
SIGN_IN, ME = "/api/v1/auth/sign-in/", "/api/v1/me/"
SESSION = "payerwatch"


@pytest.fixture(scope="module")
def served(migrated: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with copy_of(migrated, tmp_path_factory.mktemp("sign-in")) as installation:
        assert installation.run("add_customer", "Second").code == 0
        add_member(installation, OTHER)
        installation.ask("add_member", "--email", OTHER, "--role", "owner", customer="Second")
        add_member(installation, EMAIL)
        with serving(installation, options=["--no-work"], **UNHINDERED) as running:
            yield running


@pytest.fixture
def browser(served: Served) -> Browser:
    """Signed in, in the one customer there is."""
    own = Browser(served)
    assert own.sign_in(EMAIL).status == 200
    return own


def told(answer: Answer) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
    """All of an answer but what differs from one request to the next whatever is asked."""
    of_the_request = {"date", "x-request-id", "ratelimit"}
    fields = tuple(each for each in answer.fields if each[0].lower() not in of_the_request)
    return (answer.status, fields, re.sub(rb'"request_id": ?"[^"]*"', b'"request_id":""', answer.body))


# Who has an account here


@pytest.mark.parametrize("path", [SIGN_IN, "/api/v1/auth/token/"])
def test_known_and_unknown_accounts_are_answered_alike(served: Served, path: str):
    own = Browser(served)
    own.ask("GET", SIGN_IN)
    answers = {
        told(own.ask("POST", path, {"email": email, "password": password, "code": code}))
        for email, password, code in (
            (EMAIL, "wrong wrong wrong", ""),
            ("nobody@example.com", "wrong wrong wrong", ""),
            ("nobody@example.com", PASSWORD, "123456"),
            ("no address at all", PASSWORD, ""),
        )
    }
    assert len(answers) == 1
    ((status, fields, body),) = answers
    assert (status, json.loads(body)["code"]) == (401, "sign_in_refused")
    assert not [name for name, _ in fields if name.lower() == "set-cookie"]


def test_asking_for_a_new_password_is_answered_alike(served: Served):
    asked = [
        served.ask("POST", "/api/v1/auth/password-reset/", {"email": email}) for email in (EMAIL, "no@example.com")
    ]
    assert told(asked[0]) == told(asked[1])
    assert asked[0].status == 202


# The cookie


def attributes(answer: Answer, name: str) -> set[str]:
    """The attributes of the one cookie of this name, apart from when it expires."""
    (line,) = [each for each in answer.headers("Set-Cookie") if each.startswith(f"{name}=")]
    return {part.strip().lower() for part in line.split(";")[1:] if "expires" not in part}


def test_the_cookies_are_for_our_pages_alone(served: Served):
    given = Browser(served).sign_in(EMAIL)
    assert attributes(given, SESSION) == {"path=/", "httponly", "samesite=lax"}
    assert attributes(given, "payerwatch-device") >= {"path=/", "httponly", "samesite=lax"}
    assert all("domain" not in line.lower() for line in given.headers("Set-Cookie"))


def test_by_https_cookies_are_secure_and_bound_to_the_host(migrated: tuple[str, Path], tmp_path: Path):
    environment = UNHINDERED | {"PAYERWATCH_HTTPS": "1", "PAYERWATCH_TRUSTED_PROXIES": "127.0.0.1"}
    with copy_of(migrated, tmp_path / "https") as installation:
        add_member(installation, EMAIL)
        with serving(installation, workers=1, options=["--no-work"], **environment) as served:
            plain = served.ask("GET", ME)
            assert (plain.status, plain.header("Location")) == (301, f"https://127.0.0.1:{served.port}{ME}")
            page = f"https://127.0.0.1:{served.port}"
            own = Browser(served, headers={"X-Forwarded-Proto": "https", "Referer": page + "/"})
            own.ask("GET", SIGN_IN)
            headers = {"Origin": page, "X-CSRFToken": own.cookies["__Host-csrftoken"]}
            given = own.ask("POST", SIGN_IN, {"email": EMAIL, "password": PASSWORD}, headers)
            assert given.status == 200, given
            for name in ("__Host-payerwatch", "__Host-payerwatch-device"):
                assert attributes(given, name) >= {"path=/", "httponly", "samesite=lax", "secure"}
            assert "secure" in attributes(given, "__Host-csrftoken")
            assert (given.header("Strict-Transport-Security") or "").startswith("max-age=31536000")
            assert own.ask("GET", ME).status == 200
            own.cookies[SESSION] = own.cookies.pop("__Host-payerwatch")
            assert own.ask("GET", ME).code == "caller_not_known"


# Fixation


def works(served: Served, cookie: str) -> bool:
    return served.ask("GET", ME, None, {"Cookie": f"{SESSION}={cookie}"}).status == 200


@pytest.mark.parametrize("planted", ["0.PLANTEDPLANTEDPLANTEDPLANTED1234", "1.x", "garbage", '"; Path=/'])
def test_a_cookie_planted_before_signing_in_is_not_the_one_after(served: Served, planted: str):
    own = Browser(served, cookies={SESSION: planted})
    assert own.sign_in(EMAIL).status == 200
    assert own.cookies[SESSION] != planted
    assert works(served, own.cookies[SESSION])
    assert not works(served, planted)


def test_another_persons_live_cookie_is_not_taken_over_by_who_signs_in(served: Served, browser: Browser):
    attackers = browser.cookies[SESSION]
    victim = Browser(served, cookies=dict(browser.cookies))
    assert victim.sign_in(OTHER).status == 200
    assert victim.cookies[SESSION] != attackers
    assert browser.ask("GET", ME).document["id"] != victim.ask("GET", ME).document["id"]


def test_changing_the_customer_changes_the_secret(served: Served):
    own = Browser(served)
    choices = own.sign_in(OTHER).document["customers"]
    assert len(choices) == 2
    seen = [own.cookies[SESSION]]
    for choice in choices:
        assert own.ask("POST", "/api/v1/me/customer/", {"customer": choice["id"]}).status == 200
        seen.append(own.cookies[SESSION])
    assert own.ask("DELETE", "/api/v1/me/customer/").status == 200
    seen.append(own.cookies[SESSION])
    assert len(set(seen)) == 4
    assert [works(served, each) for each in seen] == [False, False, False, True]


def test_a_new_password_ends_every_other_session(migrated: tuple[str, Path], served: Served):
    email = "changing@example.com"
    add_member(served.installation, email)
    one, two = Browser(served), Browser(served)
    for each in (one, two):
        assert each.sign_in(email).status == 200
    new = "pears over ten bridges"
    assert one.ask("POST", "/api/v1/me/password/", {"current": PASSWORD, "new": new}).status == 204
    assert one.ask("GET", ME).status == 200
    assert two.ask("GET", ME).code == "caller_not_known"
    assert Browser(served).sign_in(email).code == "sign_in_refused"
    assert Browser(served).sign_in(email, new).status == 200


def test_who_signed_out_is_out(served: Served, browser: Browser):
    cookie = browser.cookies[SESSION]
    assert browser.ask("POST", "/api/v1/auth/sign-out/").status == 204
    assert not works(served, cookie)


# Requests that another site makes a browser send

FOREIGN: dict[str, dict[str, Any]] = {
    "no token": {"headers": {"X-CSRFToken": ""}},
    "a wrong token": {"headers": {"X-CSRFToken": "A" * 32}},
    "a token that is none": {"headers": {"X-CSRFToken": "é"}},
    "the token with no cookie of it": {"drop": "csrftoken"},
    "a foreign origin": {"headers": {"Origin": "https://attacker.example"}},
    "a foreign origin that begins like ours": {"headers": {"Origin": "http://127.0.0.1.attacker.example"}},
    "another port": {"headers": {"Origin": "http://127.0.0.1:1"}},
    "the null origin": {"headers": {"Origin": "null"}},
    "an origin that is none": {"headers": {"Origin": "http://["}},
    "text that no browser asks leave for": {"headers": {"Content-Type": "text/plain", "X-CSRFToken": ""}},
    "a form": {"body": b"name=x", "headers": {"Content-Type": "application/x-www-form-urlencoded", "X-CSRFToken": ""}},
    "a form of parts": {"headers": {"Content-Type": "multipart/form-data; boundary=x", "X-CSRFToken": ""}},
    "a method in a header": {"method": "GET", "headers": {"X-HTTP-Method-Override": "POST", "X-CSRFToken": ""}},
    "another such header": {"headers": {"X-Method-Override": "GET", "X-CSRFToken": ""}},
    "a method in the query": {"query": "?_method=GET", "headers": {"X-CSRFToken": ""}},
}  # fmt: skip


@pytest.mark.parametrize("name", FOREIGN)
def test_what_another_site_sends_with_the_cookie_changes_nothing(served: Served, browser: Browser, name: str):
    case = FOREIGN[name]
    body = case.get("body", json.dumps({"name": "foreign", "scopes": ["claims.read"]}).encode())
    headers = {"Content-Type": "application/json", **case.get("headers", {})}
    asking = Browser(
        served, cookies={each: value for each, value in browser.cookies.items() if each != case.get("drop")}
    )
    if "drop" in case:
        headers |= {"X-CSRFToken": browser.cookies["csrftoken"], "Origin": f"http://127.0.0.1:{served.port}"}
    headers = {each: value.encode() if not value.isascii() else value for each, value in headers.items()}
    before = keys(browser)
    answer = asking.ask(case.get("method", "POST"), "/api/v1/api-keys/" + case.get("query", ""), body, headers)
    assert answer.status == 200 if case.get("method") == "GET" else answer.code == "foreign_request", answer
    assert keys(browser) == before


def keys(browser: Browser) -> Any:
    return browser.ask("GET", "/api/v1/api-keys/").document["results"]


def test_the_request_that_all_of_these_differ_from_is_done(browser: Browser):
    body = {"name": "ours", "scopes": ["claims.read"]}
    assert browser.ask("POST", "/api/v1/api-keys/", body).status == 201


def test_nobody_is_signed_in_by_another_site(served: Served):
    """Else a victim would work in the attacker's account."""
    credentials = {"email": EMAIL, "password": PASSWORD}
    for headers in ({}, {"Origin": "https://attacker.example"}, {"Content-Type": "text/plain"}):
        answer = served.ask("POST", SIGN_IN, credentials, headers)
        assert answer.code == "foreign_request"
        assert not answer.headers("Set-Cookie")


def test_a_token_is_not_sent_by_browsers_and_needs_no_such_proof(served: Served):
    given = served.ask("POST", "/api/v1/auth/token/", {"email": EMAIL, "password": PASSWORD}).document
    headers = {"Authorization": f"Bearer {given['access']}", "Origin": "https://elsewhere.example"}
    answer = served.ask("POST", "/api/v1/api-keys/", {"name": "by program", "scopes": ["claims.read"]}, headers)
    assert answer.status == 201
