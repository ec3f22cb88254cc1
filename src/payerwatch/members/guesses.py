"""Counting guesses of those who are let in already or hold a link: at a password or code that is to confirm them."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from payerwatch.members.models import Person
from payerwatch.refusals import Kind, Refusal
from payerwatch.throttling.refusals import ThrottleUnavailable
from payerwatch.throttling.taking import give_back, take
from payerwatch.throttling.verdict import Verdict


class TooManyGuesses(Refusal):
    """There were too many wrong passwords or codes, or too many requests to be sent a link."""

    kind = Kind.TOO_MANY

    def __init__(self, verdict: Verdict) -> None:
        super().__init__("There were too many attempts.", fix=f"Wait {verdict.retry_after} seconds.")
        self.verdict = verdict
        self.retry_after = verdict.retry_after


@contextmanager
def counted_guess(person: Person) -> Iterator[None]:
    """Count a guess before it is looked at; a block that raises nothing was right, and is not counted after all.

    Apart from signing in, so that strangers' guesses there keep nobody from this. Raises TooManyGuesses or
    ThrottleUnavailable.
    """
    verdict = take([("confirm_person", person.public_id)])
    if not verdict.allowed:
        raise TooManyGuesses(verdict)
    yield
    with suppress(ThrottleUnavailable):
        give_back(verdict)
