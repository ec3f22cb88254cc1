"""Many at once with one credential, each in a thread and on a connection of its own."""

import threading
from collections import Counter
from collections.abc import Callable

from django.db import connection
from django.utils import timezone

from payerwatch.members.models import Session
from payerwatch.members.tokens import issue_tokens, refresh
from payerwatch.refusals import Refusal
from tests.members import credentials


def refreshes(threads: int) -> dict[str, object]:
    """All arrive with one refresh token and go on together; what became of each, and of the session.

    Then the winner refreshes, and lastly the token that all had is shown again.
    """
    session, secret = credentials.session(credentials.person(), kind=Session.Kind.PROGRAM)
    text = issue_tokens(session, secret).refresh
    barrier, won = threading.Barrier(threads), []

    def act() -> None:
        arrived_at = timezone.now()
        barrier.wait()
        won.append(refresh(text, origin=credentials.origin(), arrived_at=arrived_at).refresh)

    outcomes = together(threads, act)
    outcomes["the winner's token"] += _outcome(lambda: refresh(won[0], **_later()))["done"]
    outcomes["the old token"] += _outcome(lambda: refresh(text, **_later()))["credential_refused"]
    session.refresh_from_db()
    return {**outcomes, "ended_because": session.ended_because}


def together(threads: int, act: Callable[[], object]) -> Counter[str]:
    """How often the act was done, and how often refused with which code."""
    outcomes: Counter[str] = Counter()
    lock = threading.Lock()

    def run() -> None:
        outcome = _outcome(act)
        connection.close()
        with lock:
            outcomes.update(outcome)

    running = [threading.Thread(target=run) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return outcomes


def _outcome(act: Callable[[], object]) -> Counter[str]:
    try:
        act()
    except Refusal as refusal:
        return Counter({refusal.code: 1})
    return Counter({"done": 1})


def _later() -> dict[str, object]:
    return {"origin": credentials.origin(), "arrived_at": timezone.now()}
