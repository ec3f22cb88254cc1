"""What others ask of deliveries."""

from datetime import datetime

from django.db.models import Min, Q

from payerwatch.deliveries.models import Endpoint, Message
from payerwatch.tenancy import clock
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer

_for_a_member = Q(endpoint=None)


def oldest_due_anywhere() -> datetime | None:
    """When that message was due which has been waiting the longest, of all customers: one after the other is asked.

    What waits for an endpoint that rests, or is disabled, waits for that, and not for whoever sends.
    """
    due: list[datetime | None] = []
    rests = Q(endpoint__paused_until__isnull=False, endpoint__paused_until__gt=clock.now())
    in_use = Q(endpoint__state=Endpoint.State.ENABLED)
    for customer_id in Customer.objects.values_list("pk", flat=True):
        with acting_in(customer_id, reading=True):
            waiting = Message.objects.filter(_for_a_member | in_use & ~rests, state=Message.State.WAITING)
            due += waiting.aggregate(due=Min("due_at")).values()
    return min((each for each in due if each is not None), default=None)
