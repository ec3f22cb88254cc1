"""What people send, wherever they put it, is in no line of the log, no refusal, no entry of the record and no message.

A value that could tell who a patient is (a canary) is sent in each place of each request that the API offers.
"""

import json
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyotp
import pytest
from django.conf import settings
from django.core import mail
from django.db import DataError, connection
from django.utils import timezone
from rest_framework.serializers import Serializer

from payerwatch.audit.models import Entry, InstallationEntry
from payerwatch.health.exposing import exposed
from payerwatch.members.keys import issue_key
from payerwatch.members.models import Session
from payerwatch.members.roles import SCOPES
from payerwatch.members.tokens import issue_tokens
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from payerwatch.web.api.claims import Claims
from tests.api.routes import Endpoint, endpoints
from tests.make import ACTOR
from tests.members.credentials import PASSWORD, member, session
from tests.web.asking import NOBODY, Caller

pytestmark = pytest.mark.django_db(transaction=True)

CANARY = "Zyxwold 917-65-4329"
PIECES = ("zyxwold", "917-65-4329")
HEADERS = (
    *("User-Agent", "Referer", "Origin", "X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Request-ID", "X-CSRFToken"),
    *("Accept-Language", "If-None-Match", "X-HTTP-Method-Override", "traceparent", "X-Zyxwold"),
)


def form_names() -> list[str]:
    """The name of every field that any form of the API reads."""
    waiting, names = [Serializer], set()
    while waiting:
        form = waiting.pop()
        waiting.extend(form.__subclasses__())
        if form.__module__.startswith("payerwatch.web"):
            names |= set(form._declared_fields)
    return sorted(names)


def bodies() -> Iterator[bytes]:
    """Documents with the canary as each value, in lists, as a name, of other types, and broken ones."""
    names = form_names()
    assert {"email", "password", "token", "name", "reason", "code", "scopes"} <= set(names)
    for wrap in (lambda value: value, lambda value: [value], lambda value: {value: value}):
        yield json.dumps({name: wrap(CANARY) for name in names}).encode()
    right = {"expires_in_days": 30, "overlap_hours": 1, "role": "viewer", "scopes": ["claims.read"]}
    yield json.dumps(dict.fromkeys(names, CANARY) | right).encode()
    yield json.dumps({CANARY: CANARY}).encode()
    yield json.dumps([CANARY]).encode()
    yield json.dumps(CANARY).encode()
    yield f'{{"email": "{CANARY}'.encode()
    yield f"{CANARY}\xff".encode("latin-1")


def requests_of(endpoint: Endpoint) -> Iterator[dict[str, Any]]:
    """Each way to put the canary into a request for this endpoint, as keywords of `ask`."""
    quoted = urllib.parse.quote(CANARY)
    path = endpoint.path(**dict.fromkeys(endpoint.parameters, quoted))
    names = ["cursor", "page_size", quoted, *endpoint.filters]
    yield {"path": path, **{name.replace("-", "_"): CANARY for name in HEADERS}}
    yield {"path": path, "Idempotency-Key": CANARY, "If-Match": f'"{CANARY}"'}
    yield {"path": path, "Accept": f"text/{CANARY}"}
    yield {"path": path, "Cookie": f"payerwatch={CANARY}; csrftoken={CANARY}; payerwatch-device={CANARY}"}
    yield {"path": path, "Host": CANARY}
    yield {"path": path, "content_type": f"text/{CANARY}", "body": CANARY.encode()}
    yield from ({"path": f"{path}?{name}={quoted}"} for name in names)
    if endpoint.method not in {"GET", "HEAD", "OPTIONS"}:
        yield from ({"path": path, "body": body} for body in bodies())


def as_owner(customer: Customer) -> dict[str, str]:
    started, secret = session(member(customer, "owner"), customer, Session.Kind.PROGRAM)
    return {"Authorization": f"Bearer {issue_tokens(started, secret).access}"}


def as_key(customer: Customer) -> dict[str, str]:
    return {"Authorization": f"Bearer {issue_key(customer, name='k', scopes=SCOPES, actor=ACTOR).text}"}


def with_canary(_customer: Customer) -> dict[str, str]:
    return {"Authorization": f"Bearer {CANARY}"}


CALLERS: dict[str, Callable[[Customer], dict[str, str]]] = {
    "nobody": lambda _customer: {},
    "an owner": as_owner,
    "a key": as_key,
    "one whose credential is a canary": with_canary,
}


def on_record(*customers: Customer) -> str:
    """Every entry of the record, of these customers and of the installation, and what vouches for them."""
    rows: list[Any] = list(InstallationEntry.objects.values())
    for customer in customers:
        with acting_in(customer):
            rows += Entry.objects.values()
    files = [path for path in Path(settings.CHECKPOINT_DIR).rglob("*") if path.is_file() and path.suffix != ".pem"]
    texts = []
    for path in files:
        with suppress(FileNotFoundError):  # other test processes share the folder
            texts.append(path.read_text())
    return "\n".join([*(json.dumps(row, default=repr) for row in rows), *texts])


def holds(text: str, pieces: tuple[str, ...] = PIECES) -> list[str]:
    return [piece for piece in pieces if piece in text.lower()]


def told(answer: Any) -> str:
    """All of an answer that is a refusal; what was done may be shown to whoever did it."""
    return f"{answer.headers} {answer.cookies} {answer.content.decode()}" if answer.status_code >= 400 else ""


@pytest.mark.once
@pytest.mark.untraced
@pytest.mark.parametrize("caller", CALLERS)
def test_no_place_of_any_request_leads_a_canary_into_what_is_kept(
    owner: Caller, caller: str, capfd: pytest.CaptureFixture[str]
):
    assert owner.customer is not None
    sent = 0
    for endpoint in endpoints():
        headers = CALLERS[caller](owner.customer)
        for request in requests_of(endpoint):
            answer = Caller(headers=headers).ask(endpoint.method, **request)
            assert answer.status_code < 500, (endpoint.name, request)
            assert holds(told(answer)) == [], (endpoint.name, request)
            sent += 1
    assert sent > 500
    said = capfd.readouterr().err
    assert said.count('"message": "answered"') == sent
    assert holds(said) == []
    assert holds(exposed().decode()) == []
    assert holds(on_record(owner.customer)) == []
    assert holds(str([message.message() for message in mail.outbox])) == []


def failing_with(error: Exception) -> Any:
    def fail(*_arguments: object, **_named: object) -> Any:
        local = CANARY
        raise error from LookupError(local)

    return fail


def ask_the_database_for_it(*_arguments: object, **_named: object) -> Any:
    """A statement that fails with its value in the driver's words."""
    with connection.cursor() as cursor:
        on_postgresql = connection.vendor == "postgresql"
        cursor.execute(f"SELECT '{CANARY}'::int" if on_postgresql else f'SELECT * FROM "{CANARY}"')


@pytest.mark.parametrize(
    "failure",
    [
        failing_with(ValueError(CANARY)),
        failing_with(KeyError(CANARY)),
        failing_with(DataError(f'invalid input syntax: "{CANARY}"')),
        ask_the_database_for_it,
    ],
)
def test_a_failure_leads_no_canary_into_the_log(
    owner: Caller, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], failure: Any
):
    monkeypatch.setattr(Claims, "list", failure)
    answer = owner.ask("GET", f"/api/v1/claims/?claim_number={urllib.parse.quote(CANARY)}", X_Request_ID="failing-0001")
    assert answer.status_code >= 500
    assert holds(told(answer)) == []
    said = capfd.readouterr().err
    assert holds(said) == []
    lines = [json.loads(line) for line in said.splitlines()]
    assert {line["request_id"] for line in lines} == {"failing-0001"}, lines
    failed = [line for line in lines if "error" in line]
    assert failed
    assert all(line["place"] for line in failed)
    assert owner.customer is not None
    assert holds(on_record(owner.customer)) == []


# Secrets


def secrets_given(owner: Caller) -> list[str]:
    """Everything secret that was given or typed on the way of one person through the API."""
    assert owner.customer is not None
    who = member(owner.customer, "owner")
    given = NOBODY.ask("POST", "/api/v1/auth/token/", {"email": who.email, "password": PASSWORD}).json()
    wrong = "pears under one bridge"
    NOBODY.ask("POST", "/api/v1/auth/token/", {"email": who.email, "password": wrong})
    own = Caller(owner.customer, {"Authorization": f"Bearer {given['access']}"})
    key = own.ask("POST", "/api/v1/api-keys/", {"name": "nightly", "scopes": ["claims.read"]}).json()
    rotated = own.ask("POST", f"/api/v1/api-keys/{key['id']}/rotate/", {"overlap_hours": 0}).json()
    begun = own.ask("POST", "/api/v1/me/second-factor/", {"password": PASSWORD}).json()
    code = pyotp.TOTP(begun["secret"]).at(timezone.now())
    recovery = own.ask("POST", "/api/v1/me/second-factor/confirm/", {"code": code}).json()["recovery_codes"]
    body = {"email": who.email, "password": PASSWORD, "code": recovery[0]}
    browser = sign_in_by_browser(body)
    refreshed = NOBODY.ask("POST", "/api/v1/auth/token/refresh/", {"refresh": given["refresh"]}).json()
    NOBODY.ask("POST", "/api/v1/auth/token/refresh/", {"refresh": given["refresh"]})
    tokens = [given["access"], given["refresh"], refreshed["access"], refreshed["refresh"]]
    shown = [key["key"], rotated["key"], begun["secret"], begun["uri"], *recovery]
    installation = [settings.SECRET_KEY, *(value.hex() for value in settings.FIELD_KEYS.values())]
    return [PASSWORD, wrong, *tokens, *shown, *browser, *installation]


def sign_in_by_browser(body: dict[str, str]) -> list[str]:
    """The values of the cookies."""
    prepared = NOBODY.ask("GET", "/api/v1/auth/sign-in/")
    token = prepared.cookies["csrftoken"].value
    signed_in = NOBODY.ask(
        "POST",
        "/api/v1/auth/sign-in/",
        body,
        Cookie=f"csrftoken={token}",
        X_CSRFToken=token,
        Origin="http://testserver",
    )
    assert signed_in.status_code == 200, signed_in.content
    return [cookie.value.partition(".")[2] or cookie.value for cookie in signed_in.cookies.values()]


def test_no_secret_is_logged_or_on_record(owner: Caller, capfd: pytest.CaptureFixture[str]):
    secret = secrets_given(owner)
    assert len(secret) > 20
    assert all(len(each) >= 20 for each in secret)
    assert owner.customer is not None
    kept = capfd.readouterr().err + on_record(owner.customer)
    assert [each for each in secret if each in kept] == []
    assert "issue" in kept
