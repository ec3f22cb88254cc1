"""The door: what is asked in which order, what a refusal leaves behind, and by what requests are counted."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from payerwatch.audit import record as recording
from payerwatch.audit.models import Entry, InstallationEntry
from payerwatch.members import door, refused
from payerwatch.members.door import SESSION_COOKIE
from payerwatch.members.keys import issue_key, revoke_key
from payerwatch.members.models import ApiKey, Member, Session
from payerwatch.members.tokens import issue_tokens
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from payerwatch.throttling.refusals import ThrottleUnavailable
from tests import make
from tests.members import credentials
from tests.web.asking import NOBODY, Caller, but_the_trace, problem_in

pytestmark = pytest.mark.django_db(transaction=True)

ELSEWHERE = "203.0.113.0/24"  # where no test comes from


def entries(customer: Customer) -> list[tuple[str, str, str, str]]:
    with acting_in(customer):
        found = Entry.objects.order_by("position")
        return [(each.verb, each.thing_kind, each.outcome, but_the_trace(each.detail)) for each in found]


def newest(customer: Customer) -> tuple[str, str, str, str]:
    return entries(customer)[-1]


def refusal(status: int, code: str) -> str:
    return f'{{"after":{{"code":"{code}","status":{status}}}}}'


def program_of_nobody(**fields: Any) -> Caller:
    """A person who acts in no customer yet, as a program."""
    started, secret = credentials.session(credentials.person(**fields), None, Session.Kind.PROGRAM)
    return Caller(None, {"Authorization": f"Bearer {issue_tokens(started, secret).access}"})


def with_key(customer: Customer, **terms: Any) -> tuple[ApiKey, Caller]:
    issued = issue_key(customer, name="Practice system", scopes=["claims.read"], actor=make.ACTOR, **terms)
    return issued.key, Caller(customer, {"Authorization": f"Bearer {issued.text}"})


# The body comes first


def test_the_body_is_read_before_the_caller_is_recognised(owner: Caller, monkeypatch: pytest.MonkeyPatch):
    """So who is removed while it is on its way is not let in by what they were when it began."""
    order: list[str] = []
    read, recognise = door.read_body, door.recognise

    def remember(name: str, then: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args: (order.append(name), then(*args))[1]

    monkeypatch.setattr(door, "read_body", remember("body", read))
    monkeypatch.setattr(door, "recognise", remember("caller", recognise))
    owner.ask("POST", "/api/v1/invitations/", {"email": "bob@example.com", "role": "viewer"})
    assert order[0] == "body"
    assert "caller" in order


def test_no_transaction_is_open_while_the_body_is_read(owner: Caller, monkeypatch: pytest.MonkeyPatch):
    seen: list[bool] = []
    monkeypatch.setattr(door, "read_body", lambda *_: seen.append(connection.in_atomic_block))
    owner.ask("POST", "/api/v1/invitations/", {"email": "bob@example.com", "role": "viewer"})
    assert seen == [False]


def test_a_body_too_large_is_refused_by_its_length(owner: Caller):
    answer = owner.ask("POST", "/api/v1/invitations/", b"{" + b" " * settings.DATA_UPLOAD_MAX_MEMORY_SIZE + b"}")
    assert (answer.status_code, problem_in(answer)["code"]) == (413, "body_too_large")


def test_a_body_too_large_is_refused_where_none_is_wanted(owner: Caller):
    large = b" " * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
    assert owner.ask("DELETE", "/api/v1/invitations/inv_2222222222222222/", large).status_code == 413


# The write lock of SQLite


@contextmanager
def lock_counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """For each time a customer is entered, whether it is to write."""
    entered: list[bool] = []
    acting = door.acting_in

    def noted(customer_id: int, *, reading: bool) -> Any:
        entered.append(not reading)
        return acting(customer_id, reading=reading)

    monkeypatch.setattr(door, "acting_in", noted)
    yield entered


@pytest.mark.sqlite
def test_a_made_up_cookie_never_waits_for_the_write_lock(owner: Caller, monkeypatch: pytest.MonkeyPatch):
    assert owner.customer is not None
    with lock_counted(monkeypatch) as writing:
        made_up = f"{SESSION_COOKIE}={owner.customer.pk}.{'A' * 32}"
        answer = NOBODY.ask("POST", "/api/v1/invitations/", {"email": "b@example.com"}, Cookie=made_up)
    assert answer.status_code == 401
    assert writing == [False]


@pytest.mark.sqlite
def test_who_is_known_is_recognised_again_under_the_write_lock(owner: Caller, monkeypatch: pytest.MonkeyPatch):
    with lock_counted(monkeypatch) as writing:
        owner.ask("POST", "/api/v1/invitations/", {"email": "bob@example.com", "role": "viewer"})
    assert writing == [False, True]


def test_a_refusal_that_cannot_be_recorded_is_busy_and_no_failure(owner: Caller, monkeypatch: pytest.MonkeyPatch):
    def locked(*_: Any, **__: Any) -> None:
        raise OperationalError("database is locked")

    assert owner.customer is not None
    who = credentials.member(owner.customer, "viewer")
    _, cookie = credentials.cookie_in(owner.customer, who)
    monkeypatch.setattr(refused, "record", locked)
    answer = Caller(None, {"Cookie": f"{SESSION_COOKIE}={cookie}"}).ask("GET", "/api/v1/members/")
    assert (answer.status_code, problem_in(answer)["code"]) == (503, "busy")


# No change without its entry


def test_in_no_customer_too_a_change_whose_entry_fails_is_undone(monkeypatch: pytest.MonkeyPatch):
    caller = program_of_nobody()

    def failing(*_: Any) -> None:
        raise OperationalError("disk full")

    monkeypatch.setattr(recording, "append", failing)
    answer = caller.ask("DELETE", "/api/v1/me/sessions/")
    assert answer.status_code == 503
    assert not Session.objects.exclude(ended_at=None).exists()


# What was refused, and why


def test_an_entry_says_why_it_was_refused(owner: Caller):
    assert owner.customer is not None
    with acting_in(owner.customer):
        me = Member.objects.get()
    assert owner.ask("DELETE", f"/api/v1/members/{me.public_id}/").status_code == 409
    assert newest(owner.customer) == ("remove", "member", "refused", refusal(409, "last_owner"))


def test_who_must_set_up_a_second_factor_and_is_refused_leaves_an_entry(owner: Caller):
    assert owner.customer is not None
    Customer.objects.filter(pk=owner.customer.pk).update(second_factor_required=True)
    assert owner.ask("GET", "/api/v1/claims/").status_code == 403
    assert newest(owner.customer) == ("read", "claim", "refused", refusal(403, "second_factor_required"))


def test_a_request_that_may_be_another_sites_leaves_an_entry(owner: Caller):
    assert owner.customer is not None
    _, cookie = credentials.cookie_in(owner.customer, credentials.member(owner.customer, "owner"))
    browser = Client(enforce_csrf_checks=True, headers={"Cookie": f"{SESSION_COOKIE}={cookie}"})
    assert browser.post("/api/v1/invitations/").status_code == 403
    assert newest(owner.customer)[2:] == ("refused", refusal(403, "foreign_request"))


def test_a_person_in_no_customer_who_is_refused_leaves_an_entry_in_the_installations_record():
    assert program_of_nobody().ask("GET", "/api/v1/claims/").status_code == 403
    last = InstallationEntry.objects.order_by("position").last()
    assert last is not None
    assert (last.verb, last.thing_kind, last.outcome) == ("read", "claim", "refused")
    assert but_the_trace(last.detail) == refusal(403, "no_customer_chosen")


# Keys that may be stolen


@pytest.mark.parametrize("because", ["address_not_allowed", "key_revoked", "key_expired"])
def test_a_key_that_is_good_no_more_or_not_from_there_leaves_one_entry(owner: Caller, because: str):
    assert owner.customer is not None
    allowed = [ELSEWHERE] if because == "address_not_allowed" else []
    key, caller = with_key(owner.customer, allowed_addresses=allowed)
    if because == "key_revoked":
        revoke_key(key, actor=make.ACTOR)
    if because == "key_expired":
        with acting_in(owner.customer):
            ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now() - timedelta(days=1))
    before = entries(owner.customer)
    made_up = Caller(None, {"Authorization": "Bearer pw_live_1_x"}).ask("GET", "/api/v1/claims/")
    for _ in range(3):
        answer = caller.ask("GET", "/api/v1/claims/")
        assert (answer.status_code, answer.content) == (401, made_up.content)
    new = entries(owner.customer)[len(before) :]
    assert new == [("use", "key", "refused", f'{{"after":{{"code":"{because}"}}}}')]


@pytest.mark.parametrize("failure", [ThrottleUnavailable("gone"), OperationalError("locked")])
def test_an_entry_that_cannot_be_made_changes_nothing_of_the_answer_to_a_key(
    owner: Caller, monkeypatch: pytest.MonkeyPatch, failure: Exception
):
    def failing(*_: Any, **__: Any) -> None:
        raise failure

    assert owner.customer is not None
    _, caller = with_key(owner.customer, allowed_addresses=[ELSEWHERE])
    monkeypatch.setattr(refused, "take", failing)
    assert caller.ask("GET", "/api/v1/claims/").status_code == 401


# Counted by who calls


def remaining(answer: Any) -> str:
    return str(answer.headers["RateLimit"]).partition(";t=")[0]


@pytest.fixture
def counted_for_an_hour(owner: Caller) -> Iterator[None]:
    """Whatever is counted counts until the test ends."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "THROTTLES", dict.fromkeys(settings.THROTTLES, "1000/h"))
        yield


@pytest.mark.usefixtures("counted_for_an_hour")
def test_however_a_key_is_spelled_it_is_counted_once(owner: Caller):
    assert owner.customer is not None
    _, caller = with_key(owner.customer)
    text = caller.headers["Authorization"].removeprefix("Bearer ")
    spelled = [f"Bearer {text}", f"bearer {text}", f"BEARER    {text}", f"Bearer {text}   "]
    seen = [remaining(NOBODY.ask("GET", "/api/v1/claims/", Authorization=each)) for each in spelled]
    assert seen == [f'"api";r={left}' for left in (999, 998, 997, 996)]


def test_a_new_access_token_of_the_same_session_is_no_new_count():
    customer = make.customer()
    started, secret = credentials.session(credentials.member(customer), customer, Session.Kind.PROGRAM)
    given = [issue_tokens(started, secret).access for _ in range(2)]
    assert given[0] != given[1]
    asked = [NOBODY.ask("GET", "/api/v1/me/", Authorization=f"Bearer {each}") for each in given]
    limits = [int(remaining(each).rpartition("=")[2]) for each in asked]
    assert limits[0] - limits[1] == 1


@pytest.mark.usefixtures("counted_for_an_hour")
@pytest.mark.parametrize("junk", ["Bearer x", "Basic eA==", "bearer", "Bearer pw_live_1_y"])
def test_what_is_no_credential_is_counted_by_where_it_comes_from(owner: Caller, junk: str):
    first = NOBODY.ask("GET", "/api/v1/claims/")
    assert remaining(first) == '"anonymous";r=999'
    assert remaining(NOBODY.ask("GET", "/api/v1/claims/", Authorization=junk)) == '"anonymous";r=998'


def test_a_refusal_names_the_throttle_that_refused(db: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(settings, "THROTTLES", {**settings.THROTTLES, "sign_in_account": "1/h"})
    body = {"email": "nobody@example.com", "password": "wrong wrong wrong"}
    answers = [NOBODY.ask("POST", "/api/v1/auth/token/", body) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [401, 429]
    assert remaining(answers[1]) == '"sign_in_account";r=0'
    assert answers[1].headers["RateLimit"].endswith(f";t={answers[1].headers['Retry-After']}")
    assert answers[1].headers["RateLimit-Policy"] == '"sign_in_account";q=1;w=3600'


def test_health_is_answered_whatever_the_host(db: None):
    assert NOBODY.ask("GET", "/api/v1/health/", Host="pw.example.org").status_code in (200, 503)
    assert NOBODY.ask("GET", "/api/v1/auth/sign-in/", Host="pw.example.org").status_code == 400
