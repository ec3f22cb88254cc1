"""Delivering what waits for one receiver: one message after the other, so that who is slow keeps nobody else.

    take     of the receiver's due messages the first, for a minute: written before anything is sent
    send     with no transaction open
    settle   the attempt, what becomes of the message, and how the receiver is doing; then take the next

Killed after sending and before settling, the message is sent again once the minute is over: with the same id.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from time import monotonic

from django.db import transaction
from django.db.models import Q

from payerwatch.config.trace_context import continued, describe
from payerwatch.deliveries import health, outbox
from payerwatch.deliveries.answers import SENDING_FAILED, Answer
from payerwatch.deliveries.channels import channels
from payerwatch.deliveries.models import Attempt, Endpoint, Message
from payerwatch.deliveries.notices import Parcel
from payerwatch.deliveries.retries import SCHEDULE, Meaning, meaning_of, next_attempt
from payerwatch.deliveries.secrets import secrets_in_force, url_of
from payerwatch.jobs.enqueue import enqueue
from payerwatch.jobs.in_process import usual_level
from payerwatch.jobs.steps import sending_step
from payerwatch.measuring import metrics
from payerwatch.members.queries import email_of_member
from payerwatch.tenancy import clock
from payerwatch.tenancy.context import acting_in

LEASE = timedelta(seconds=60)
"""Longer than any attempt may take."""
MAIL_PAUSE = timedelta(minutes=1)
LONGEST_TURN = 30.0
"""Seconds after which others that wait have their turn."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Taken:
    """A message that is this process's to send until the lease ends."""

    message: Message
    parcel: Parcel
    channel: str
    lease: datetime


@sending_step
def deliver(customer_id: int, lane: str) -> None:
    """The step: send what is due for the receiver, an endpoint or a member, until nothing is."""
    ends = monotonic() + LONGEST_TURN
    with acting_in(customer_id):
        taken = take(lane)
    while taken is not None:
        started = clock.now()
        answer = _sent(taken)
        with acting_in(customer_id):
            settle(taken, answer, started)
            taken = _next(lane, answer, ends)


def _sent(taken: Taken) -> Answer:
    """One attempt, in the trace of what the message tells of.

    What fails by a fault of ours is an attempt like any other: else it would stop all behind it.
    """
    with continued(taken.message.traceparent, name=f"send {taken.channel}"):
        try:
            answer = channels()[taken.channel].send(taken.parcel)
        except Exception as error:
            logger.error("The message %s could not be sent.", taken.message.public_id, exc_info=error)
            return Answer(None, SENDING_FAILED)
        describe(f"send {taken.channel}", **{"http.response.status_code": answer.status or 0})
        _log(taken.message, answer)
        return answer


def _log(message: Message, answer: Answer) -> None:
    about = {"thing": message.public_id, "status": answer.status, "milliseconds": answer.milliseconds}
    if meaning_of(answer) is Meaning.DELIVERED:
        logger.log(usual_level(), "sent", extra=about)
    else:
        logger.warning("not delivered", extra=about | {"failure": answer.failure})


def _next(lane: str, answer: Answer, ends: float) -> Taken | None:
    """Members have no breaker of their own: where the mail server does not answer, theirs waits for a while."""
    if answer.status is None and not lane.startswith("end_"):
        enqueue(deliver, lane, at=clock.now() + MAIL_PAUSE)
        return None
    if monotonic() < ends:
        return take(lane)
    enqueue(deliver, lane)
    return None


def take(lane: str) -> Taken | None:
    """The next message that is due. None where there is none, or the receiver is paused or gone."""
    find: Callable[[str], Taken | None] = _take_for_endpoint if lane.startswith("end_") else _take_for_member
    return find(lane)


def _take_for_endpoint(lane: str) -> Taken | None:
    now = clock.now()
    endpoint = Endpoint.objects.select_for_update(no_key=True).filter(public_id=lane).first()
    if endpoint is None:
        return None
    if endpoint.state == Endpoint.State.DISABLED:
        _drop(Q(endpoint=endpoint))
        return None
    if endpoint.paused_until is not None and endpoint.paused_until > now:
        enqueue(deliver, lane, at=endpoint.paused_until)
        return None
    message = _leased(Q(endpoint=endpoint), now, lane)
    if message is None:
        return None
    secrets = secrets_in_force(endpoint, now) if channels()[endpoint.channel].SIGNS else ()
    parcel = Parcel(message.public_id, message.body, url=url_of(endpoint), secrets=secrets)
    return Taken(message, parcel, endpoint.channel, now + LEASE)


def _take_for_member(lane: str) -> Taken | None:
    address = email_of_member(lane)
    if address is None:
        _drop(Q(recipient=lane))
        return None
    now = clock.now()
    message = _leased(Q(recipient=lane), now, lane)
    if message is None:
        return None
    return Taken(message, Parcel(message.public_id, message.body, address=address), outbox.EMAIL, now + LEASE)


def _leased(whose: Q, now: datetime, lane: str) -> Message | None:
    """The receiver's first due message, its lease written. What is not due yet is looked for again when it is.

    Nothing, while somebody is sending to the receiver: one message goes after the other.
    """
    waiting = Message.objects.filter(whose, state=Message.State.WAITING).order_by("due_at", "pk")
    busy = waiting.filter(sending_until__gt=now).first()
    if busy is not None:
        enqueue(deliver, lane, at=busy.sending_until)
        return None
    message = waiting.select_for_update(skip_locked=True, of=("self",)).first()
    if message is None:
        return None
    assert message.due_at is not None
    if message.due_at > now and message.attempts_of_schedule:  # else it may be of a machine that is ahead
        enqueue(deliver, lane, at=message.due_at)
        return None
    if message.sending_until is not None and _gives_up(message, now):
        return _leased(whose, now, lane)
    message.sending_until = now + LEASE
    message.save(update_fields=["sending_until", "attempts_of_schedule"])
    return message


def _gives_up(message: Message, now: datetime) -> bool:
    """Whoever had it has died: that counts, as it may be the message that they die of."""
    message.attempts_of_schedule += 1
    if message.attempts_of_schedule < len(SCHEDULE):
        return False
    message.state, message.due_at, message.sending_until, message.settled_at = Message.State.FAILED, None, None, now
    message.save(update_fields=["state", "due_at", "sending_until", "settled_at", "attempts_of_schedule"])
    return True


def settle(taken: Taken, answer: Answer, started: datetime) -> None:
    """Note the attempt. Who was away longer than the lease notes it too, and leaves the message to who has it now."""
    if taken.message.endpoint_id is not None:  # first, as whoever takes does: else two would wait for each other
        Endpoint.objects.select_for_update(no_key=True).get(pk=taken.message.endpoint_id)
    message = Message.objects.select_for_update(of=("self",)).get(pk=taken.message.pk)
    message.attempts_made += 1
    Attempt.objects.create(
        message=message,
        number=message.attempts_made,
        started_at=started,
        status=answer.status,
        failure=answer.failure,
        milliseconds=answer.milliseconds,
        excerpt=answer.excerpt,
    )
    if message.sending_until == taken.lease and message.state == Message.State.WAITING:
        _decide(message, answer)
    outcome = "delivered" if meaning_of(answer) is Meaning.DELIVERED else "failed"
    transaction.on_commit(metrics.attempts.labels(taken.channel, outcome).inc)
    message.save(update_fields=[
        "attempts_made", "attempts_of_schedule", "state", "due_at", "sending_until", "settled_at",
    ])  # fmt: skip
    if message.endpoint_id is not None:
        for each in outbox.lanes_of(health.note(message.endpoint_id, answer)):
            enqueue(deliver, each)


def _decide(message: Message, answer: Answer) -> None:
    """What becomes of a message after an attempt of its schedule."""
    now = clock.now()
    message.attempts_of_schedule += 1
    message.sending_until = None
    message.due_at = next_attempt(message.attempts_of_schedule, now, answer, Random())
    if message.due_at is None:
        arrived = meaning_of(answer) is Meaning.DELIVERED
        message.state = Message.State.DELIVERED if arrived else Message.State.FAILED
        message.settled_at = now


def _drop(whose: Q) -> None:
    """Nobody is there to be told: it is kept, and can be sent again once somebody is."""
    waiting = Message.objects.filter(whose, state=Message.State.WAITING)
    waiting.update(state=Message.State.DROPPED, due_at=None, settled_at=clock.now())
