"""Messages that were kept long enough, with their attempts: finding them, and forgetting some.

The caller has entered the customer.
"""

from datetime import datetime

from django.db.models import QuerySet

from payerwatch.deliveries.models import Attempt, Message

_AT_ONCE = 1_000
_SETTLED = (Message.State.DELIVERED, Message.State.FAILED, Message.State.DROPPED)


def old_messages(settled_before: datetime) -> QuerySet[Message]:
    """Those that wait for nothing any more."""
    return Message.objects.filter(state__in=_SETTLED, settled_at__lt=settled_before)


def attempts_of(messages: QuerySet[Message]) -> QuerySet[Attempt]:
    return Attempt.objects.filter(message__in=messages)


def forget_messages(settled_before: datetime) -> dict[str, int]:
    """Forget some, with their attempts; how many, by table. One that is being sent again just now is passed over."""
    old = old_messages(settled_before).select_for_update(skip_locked=True).order_by("pk")
    some = list(old.values_list("pk", flat=True)[:_AT_ONCE])
    attempts, _ = Attempt.objects.filter(message__in=some).delete()
    messages, _ = Message.objects.filter(pk__in=some).delete()
    return {Attempt._meta.db_table: attempts, Message._meta.db_table: messages}
