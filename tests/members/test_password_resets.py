"""Links to choose a new password: who asks learns nothing, and each works once within an hour."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from payerwatch.jobs.background import BackgroundWorker
from payerwatch.members import password_resets
from payerwatch.members.email_addresses import EmailUnusable
from payerwatch.members.guesses import TooManyGuesses
from payerwatch.members.models import PasswordReset, Person, Session
from payerwatch.members.password_resets import (
    ResetLinkUnusable,
    request_password_reset,
    reset_password,
    send_link,
)
from payerwatch.members.passwords import PasswordUnusable, change_password, password_matches
from payerwatch.members.people import suspend_person
from tests.make import ACTOR
from tests.members.credentials import PASSWORD, origin, person, session
from tests.members.places import verbs_of_installation

pytestmark = pytest.mark.django_db

GOOD = "seven grey herons wade"


@pytest.fixture
def sent(mailoutbox, django_capture_on_commit_callbacks):
    """Ask for a link as the worker does; the secret of the message that went out, or None."""

    def send(email: str) -> str | None:
        before = len(mailoutbox)
        with django_capture_on_commit_callbacks(execute=True):
            send_link(email, origin())
        if len(mailoutbox) == before:
            return None
        assert mailoutbox[-1].to == [email]
        return mailoutbox[-1].body.partition("with the token ")[2].split()[0]

    return send


def test_a_link_sets_a_new_password_and_ends_every_session(sent):
    ada = person()
    session(ada)
    assert reset_password(sent(ada.email), GOOD, origin=origin()) == ada
    ada.refresh_from_db()
    assert password_matches(GOOD, ada.password)
    assert not Session.objects.filter(ended_at=None).exists()
    assert verbs_of_installation(ada.public_id) == ["request_reset", "sign_out", "reset_password"]


@pytest.mark.parametrize("spoil", ["used", "another used", "changed", "expired", "suspended"])
def test_a_link_that_is_over_is_refused(sent, spoil: str):
    ada = person()
    link = sent(ada.email)
    if spoil == "used":
        reset_password(link, "another long password", origin=origin())
    elif spoil == "another used":
        reset_password(sent(ada.email), "another long password", origin=origin())
    elif spoil == "changed":
        change_password(ada, PASSWORD, "another long password", actor=ACTOR)
    elif spoil == "expired":
        PasswordReset.objects.update(expires_at=timezone.now())
    else:
        suspend_person(ada, actor=ACTOR)
    with pytest.raises(ResetLinkUnusable):
        reset_password(link, GOOD, origin=origin())
    ada.refresh_from_db()
    assert not password_matches(GOOD, ada.password)


def test_a_link_lives_for_an_hour_and_only_its_digest_is_stored(sent):
    link = sent(person().email)
    stored = PasswordReset.objects.get()
    assert timedelta(minutes=59) < stored.expires_at - timezone.now() <= timedelta(hours=1)
    assert len(link) * 6 >= 160
    assert stored.digest != link


@pytest.mark.parametrize("garbage", ["", "x", "\x00", "\ud800", "9" * 5000])
def test_garbage_is_refused_like_a_link_that_is_over(garbage: str):
    with pytest.raises(ResetLinkUnusable):
        reset_password(garbage, GOOD, origin=origin())


def test_a_password_that_is_refused_leaves_the_link_good(sent):
    link = sent(person().email)
    with pytest.raises(PasswordUnusable):
        reset_password(link, "short", origin=origin())
    assert reset_password(link, GOOD, origin=origin())


def test_who_is_suspended_or_unknown_gets_no_message(sent):
    ada = person()
    suspend_person(ada, actor=ACTOR)
    assert sent(ada.email) is None
    assert sent("nobody@example.com") is None
    assert not PasswordReset.objects.exists()


def test_nobody_is_flooded_with_links(sent):
    ada = person()
    assert [sent(ada.email) is not None for _ in range(4)] == [True, True, True, False]
    assert sent(person().email) is not None


def test_asking_does_the_same_for_an_address_known_and_unknown(monkeypatch, django_assert_num_queries):
    """Neither asks the database anything, and both put the same before the worker."""
    put: list = []
    monkeypatch.setattr(password_resets.worker, "do", put.append)
    monkeypatch.setattr(password_resets, "take", lambda _: type("Passed", (), {"allowed": True}))
    ada = person()
    with django_assert_num_queries(0):
        assert request_password_reset(ada.email.upper(), origin=origin()) is None
        assert request_password_reset("nobody@example.com", origin=origin()) is None
    assert [(work.func, work.args[0]) for work in put] == [(send_link, ada.email), (send_link, "nobody@example.com")]


def test_asking_too_often_from_one_address_is_refused_whoever_is_named(monkeypatch):
    monkeypatch.setattr(password_resets.worker, "do", lambda _: None)
    for number in range(10):
        request_password_reset(f"n{number}@example.com", origin=origin())
    with pytest.raises(TooManyGuesses):
        request_password_reset("n11@example.com", origin=origin())
    request_password_reset("n12@example.com", origin=origin("192.0.2.77"))


def test_an_address_that_is_none_is_refused_without_looking():
    with pytest.raises(EmailUnusable):
        request_password_reset("no address", origin=origin())


@pytest.mark.django_db(transaction=True)
def test_the_worker_sends_the_link(mailoutbox):
    ada = person()
    request_password_reset(ada.email, origin=origin())
    assert password_resets.worker.finish(30)
    assert [message.to for message in mailoutbox] == [[ada.email]]
    assert Person.objects.get(pk=ada.pk).password == ada.password


# The worker by itself


def test_a_worker_outlives_what_fails_and_drops_what_is_too_much(caplog: pytest.LogCaptureFixture):
    worker = BackgroundWorker("trial", most=2)
    begun, go_on, done = threading.Event(), threading.Event(), []

    def wait() -> None:
        begun.set()
        go_on.wait(10)

    def fail() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM nowhere")

    worker.do(wait)
    assert begun.wait(10)
    for work in (fail, lambda: done.append(1), lambda: done.append(2)):
        worker.do(work)
    go_on.set()
    assert worker.finish(10)
    assert done == [1]
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        "Too much waits for trial",
        "trial failed",
    ]
