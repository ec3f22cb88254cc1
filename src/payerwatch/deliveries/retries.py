"""When a message is sent again, and what an answer means: a table each, and no clock of its own."""

import random
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum

from payerwatch.deliveries.answers import Answer

# How long after the failure before it each attempt is made; the first is made at once.
SCHEDULE = (
    timedelta(0),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
JITTER = 0.1  # of a wait by which it is drawn out at random, so that what failed together does not come back together
LONGEST_RETRY_AFTER = timedelta(hours=24)  # of what a receiver asks for, counted from the failure
DISABLED_AFTER = timedelta(days=3)  # of nothing but failure at an endpoint
SLOWED_FOR = timedelta(minutes=1)  # in which nothing more is sent to an endpoint that said it has too much to do


class Meaning(Enum):
    """What an answer means for the message and for its endpoint."""

    DELIVERED = "the receiver has it"
    FAILED = "it is sent again"
    SLOWED = "it is sent again, and its endpoint is given less for a while"
    GONE = "the endpoint wants no more: it is disabled at once"


# Of statuses outside 200 to 299 that mean more than a failure. A redirect is one: it is never followed.
MEANINGS = {
    410: Meaning.GONE,
    429: Meaning.SLOWED,
    502: Meaning.SLOWED,
    503: Meaning.SLOWED,
    504: Meaning.SLOWED,
}


def meaning_of(answer: Answer) -> Meaning:
    """What came of an attempt, by its status alone; no status is a failure."""
    if answer.status is None or answer.failure:
        return Meaning.FAILED
    if 200 <= answer.status <= 299:
        return Meaning.DELIVERED
    return MEANINGS.get(answer.status, Meaning.FAILED)


def next_attempt(attempts_made: int, failed_at: datetime, answer: Answer, rng: random.Random) -> datetime | None:
    """When to send again after so many attempts; None when it is not: given up, delivered, or the endpoint is gone.

    A wait is that of the table or up to a tenth longer, and ends no sooner than `Retry-After` asks.
    """
    if meaning_of(answer) in {Meaning.DELIVERED, Meaning.GONE} or attempts_made >= len(SCHEDULE):
        return None
    planned = failed_at + SCHEDULE[attempts_made] * (1 + rng.uniform(0, JITTER))
    return max(planned, not_before(answer.retry_after, failed_at) or planned)


def slowed_until(failed_at: datetime, answer: Answer) -> datetime | None:
    """Until when an endpoint is sent nothing, whichever message it is; None where the answer does not slow it."""
    if meaning_of(answer) is not Meaning.SLOWED:
        return None
    return not_before(answer.retry_after, failed_at) or failed_at + SLOWED_FOR


def not_before(retry_after: str | None, failed_at: datetime) -> datetime | None:
    """What `Retry-After` asks for, in seconds or as a date, at most a day ahead; None for what is none or is past.

    https://www.rfc-editor.org/rfc/rfc9110#name-retry-after
    """
    asked = _asked(retry_after.strip(), failed_at) if retry_after else None
    if asked is None or asked <= failed_at:
        return None
    return min(asked, failed_at + LONGEST_RETRY_AFTER)


def _asked(text: str, failed_at: datetime) -> datetime | None:
    if text.isascii() and text.isdigit():
        return failed_at + timedelta(seconds=min(int(text[:12]), LONGEST_RETRY_AFTER.total_seconds()))
    try:
        date = parsedate_to_datetime(text)
        return date if date.tzinfo else date.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
