"""What has become of messages, in short: of those about a thing, and at an endpoint that fails."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from django.db.models import Count

from payerwatch.deliveries.models import Attempt, Endpoint, Message


class Standing(NamedTuple):
    """How an endpoint is doing, beyond what its row says."""

    was_tried: bool
    status: int | None = None
    """Of the last answer to a message that is still to arrive."""
    failure: str = ""
    """Or why there was none: one of `FAILURES`."""
    next_at: datetime | None = None
    """When it is tried again."""


def became_of(about: Iterable[str]) -> Mapping[str, Mapping[str, int]]:
    """By the public id that messages tell of, how many there are in each state."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    rows = Message.objects.filter(about__in=list(about)).values_list("about", "state").annotate(number=Count("pk"))
    for each, state, number in rows.order_by():
        found[each][state] = number
    return found


def standing_of(endpoint: Endpoint) -> Standing:
    tried = Message.objects.filter(endpoint=endpoint, attempts_made__gt=0)
    waiting = tried.filter(state=Message.State.WAITING).order_by("due_at", "pk").first()
    if waiting is None:
        return Standing(tried.exists())
    last = Attempt.objects.filter(message=waiting).order_by("-number").first()
    due = max(filter(None, (waiting.due_at, endpoint.paused_until)), default=None)
    return Standing(True, last.status if last else None, last.failure if last else "", due)
