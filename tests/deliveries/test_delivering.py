"""From a message that is kept to one that has arrived: once, under one id, whatever dies or fails on the way."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from payerwatch.audit.models import Entry
from payerwatch.deliveries import endpoints
from payerwatch.deliveries.answers import TIMEOUT, Answer
from payerwatch.deliveries.delivering import LEASE, settle, take
from payerwatch.deliveries.messages import Told, tell_all
from payerwatch.deliveries.models import Attempt, Endpoint, Message
from payerwatch.deliveries.notices import Notice
from payerwatch.deliveries.retries import DISABLED_AFTER, JITTER, SCHEDULE
from payerwatch.deliveries.secrets import SECRET, URL, sealed, unsealed, url_of
from payerwatch.members.models import Member
from payerwatch.sealing.sealing import SealBroken
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests.alerts import making
from tests.alerts.making import Clock
from tests.deliveries.lanes import ARRIVED, Post, posted, run
from tests.make import ACTOR, customer

pytestmark = pytest.mark.django_db

FAILED, GONE, TIMED_OUT = Answer(500), Answer(410), Answer(None, TIMEOUT)
NOTICE = Notice("endpoint.test", "end_2", making.NOON, "A test", "This is a test.", {"endpoint": "end_2"})


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(timezone.now())
    monkeypatch.setattr(timezone, "now", clock)
    clock.move(seconds=1)
    return clock


@pytest.fixture
def post(clock: Clock) -> Iterator[Post]:
    with posted() as post:
        yield post


@pytest.fixture
def practice() -> Customer:
    return customer()


def endpoint(practice: Customer, **columns: Any) -> str:
    with acting_in(practice):
        return str(endpoints.add_endpoint("https://hooks.example.com/1", actor=ACTOR, **columns).endpoint.public_id)


def told(practice: Customer, lane: str, messages: int = 1) -> list[str]:
    """The ids of so many messages to the receiver, the first first."""
    with acting_in(practice):
        to = list(Endpoint.objects.filter(public_id=lane))
        made = [tell_all([Told(NOTICE, to, () if to else (lane,))]) for _ in range(messages)]
        return [message.public_id for each in made for message in each]


def states(practice: Customer) -> list[str]:
    with acting_in(practice):
        return list(Message.objects.order_by("pk").values_list("state", flat=True))


def standing(practice: Customer, lane: str) -> Endpoint:
    with acting_in(practice):
        return Endpoint.objects.get(public_id=lane)


def attempts(practice: Customer) -> list[tuple[int, int | None, str]]:
    with acting_in(practice):
        return list(Attempt.objects.order_by("pk").values_list("number", "status", "failure"))


# Kept with its cause


def test_a_message_whose_cause_was_taken_back_is_none(practice: Customer, post: Post):
    lane = endpoint(practice)
    with acting_in(practice), suppress(KeyError), transaction.atomic():
        tell_all([Told(NOTICE, [Endpoint.objects.get(public_id=lane)])])
        raise KeyError
    run(practice, lane)
    assert states(practice) == post.sent == []


def test_messages_arrive_one_after_the_other_in_the_order_of_their_causes(practice: Customer, post: Post):
    lane = endpoint(practice)
    ids = told(practice, lane, 3)
    run(practice, lane)
    assert post.ids == ids
    assert states(practice) == ["delivered"] * 3
    run(practice, lane)
    assert len(post.sent) == 3


# Two at once, and those that die


def test_while_one_process_sends_no_other_sends_to_the_same_receiver(practice: Customer, post: Post):
    lane = endpoint(practice)
    ids = told(practice, lane, 2)
    post.meanwhile = lambda: run(practice, lane) if len(post.sent) < 5 else None
    run(practice, lane)
    assert post.ids == ids


def test_who_died_after_sending_leaves_it_to_be_sent_again_under_its_id(practice: Customer, post: Post, clock: Clock):
    lane = endpoint(practice)
    (message,) = told(practice, lane)
    with acting_in(practice):
        assert take(lane) is not None  # sent, and killed
    run(practice, lane)
    assert post.sent == []
    clock.now += LEASE
    run(practice, lane)
    assert post.ids == [message]
    assert states(practice) == ["delivered"]


def test_who_was_away_longer_than_the_lease_notes_the_attempt_and_decides_nothing(
    practice: Customer, post: Post, clock: Clock
):
    lane = endpoint(practice)
    told(practice, lane)
    with acting_in(practice):
        late = take(lane)
    clock.now += LEASE
    with acting_in(practice):
        present = take(lane)
    assert late is not None
    assert present is not None
    with acting_in(practice):
        settle(late, FAILED, clock.now)
        message = Message.objects.get()
        assert (message.state, message.sending_until, message.attempts_of_schedule) == (
            "waiting",
            present.lease,
            1,
        )  # who died counts
        settle(present, ARRIVED, clock.now)
    assert states(practice) == ["delivered"]
    assert attempts(practice) == [(1, 500, ""), (2, 204, "")]


# Again


def test_a_message_is_tried_by_the_schedule_and_then_has_failed(practice: Customer, post: Post, clock: Clock):
    """An endpoint fails alone for less than it takes to be disabled: another message arrives in between."""
    lane = making_member(practice)
    told(practice, lane)
    post.answers = [FAILED]
    for number in range(1, len(SCHEDULE) + 1):
        run(practice, lane)
        with acting_in(practice):
            message = Message.objects.get()
        assert (message.attempts_made, len(post.sent)) == (number, number)
        if number < len(SCHEDULE):
            waits = (message.due_at or clock.now) - clock.now
            assert SCHEDULE[number] <= waits <= SCHEDULE[number] * (1 + JITTER)
            run(practice, lane)
            clock.now = message.due_at or clock.now
    assert (message.state, message.due_at) == ("failed", None)
    assert len(set(post.ids)) == 1


def making_member(practice: Customer) -> str:
    with acting_in(practice):
        return making.member().public_id


def test_an_endpoint_that_has_too_much_to_do_is_sent_nothing_until_it_asks_for_more(
    practice: Customer, post: Post, clock: Clock
):
    lane = endpoint(practice)
    told(practice, lane, 2)
    post.answers = [Answer(503, retry_after="600"), ARRIVED]
    run(practice, lane)
    assert len(post.sent) == 1
    clock.move(seconds=599)
    run(practice, lane)
    assert len(post.sent) == 1
    clock.move(seconds=1)
    run(practice, lane)
    assert states(practice).count("delivered") >= 1
    assert len(post.sent) >= 2


def test_five_failures_in_a_row_pause_and_then_one_is_the_trial(practice: Customer, post: Post, clock: Clock):
    lane = endpoint(practice)
    told(practice, lane, 8)
    post.answers = [TIMED_OUT]
    run(practice, lane)
    assert len(post.sent) == 5
    paused = standing(practice, lane).paused_until
    assert paused == clock.now + timedelta(seconds=30)
    clock.now = paused
    post.meanwhile = lambda: run(practice, lane)
    run(practice, lane)
    assert len(post.sent) == 6
    assert standing(practice, lane).paused_until == clock.now + timedelta(seconds=60)
    clock.move(minutes=6)
    post.answers, post.meanwhile = [ARRIVED], lambda: None
    run(practice, lane)
    assert states(practice) == ["delivered"] * 8
    healthy = standing(practice, lane)
    assert (healthy.failures_in_row, healthy.failing_since, healthy.paused_until) == (0, None, None)


# Disabled


def disabled(practice: Customer, lane: str) -> tuple[str, str]:
    found = standing(practice, lane)
    return found.state, found.disabled_because


def test_an_endpoint_that_is_gone_is_disabled_at_once_and_owners_and_other_endpoints_hear_of_it(
    practice: Customer, post: Post
):
    lane, other = endpoint(practice), endpoint(practice, event_types=["endpoint.disabled"])
    owner = making_member(practice)
    ids = told(practice, lane, 2)
    post.answers = [GONE]
    run(practice, lane)
    assert disabled(practice, lane) == ("disabled", "gone")
    assert post.ids == ids[:1]
    with acting_in(practice):
        heard = Message.objects.filter(type="endpoint.disabled").values_list("recipient", "endpoint__public_id")
        assert set(heard) == {(owner, None), (None, other)}
        entry = Entry.objects.get(verb="disable")
        assert (entry.thing_id, entry.actor_kind, "gone" in entry.detail) == (lane, "job", True)
    assert states(practice)[:2] == ["failed", "dropped"]


def test_what_fails_for_three_days_is_disabled(practice: Customer, post: Post, clock: Clock):
    lane = endpoint(practice)
    told(practice, lane)
    post.answers = [FAILED]
    run(practice, lane)
    clock.now += DISABLED_AFTER - timedelta(seconds=1)
    run(practice, lane)
    assert disabled(practice, lane) == ("enabled", "")
    clock.move(days=1)
    run(practice, lane)
    assert disabled(practice, lane) == ("disabled", "failing")


def test_what_was_missed_is_recovered_under_its_ids(practice: Customer, post: Post, clock: Clock):
    lane, since = endpoint(practice), clock.now - timedelta(hours=1)
    ids = told(practice, lane, 2)
    post.answers = [GONE]
    run(practice, lane)
    ids += told(practice, lane)  # kept though it is disabled
    run(practice, lane)
    with acting_in(practice):
        with pytest.raises(endpoints.EndpointDisabled):
            endpoints.recover(Endpoint.objects.get(public_id=lane), since, actor=ACTOR)
        changed = endpoints.change_endpoint(Endpoint.objects.get(public_id=lane), enabled=True, actor=ACTOR)
        assert endpoints.recover(changed, since, actor=ACTOR) == 3
    post.answers = [ARRIVED]
    run(practice, lane)
    assert post.ids[1:] == ids
    assert states(practice) == ["delivered"] * 3


def test_what_has_arrived_is_sent_again_by_hand_under_its_id(practice: Customer, post: Post):
    lane = endpoint(practice)
    (message,) = told(practice, lane)
    run(practice, lane)
    with acting_in(practice):
        endpoints.resend(Message.objects.select_related("endpoint").get(), actor=ACTOR)
    run(practice, lane)
    assert post.ids == [message, message]
    assert [number for number, *_ in attempts(practice)] == [1, 2]


def test_who_changes_an_endpoint_does_not_enable_what_was_disabled_meanwhile(practice: Customer, post: Post):
    lane = endpoint(practice)
    told(practice, lane)
    read_before = standing(practice, lane)
    post.answers = [GONE]
    run(practice, lane)
    with acting_in(practice):
        endpoints.change_endpoint(read_before, name="Another name", actor=ACTOR)
    assert disabled(practice, lane) == ("disabled", "gone")


def test_a_new_address_is_tried_at_once_and_answers_for_itself_alone(practice: Customer, post: Post, clock: Clock):
    lane = endpoint(practice)
    told(practice, lane, 5)
    post.answers = [FAILED]
    run(practice, lane)
    clock.now += DISABLED_AFTER
    with acting_in(practice):
        found = Endpoint.objects.get(public_id=lane)
        endpoints.change_endpoint(found, url="https://hooks.example.com/2", actor=ACTOR)
    run(practice, lane)
    assert post.sent[5].url == "https://hooks.example.com/2"
    assert disabled(practice, lane) == ("enabled", "")


def test_disabled_by_hand_is_more_than_disabled_for_failing(practice: Customer, post: Post):
    lane = endpoint(practice)
    told(practice, lane)
    post.answers = [GONE]
    run(practice, lane)
    with acting_in(practice):
        endpoints.change_endpoint(Endpoint.objects.get(public_id=lane), enabled=False, actor=ACTOR)
    assert disabled(practice, lane) == ("disabled", "by_hand")


def test_an_endpoint_that_was_removed_is_sent_nothing_and_its_secrets_are_gone(practice: Customer, post: Post):
    lane = endpoint(practice)
    told(practice, lane)
    with acting_in(practice):
        found = Endpoint.objects.get(public_id=lane)
        endpoints.remove_endpoint(found, actor=ACTOR)
        assert found.secrets.count() == 0
    run(practice, lane)
    assert post.sent == []
    assert states(practice) == ["dropped"]
    with acting_in(practice), pytest.raises(endpoints.UnknownEndpoint):
        endpoints.resend(Message.objects.select_related("endpoint").get(), actor=ACTOR)


@pytest.mark.parametrize("how", ["suspended", "left"])
def test_a_member_who_left_is_written_nothing(practice: Customer, post: Post, how: str):
    lane = making_member(practice)
    told(practice, lane)
    with acting_in(practice):
        if how == "left":
            Member.objects.all().delete()
        Member.objects.update(state="suspended")
    run(practice, lane)
    assert post.sent == []
    assert states(practice) == ["dropped"]


# Secrets


def rotated(practice: Customer, lane: str, hours: int) -> str:
    with acting_in(practice):
        found = Endpoint.objects.get(public_id=lane)
        return str(endpoints.rotate_secret(found, overlap=timedelta(hours=hours), actor=ACTOR).secret)


def signs_with(practice: Customer, lane: str, post: Post) -> list[str]:
    told(practice, lane)
    run(practice, lane)
    return list(post.sent[-1].secrets)


def test_after_a_rotation_with_overlap_both_sign_until_it_ends(practice: Customer, post: Post, clock: Clock):
    lane = endpoint(practice)
    (old,) = signs_with(practice, lane, post)
    new = rotated(practice, lane, 24)
    assert signs_with(practice, lane, post) == [new, old]
    clock.move(hours=24)
    assert signs_with(practice, lane, post) == [new]


def test_after_a_rotation_without_overlap_the_new_alone_signs(practice: Customer, post: Post):
    lane = endpoint(practice)
    new = rotated(practice, lane, 0)
    assert signs_with(practice, lane, post) == [new]


def test_address_and_secret_are_stored_sealed_and_for_their_customer_alone(practice: Customer, post: Post):
    lane, other = endpoint(practice), customer("Other")
    (secret,) = signs_with(practice, lane, post)
    with acting_in(practice):
        found = Endpoint.objects.get(public_id=lane)
        stored = found.sealed_url, found.secrets.get().sealed_secret
        assert url_of(found) == "https://hooks.example.com/1"
    assert "hooks.example.com" not in stored[0]
    assert secret.removeprefix("whsec_") not in stored[1]
    with acting_in(other):
        for text, what in zip(stored, (URL, SECRET), strict=True):
            with pytest.raises(SealBroken):
                unsealed(text, what)
        assert unsealed(sealed("x", URL), URL) == "x"


def test_what_is_kept_of_an_endpoint_in_the_record_is_never_its_address_or_secret(practice: Customer, post: Post):
    lane = endpoint(practice)
    secret = rotated(practice, lane, 1)
    with acting_in(practice):
        endpoints.change_endpoint(Endpoint.objects.get(public_id=lane), url="https://hooks.example.com/2", actor=ACTOR)
        kept = " ".join(str(each) for each in Entry.objects.values())
    assert "hooks.example.com" not in kept
    assert secret not in kept


def test_the_first_attempt_says_when_it_began(practice: Customer, post: Post, clock: Clock):
    lane = endpoint(practice)
    told(practice, lane)
    began: datetime = clock.now
    post.meanwhile = lambda: clock.move(seconds=3)
    run(practice, lane)
    with acting_in(practice):
        assert Attempt.objects.get().started_at == began
        assert Message.objects.get().settled_at == began + timedelta(seconds=3)


# What must not stop all behind it


def test_a_fault_of_ours_is_an_attempt_like_any_other(practice: Customer, post: Post, clock: Clock):
    lane = endpoint(practice)
    first, second = told(practice, lane, 2)

    def fail_once() -> None:
        post.meanwhile = lambda: None
        raise RuntimeError("a mistake")

    post.meanwhile = fail_once
    run(practice, lane)
    assert post.ids == [first, second]
    assert states(practice) == ["waiting", "delivered"]
    assert attempts(practice)[0] == (1, None, "sending_failed")


def test_a_message_of_which_every_sender_dies_is_given_up(practice: Customer, post: Post, clock: Clock):
    lane = endpoint(practice)
    told(practice, lane)
    for _ in SCHEDULE:
        with acting_in(practice):
            assert take(lane) is not None
        clock.now += LEASE
    with acting_in(practice):
        assert take(lane) is None
    assert states(practice) == ["failed"]


def test_where_the_mail_server_does_not_answer_one_try_is_enough_for_now(practice: Customer, post: Post, clock: Clock):
    with acting_in(practice):
        lane = making.member().public_id
    told(practice, lane, 3)
    post.answers = [TIMED_OUT]
    run(practice, lane)
    assert len(post.sent) == 1


@pytest.mark.parametrize("by", ["resend", "recover"])
def test_what_waits_for_its_next_attempt_goes_at_once_when_it_is_asked_for(
    practice: Customer, post: Post, clock: Clock, by: str
):
    lane = endpoint(practice)
    (message,) = told(practice, lane)
    post.answers = [FAILED, ARRIVED]
    run(practice, lane)
    with acting_in(practice):
        if by == "resend":
            endpoints.resend(Message.objects.select_related("endpoint").get(), actor=ACTOR)
        else:
            assert endpoints.recover(standing(practice, lane), clock.now - timedelta(hours=1), actor=ACTOR) == 1
    run(practice, lane)
    assert (post.ids, states(practice)) == ([message, message], ["delivered"])


def test_what_was_put_off_is_looked_for_once_the_address_is_another(
    practice: Customer, post: Post, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    lane, hastened = endpoint(practice), list[str]()
    monkeypatch.setattr(endpoints, "enqueue", lambda _step, public_id: hastened.append(public_id))
    with acting_in(practice):
        endpoints.change_endpoint(standing(practice, lane), name="only a name", actor=ACTOR)
        assert hastened == []
        endpoints.change_endpoint(standing(practice, lane), url="https://hooks.example.com/2", actor=ACTOR)
    assert hastened == [lane]
