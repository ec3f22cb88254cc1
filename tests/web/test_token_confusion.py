"""Credentials made to be taken for something they are not, sent to the door: 401 each, and never a failure."""

import json
from typing import Any

import pytest

from payerwatch.members.keys import issue_key
from payerwatch.members.models import Session
from payerwatch.members.sessions import end_session
from payerwatch.members.tokens import issue_tokens
from tests.make import ACTOR
from tests.members.credentials import member, session
from tests.members.test_token_confusion import CONFUSED
from tests.web.asking import NOBODY, Caller, problem_in

pytestmark = pytest.mark.django_db(transaction=True)


def refused(header: str) -> bytes:
    """What the header was answered with; it must be the refusal of everything unknown."""
    answer = NOBODY.ask("GET", "/api/v1/me/", Authorization=header)
    document = problem_in(answer)
    assert (document["status"], document["code"]) == (401, "caller_not_known"), header[:80]
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    return bytes(answer.content)


def test_every_confused_token_is_refused_alike_at_the_door(owner: Caller):
    answers = {
        refused(f"Bearer {confused}")
        for confused in CONFUSED.values()
        if "\n" not in confused and "\ud800" not in confused
    }
    assert len(answers) == 1


def test_no_confused_token_refreshes_or_is_called_valid(owner: Caller):
    for name, confused in CONFUSED.items():
        for path, field in (("refresh", "refresh"), ("verify", "token")):
            answer = NOBODY.ask("POST", f"/api/v1/auth/token/{path}/", {field: confused})
            assert problem_in(answer)["status"] in (400, 401, 413), name


HEADERS = {
    "no scheme": "{good}",
    "another scheme": "Basic {good}",
    "another scheme's words": "Basic YTpi",
    "nothing behind": "Bearer",
    "blanks behind": "Bearer    ",
    "twice": "Bearer {good}, Bearer {good}",
    "two tokens": "Bearer {good} {good}",
    "a comma": "Bearer {good},",
    "quoted": 'Bearer "{good}"',
    "100 kB": "Bearer " + "A" * 100_000,
    "100 kB of dots": "Bearer " + "." * 100_000,
    "unicode": "Bearer \u2603\u00e9",
    "unicode digits": "Bearer pw_live_\u0661_" + "a" * 38,
    "a NUL": "Bearer {good}\x00",
    "a NUL alone": "\x00",
    "only a prefix": "Bearer pw_live_",
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_that_is_not_one_credential_is_refused(owner: Caller, name: str):
    good = owner.headers["Authorization"].removeprefix("Bearer ")
    refused(HEADERS[name].replace("{good}", good))


def test_the_scheme_is_read_as_http_has_it(owner: Caller):
    good = owner.headers["Authorization"].removeprefix("Bearer ")
    for header in (f"bearer {good}", f"BEARER   {good}"):
        assert NOBODY.ask("GET", "/api/v1/me/", Authorization=header).status_code == 200


def test_each_token_is_for_its_own_purpose_alone(owner: Caller):
    assert owner.customer is not None
    started, secret = session(member(owner.customer), owner.customer, Session.Kind.PROGRAM)
    given = issue_tokens(started, secret)
    refused(f"Bearer {given.refresh}")
    refused(f"Bearer {started.public_id}")
    refused(f"Bearer {secret}")
    assert status_of("refresh", {"refresh": given.access}) == 401
    assert status_of("verify", {"token": given.refresh}) == 401
    assert status_of("verify", {"token": given.access}) == 200


def status_of(path: str, body: Any) -> int:
    return int(NOBODY.ask("POST", f"/api/v1/auth/token/{path}/", body).status_code)


def test_a_token_is_no_cookie_and_a_cookie_no_token(owner: Caller):
    good = owner.headers["Authorization"].removeprefix("Bearer ")
    for cookie in (f"payerwatch={good}", f"payerwatch=1.{good}"):
        assert NOBODY.ask("GET", "/api/v1/me/", Cookie=cookie).status_code == 401
    assert owner.customer is not None
    _, secret = session(member(owner.customer), owner.customer, Session.Kind.PROGRAM)
    assert NOBODY.ask("GET", "/api/v1/me/", Cookie=f"payerwatch={owner.customer.pk}.{secret}").status_code == 401


def test_the_tokens_of_an_ended_session_are_refused_on_the_next_request(owner: Caller):
    assert owner.customer is not None
    started, secret = session(member(owner.customer), owner.customer, Session.Kind.PROGRAM)
    given = issue_tokens(started, secret)
    assert status_of("verify", {"token": given.access}) == 200
    end_session(started, "signed_out", actor=ACTOR)
    refused(f"Bearer {given.access}")
    assert status_of("verify", {"token": given.access}) == 401
    assert status_of("refresh", {"refresh": given.refresh}) == 401


def test_a_key_with_any_letter_changed_is_refused(owner: Caller):
    assert owner.customer is not None
    text = issue_key(owner.customer, name="nightly", scopes=["claims.read"], actor=ACTOR).text
    assert NOBODY.ask("GET", "/api/v1/claims/", Authorization=f"Bearer {text}").status_code == 200
    for place in range(len("pw_live_"), len(text), 3):
        changed = "b" if text[place] != "b" else "c"
        refused(f"Bearer {text[:place]}{changed}{text[place + 1 :]}")
    for wrong in (text[:-1], text + "0", text.upper(), text.replace("pw_live", "pw_test"), f" {text}x"):
        refused(f"Bearer {wrong}")


def test_a_good_cookie_does_not_mend_a_bad_header(owner: Caller):
    """Who sends both means the header: else a key that was revoked would go on by way of a browser's session."""
    assert owner.customer is not None
    _, secret = session(member(owner.customer), owner.customer)
    cookie = f"payerwatch={owner.customer.pk}.{secret}"
    assert NOBODY.ask("GET", "/api/v1/me/", Cookie=cookie).status_code == 200
    answer = NOBODY.ask("GET", "/api/v1/me/", Cookie=cookie, Authorization="Bearer x")
    assert json.loads(answer.content)["code"] == "caller_not_known"
