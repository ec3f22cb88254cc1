"""A request under an Idempotency-Key is done once, whoever loses its answer; and its answer is its caller's alone."""

from typing import Any, ClassVar

import pytest
from django.test import Client, override_settings
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from payerwatch.audit.models import Entry
from payerwatch.jobs.enqueue import enqueue
from payerwatch.jobs.steps import step
from payerwatch.members.models import ApiKey, Member
from payerwatch.tenancy.context import acting_in
from payerwatch.web.api.invitations import Invitations
from tests.api.asking_once import GUEST, INVITE, KEYS, NEW_KEY, invitations, is_replayed, kept, once, owner_of, plain
from tests.api.leaky import with_views
from tests.api.world import Headers, World, as_person, ask, member_of_both, newcomer
from tests.jobs.caught import catch_steps
from tests.web.asking import but_the_trace

pytestmark = pytest.mark.django_db(transaction=True)


def test_sent_again_it_is_answered_as_before_to_the_byte_and_not_done_again(world: World):
    headers = owner_of(world)
    first, again = once(headers, INVITE, GUEST), once(headers, INVITE, GUEST)
    assert (first.status, is_replayed(first), is_replayed(again)) == (201, False, True)
    assert plain(first) == plain(again)
    assert invitations(world.own) == 1


def test_a_new_session_of_the_same_person_is_answered_as_the_first(world: World):
    assert plain(once(owner_of(world), INVITE, GUEST)) == plain(once(owner_of(world), INVITE, GUEST))


def test_a_key_that_is_shown_once_is_shown_again_to_who_lost_the_answer(world: World):
    headers = owner_of(world)
    text = once(headers, KEYS, NEW_KEY).document["key"]
    assert once(headers, KEYS, NEW_KEY).document["key"] == text
    with acting_in(world.own.customer):
        assert ApiKey.objects.filter(name="nightly").count() == 1


def test_an_answer_without_a_body_is_replayed_without_one(world: World):
    headers = as_person(newcomer(world.own, "owner"), world.own.customer)
    body = {"current": "apples under nine bridges", "new": "pears above eleven rivers"}
    first, again = (once(headers, "/api/v1/me/password/", body) for _ in range(2))
    assert (first.status, first.body, is_replayed(again)) == (204, b"", True)
    assert plain(first) == plain(again)


def test_a_file_begun_again_is_the_one_begun_with_all_that_was_said_of_it(world: World):
    file = {"Tus-Resumable": "1.0.0", "Upload-Length": "311", "Upload-Metadata": "filename Y2xhaW1zLmNzdg=="}
    headers = {**owner_of(world), **file, "Idempotency-Key": "first"}
    first, again = (ask(headers, "POST", "/api/v1/uploads/resumable/") for _ in range(2))
    assert (first.status, is_replayed(again)) == (201, True)
    assert {"Location", "Upload-Offset", "Upload-Expires"} <= {name for name, _ in again.headers}
    assert sorted(plain(first)[1]) == sorted(plain(again)[1])


def test_each_replay_is_on_record_and_says_what_was_shown_again(world: World):
    headers = owner_of(world)
    once(headers, INVITE, GUEST)
    with acting_in(world.own.customer):
        before = Entry.objects.count()
    once(headers, INVITE, GUEST)
    with acting_in(world.own.customer):
        (entry,) = Entry.objects.filter(position__gt=before)
    assert (entry.verb, entry.thing_kind, entry.outcome) == ("replay", "invitation", "done")
    assert but_the_trace(entry.detail) == '{"after":{"status":201,"verb":"invite"}}'


@step
def start(_customer_id: int, public_id: str) -> None:
    Starts.started.append(public_id)


class Starts(Invitations):
    """What goes on after its answer."""

    stands_for = "Invitations"
    started: ClassVar[list[str]] = []

    def create(self, request: Request) -> Response:  # noqa: ARG002
        enqueue(start, "upl_2222222222222222")
        return Response({"state": "waiting"}, status=202)


def test_what_goes_on_after_the_answer_is_started_once(world: World):
    Starts.started.clear()
    headers = owner_of(world)
    with pytest.MonkeyPatch.context() as patch, override_settings(ROOT_URLCONF=with_views(Starts)):
        catch_steps(patch, lambda work: work())
        first, again = once(headers, INVITE, GUEST), once(headers, INVITE, GUEST)
    assert (first.status, plain(first), is_replayed(again)) == (202, plain(again), True)
    assert len(Starts.started) == 1


# What is another request


@pytest.mark.parametrize("other", [{**GUEST, "role": "analyst"}, {"role": "viewer", "email": "guest@example.com"}])
def test_another_body_under_the_same_key_is_refused_and_not_done(other: dict[str, str], world: World):
    """Also one that says the same in other bytes: what is compared is what was sent."""
    headers = owner_of(world)
    once(headers, INVITE, GUEST)
    answer = once(headers, INVITE, other)
    assert (answer.status, answer.document["code"]) == (422, "idempotency_key_reused")
    assert invitations(world.own) == 1


def test_another_query_under_the_same_key_is_refused_and_not_done(world: World):
    """As any query of what changes something is, so that none can be part of a request."""
    headers = {**owner_of(world), "Idempotency-Key": "first"}
    assert ask(headers, "POST", INVITE, body=GUEST).status == 201
    answer = ask(headers, "POST", INVITE, query={"x": "1"}, body=GUEST)
    assert (answer.status, answer.document["code"]) == (400, "unknown_parameter")
    assert invitations(world.own) == 1


def test_the_same_key_elsewhere_is_another_request(world: World):
    headers = owner_of(world)
    made = [once(headers, KEYS, {**NEW_KEY, "name": name}, name).document["id"] for name in ("one", "two")]
    rotated = [once(headers, f"{KEYS}{each}/rotate/", {"overlap_hours": 1}).document["rotated_from"] for each in made]
    assert rotated == made


def test_a_key_rotated_already_is_told_its_successor(world: World):
    headers = owner_of(world)
    made = once(headers, KEYS, NEW_KEY, "make").document["id"]
    successor = once(headers, f"{KEYS}{made}/rotate/", {"overlap_hours": 1}, "one").document["id"]
    again = once(headers, f"{KEYS}{made}/rotate/", {"overlap_hours": 1}, "another")
    assert (again.status, again.document["code"]) == (409, "key_rotated_already")
    assert successor in again.document["detail"]


class FilesOf(Invitations):
    """What takes a body in parts."""

    stands_for = "Invitations"
    parser_classes: ClassVar = [MultiPartParser]
    done: ClassVar[list[str]] = []

    def create(self, request: Request) -> Response:
        self.done.append("")
        return Response({"size": request.data["file"].size}, status=201)


def in_parts(headers: Headers, boundary: str, content: bytes, name: str = "a.csv") -> Any:
    lines = [
        f"--{boundary}",
        f'Content-Disposition: form-data; name="file"; filename="{name}"',
        "Content-Type: text/csv",
        "",
        content.decode(),
        f"--{boundary}--",
        "",
    ]
    sent = "\r\n".join(lines).encode()
    client = Client(headers={**headers, "Idempotency-Key": "parts"})
    return client.generic("POST", INVITE, sent, content_type=f"multipart/form-data; boundary={boundary}")


def test_a_body_in_parts_is_the_same_whatever_stands_between_them(world: World):
    FilesOf.done.clear()
    headers = owner_of(world)
    with override_settings(ROOT_URLCONF=with_views(FilesOf)):
        first, again = in_parts(headers, "aaaa", b"payer,cpt"), in_parts(headers, "bbbb", b"payer,cpt")
        others = [in_parts(headers, "aaaa", b"payer,CPT"), in_parts(headers, "aaaa", b"payer,cpt", "b.csv")]
    assert (first.status_code, again.status_code, again.content) == (201, 201, b'{"size":9}')
    assert [each.status_code for each in others] == [422, 422]
    assert len(FilesOf.done) == 1


# What is not kept


class Failing(Invitations):
    stands_for = "Invitations"

    def create(self, request: Request) -> Response:
        super().create(request)
        raise RuntimeError("too late")


def test_what_was_refused_or_failed_leaves_the_key_free(world: World):
    headers = owner_of(world)
    assert once(headers, INVITE, {**GUEST, "email": "nobody"}).status == 400
    with override_settings(ROOT_URLCONF=with_views(Failing)):
        assert once(headers, INVITE, GUEST).status == 500
    assert (kept(world.own), invitations(world.own)) == ([], 0)
    done = once(headers, INVITE, GUEST)
    assert (done.status, is_replayed(done), invitations(world.own)) == (201, False, 1)


def test_an_answer_that_cannot_be_kept_undoes_what_was_done(world: World, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise RuntimeError("no room")

    monkeypatch.setattr("payerwatch.web.api.writing.keep_answer", fail)
    assert once(owner_of(world), INVITE, GUEST).status == 500
    assert invitations(world.own) == 0


def test_a_replay_needs_what_the_first_needed(world: World):
    who = newcomer(world.own, "admin")
    headers = as_person(who, world.own.customer)
    assert once(headers, INVITE, GUEST).status == 201
    with acting_in(world.own.customer):
        Member.objects.filter(person=who).update(role="viewer")
    assert once(headers, INVITE, GUEST).document["code"] == "not_permitted"
    with acting_in(world.own.customer):
        Member.objects.filter(person=who).update(state=Member.State.SUSPENDED)
    assert once(headers, INVITE, GUEST).status == 401


# Whose it is


def test_a_colleague_who_sends_the_same_under_the_same_key_makes_their_own(world: World):
    texts = [
        once(as_person(newcomer(world.own, "admin"), world.own.customer), KEYS, NEW_KEY).document["key"]
        for _ in range(2)
    ]
    assert texts[0] != texts[1]


def test_the_same_person_in_another_customer_makes_another(world: World):
    who = member_of_both(world.own, world.other)
    for practice in (world.own, world.other):
        with acting_in(practice.customer):
            Member.objects.filter(person=who).update(role="owner")
    first, second = (
        once(as_person(who, each.customer), KEYS, NEW_KEY).document["id"] for each in (world.own, world.other)
    )
    assert first != second
    assert (len(kept(world.own)), len(kept(world.other))) == (1, 1)


# The header


@pytest.mark.parametrize("key", ["x" * 255, " a b ~!", "8e03978e-40d5-43dd-bc93-6894a57f9324"])
def test_any_printable_key_is_taken(key: str, world: World):
    headers = owner_of(world)
    assert [is_replayed(once(headers, INVITE, GUEST, key)) for _ in range(2)] == [False, True]


@pytest.mark.parametrize("key", ["", "x" * 256, "é", "a\tb", "a\x7f"])
def test_a_key_that_cannot_be_one_is_refused(key: str, world: World):
    answer = once(owner_of(world), INVITE, GUEST, key)
    assert (answer.status, answer.document["code"]) == (400, "idempotency_key_unusable")
    assert invitations(world.own) == 0


SIGN_IN = {"email": "nobody@example.com", "password": "x"}
NOT_TAKEN = [
    ("anonymous", "POST", "/api/v1/auth/token/", SIGN_IN),
    ("owner", "POST", "/api/v1/auth/sign-out/", {}),
    ("owner", "POST", "/api/v1/me/customer/", {"customer": "cus_2222222222222222"}),
    ("operator outside", "POST", "/api/v1/me/password/", {"current": "x", "new": "y"}),
    ("owner", "DELETE", "/api/v1/invitations/inv_2222222222222222/", None),
    ("owner", "PATCH", "/api/v1/settings/", {"second_factor_required": True}),
]


@pytest.mark.parametrize(("caller", "method", "path", "body"), NOT_TAKEN)
def test_where_no_answer_is_kept_the_header_is_refused_and_not_passed_over(
    caller: str, method: str, path: str, body: Any, world: World
):
    headers = {**world.headers(caller), "Idempotency-Key": "first"}
    answer = ask(headers, method, path, body=body)
    assert (answer.status, answer.document["code"]) == (400, "idempotency_key_not_taken")


def test_who_reads_may_send_the_header_everywhere(world: World):
    assert ask({**owner_of(world), "Idempotency-Key": ""}, "GET", "/api/v1/me/").status == 200


# At rest


def test_without_the_guard_the_same_request_is_done_twice(world: World, monkeypatch: pytest.MonkeyPatch):
    """What these tests would see if nothing were looked up."""
    monkeypatch.setattr("payerwatch.web.api.once.find", lambda _asking: None)
    headers = owner_of(world)
    texts = {once(headers, KEYS, NEW_KEY).document["key"] for _ in range(2)}
    assert len(texts) == 2
