"""What others ask of deliveries."""

from datetime import datetime

from django.db.models import Min

from payerwatch.deliveries.models import Message
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer


def oldest_due_anywhere() -> datetime | None:
    """When that message was due which has been waiting the longest, of all customers: one after the other is asked."""
    due: list[datetime | None] = []
    for customer_id in Customer.objects.values_list("pk", flat=True):
        with acting_in(customer_id, reading=True):
            due += Message.objects.filter(state=Message.State.WAITING).aggregate(due=Min("due_at")).values()
    return min((each for each in due if each is not None), default=None)
