"""Many at the same moment: a request under one key is done once, and no change of settings or mappings is lost."""

import json
import os
import threading
from collections import Counter
from functools import partial
from typing import Any

import pytest
from django.test import Client

from payerwatch import pipeline
from payerwatch.audit.models import Entry
from payerwatch.members.models import ApiKey, Invitation, KeptAnswer, Session
from payerwatch.members.secrets import Origin
from payerwatch.members.sessions import start_session
from payerwatch.members.tokens import issue_tokens
from payerwatch.tenancy.context import acting_in
from payerwatch.web.api import writing
from tests.api.world import Headers, World, as_person, ask, bearer, matching
from tests.together import at_once

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.postgresql,
    pytest.mark.proof,
    pytest.mark.usefixtures("quiet"),
]

FULL = os.environ.get("PAYERWATCH_PROOF") == "full"
SEEDS = range(50 if FULL else 3)
ROUNDS = 500 if FULL else 50
THREADS = 50
KEYS, INVITE, SETTINGS = "/api/v1/api-keys/", "/api/v1/invitations/", "/api/v1/settings/"
SPELLINGS, GROUPS = "/api/v1/payer-mappings/", "/api/v1/cpt-group-mappings/"


def sent_together(headers: Headers, path: str, body: object, key: str) -> Counter[tuple[int, bytes]]:
    """What each of the threads was answered."""
    answers: Counter[tuple[int, bytes]] = Counter()
    lock = threading.Lock()

    def send(_number: int) -> None:
        client = Client(raise_request_exception=False, headers={**headers, "Idempotency-Key": key})
        answer = client.post(path, json.dumps(body), content_type="application/json")
        if answer.status_code == 409:
            assert answer.headers["Retry-After"] == "1"
            assert answer.json()["code"] == "request_in_progress"
        with lock:
            answers[answer.status_code, b"" if answer.status_code == 409 else answer.content] += 1

    at_once(THREADS, send)
    return answers


def effects(world: World, name: str) -> int:
    """The keys and invitations of this name that were made, by the tables and by the trail."""
    with acting_in(world.own.customer):
        made = [
            *ApiKey.objects.filter(name=name).values_list("public_id", flat=True),
            *Invitation.objects.filter(email=f"{name}@example.com").values_list("public_id", flat=True),
        ]
        recorded = Entry.objects.filter(thing_id__in=made, verb__in=["issue", "invite"], outcome="done").count()
    assert recorded == len(made)
    return len(made)


def asked_for(seed: int) -> tuple[str, dict[str, object], str]:
    name = f"many-{seed}"
    if seed % 2:
        return INVITE, {"email": f"{name}@example.com", "role": "viewer"}, name
    return KEYS, {"name": name, "scopes": ["claims.read"]}, name


@pytest.mark.parametrize("seed", SEEDS)
def test_fifty_at_once_under_one_key_do_it_once_and_are_answered_alike(seed: int, world: World):
    headers = as_person(world.own.people["owner"], world.own.customer)
    path, body, name = asked_for(seed)
    answers = sent_together(headers, path, body, name)
    assert effects(world, name) == 1
    done = {status: content for status, content in answers if status != 409}
    assert set(done) == {201}
    assert len([each for each in answers if each[0] != 409]) == 1, answers
    again = ask({**headers, "Idempotency-Key": name}, "POST", path, body=body)
    assert (again.status, again.body) == (201, done[201])


def test_without_the_guard_fifty_at_once_do_it_more_than_once(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("payerwatch.web.api.once.find", lambda _asking: None)
    monkeypatch.setattr("payerwatch.web.api.writing.keep_answer", lambda *_: None)
    headers = as_person(world.own.people["owner"], world.own.customer)
    path, body, name = asked_for(0)
    sent_together(headers, path, body, name)
    assert effects(world, name) > 1


def test_different_keys_at_once_keep_no_other_waiting_for_good(world: World):
    headers = as_person(world.own.people["owner"], world.own.customer)

    def send(number: int) -> None:
        body = {"name": f"own-{number}", "scopes": ["claims.read"]}
        assert ask({**headers, "Idempotency-Key": f"own-{number}"}, "POST", KEYS, body=body).status == 201

    at_once(12, send)
    with acting_in(world.own.customer):
        assert KeptAnswer.objects.count() == 12


# Lost updates


def with_authenticator(world: World, role: str) -> Headers:
    """Who signed in with one, and so stays let in while the customer asks for it."""
    session, secret = start_session(
        world.own.people[role], world.own.customer,
        kind=Session.Kind.PROGRAM, origin=Origin("192.0.2.7"), with_second_factor=True,
    )  # fmt: skip
    return bearer(issue_tokens(session, secret).access)


def rounds(world: World, count: int) -> Counter[tuple[int, ...]]:
    """Two clients read, then both turn the setting round, at once: how the two were answered, each round.

    Where both are answered 200 the second has written over a change that it had not read.
    """
    callers = [with_authenticator(world, role) for role in ("owner", "admin")]
    outcomes: Counter[tuple[int, ...]] = Counter()
    for _ in range(count):
        required = ask(callers[0], "GET", SETTINGS).document["second_factor_required"]
        read = [matching(each, SETTINGS) for each in callers]
        statuses: list[int] = []
        turn = partial(turned, read, {"second_factor_required": not required}, statuses)
        at_once(2, turn)
        outcomes[tuple(sorted(statuses))] += 1
    return outcomes


def turned(read: list[Headers], body: dict[str, bool], statuses: list[int], number: int) -> None:
    statuses.append(ask(read[number], "PATCH", SETTINGS, body=body).status)


def test_of_two_who_have_read_the_same_settings_one_is_told_to_read_again(world: World):
    assert rounds(world, ROUNDS) == {(200, 412): ROUNDS}


def test_without_the_lock_changes_are_lost(world: World, monkeypatch: pytest.MonkeyPatch):
    """Compared without holding what is compared, two who have read the same both pass where neither was quicker."""
    usual, both = writing.refuse_unless_current, threading.Barrier(2)

    def unheld(view: Any, request: Any) -> None:
        view.hold = lambda: None
        usual(view, request)
        both.wait(30)

    monkeypatch.setattr(writing, "refuse_unless_current", unheld)
    assert rounds(world, 3) == {(200, 200): 3}


# Mapping


def mapped_at_once(world: World, path: str, count: int) -> Counter[tuple[int, ...]]:
    """Two map the same new thing to what only one of them means: how the two were answered, each round."""
    outcomes: Counter[tuple[int, ...]] = Counter()
    headers = [as_person(world.own.people[role], world.own.customer) for role in ("owner", "admin")]
    for number in range(count):
        code, statuses = f"{30_000 + number}", []
        same = {"raw_name": f"New {number}"} if path == SPELLINGS else {"code_from": code, "code_to": code}
        field = "payer" if path == SPELLINGS else "cpt_group"

        def send(who: int, same=same, field=field, statuses=statuses) -> None:
            body = {**same, field: f"Meant by {who}"}
            statuses.append(ask(headers[who], "POST", path, body=body).status)

        at_once(2, send)
        outcomes[tuple(sorted(statuses))] += 1
    return outcomes


@pytest.mark.parametrize("path", [SPELLINGS, GROUPS])
def test_of_two_who_map_the_same_one_is_told_that_it_is_mapped(path: str, world: World):
    assert mapped_at_once(world, path, ROUNDS) == {(201, 409): ROUNDS}


@pytest.mark.parametrize("path", [SPELLINGS, GROUPS])
def test_without_the_locks_one_maps_over_the_other(path: str, world: World, monkeypatch: pytest.MonkeyPatch):
    both = threading.Barrier(2)
    monkeypatch.setattr(pipeline, "lock_claims", lambda: None)
    monkeypatch.setattr(pipeline, "lock_findings", lambda: both.wait(30))
    assert mapped_at_once(world, path, 20)[201, 201] > 0


def test_who_maps_anew_and_who_changes_a_mapping_keep_no_other_waiting_for_good(world: World):
    headers = [as_person(world.own.people[role], world.own.customer) for role in ("owner", "admin")]
    made = ask(headers[0], "POST", GROUPS, body={"code_from": "30000", "code_to": "30000", "cpt_group": "one"})
    statuses: Counter[int] = Counter()

    def map_it(who: int) -> None:
        for number in range(ROUNDS):
            if who:
                body = {"cpt_group": f"Changed {number}"}
                path = f"{GROUPS}{made.document['id']}/"
                statuses[ask({**headers[1], "If-Match": "*"}, "PATCH", path, body=body).status] += 1
            else:
                body = {"code_from": f"{40_000 + number}", "code_to": "49999", "cpt_group": "new"}
                statuses[ask(headers[0], "POST", GROUPS, body=body).status] += 1

    at_once(2, map_it)
    assert statuses == {200: ROUNDS, 201: ROUNDS}
