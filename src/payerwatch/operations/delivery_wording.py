"""What came of messages, in words for people, and whether anybody is there who sends them."""

from collections.abc import Mapping

from django.db import connection

from payerwatch.deliveries.answers import FAILURES
from payerwatch.deliveries.models import Message
from payerwatch.jobs import queue

NO_WORKER = "No worker runs, so that nothing goes out. Start one: payerwatch serve, or payerwatch work."


def came_back(status: int | None, failure: str | None) -> str:
    """A sentence for what an attempt was answered, or why it was not; nothing where there was none."""
    if failure:
        return f"{failure}. {FAILURES[failure]}"
    return f"it was answered {status}." if status is not None else ""


def arrived(became: Mapping[str, int]) -> str:
    """Of the messages that tell of something, how many have arrived; nothing where none tells of it alone."""
    total = sum(became.values())
    if not total:
        return ""
    others = [each for each in Message.State.values if each != Message.State.DELIVERED]
    missing = [f"{became[each]} {each}" for each in others if became.get(each)]
    rest = f" ({', '.join(missing)})" if missing else ""
    return f"arrived at {became.get(Message.State.DELIVERED, 0)} of {total}{rest}"


def unless_a_worker_lives() -> list[str]:
    """What whoever waits for something to be sent should know. On SQLite commands do it themselves."""
    if connection.vendor != "postgresql" or queue.state().workers:
        return []
    return [NO_WORKER]
