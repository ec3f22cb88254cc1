"""Telling endpoints and people, and telling again."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.db.models.functions import Coalesce

from payerwatch.deliveries import outbox
from payerwatch.deliveries.delivering import deliver
from payerwatch.deliveries.models import Endpoint, Message
from payerwatch.deliveries.notices import Notice
from payerwatch.jobs.enqueue import again, enqueue, for_each_customer
from payerwatch.tenancy import clock
from payerwatch.tenancy.context import acting_in


class Told(NamedTuple):
    """A notice and whom it is for: endpoints, and members by public id."""

    notice: Notice
    endpoints: Sequence[Endpoint] = ()
    members: Sequence[str] = ()


def tell_all(told: Iterable[Told]) -> list[Message]:
    """Tell each of these to theirs, if the transaction is kept."""
    made = [
        message
        for notice, endpoints, members in told
        for message in (*outbox.for_endpoints(notice, endpoints), *outbox.for_members(notice, members))
    ]
    return _put_on_their_way(outbox.kept(made))


def put_on_their_way_again(messages: Sequence[Message]) -> None:
    """As if they had just been told, each under the id that it has: but for what is being sent just now."""
    now = clock.now()
    idle = Message.objects.filter(pk__in=[each.pk for each in messages]).exclude(sending_until__gt=now)
    idle.update(state=Message.State.WAITING, due_at=now, attempts_of_schedule=0, settled_at=None, sending_until=None)
    _put_on_their_way(messages)


def take_up_waiting_messages() -> None:
    """Put every customer's receivers for whom something is due on the queue."""
    for_each_customer(_take_up_messages_of)


def _take_up_messages_of(customer_id: int) -> None:
    with acting_in(customer_id, reading=True):
        due = Message.objects.filter(state=Message.State.WAITING, due_at__lte=clock.now())
        lane = Coalesce("recipient", "endpoint__public_id")
        lanes: set[str] = set(due.values_list(lane, flat=True).distinct())
    for each in sorted(lanes):
        again(deliver, customer_id, each)


def _put_on_their_way(messages: Sequence[Message]) -> list[Message]:
    for lane in outbox.lanes_of(messages):
        enqueue(deliver, lane)
    return [*messages]
