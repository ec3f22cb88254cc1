"""Asking again what is throttled, when it says, and waiting no longer than so long in all."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from time import sleep

from payerwatch.release.asking import Answer, Asker

WAITS = 65.0
"""Seconds in one rehearsal: what is allowed within a minute is allowed again."""


@dataclass
class Patience:
    asker: Asker
    say: Callable[[str], None]
    seconds_left: float = WAITS

    def ask(self, path: Path, address: str, *, token: str = "", seconds: float) -> Answer | None:
        """As Asker does. An answer of 429 is one that was not waited for, as it would have taken too long."""
        while True:
            answer = self.asker.ask(path, address, token=token, seconds=seconds)
            wait = _asks_to_wait(answer)
            if wait is None or wait > self.seconds_left:
                return answer
            self.seconds_left -= wait
            self.say(f"{address} is throttled: waiting {wait} seconds, as it asks.")
            sleep(wait)


def is_throttled(answer: Answer | None) -> bool:
    return answer is not None and answer.status == HTTPStatus.TOO_MANY_REQUESTS


def _asks_to_wait(answer: Answer | None) -> int | None:
    """Seconds, one at least; None where it does not ask for that."""
    if answer is None or not is_throttled(answer) or answer.retry_after is None:
        return None
    return max(answer.retry_after, 1)
