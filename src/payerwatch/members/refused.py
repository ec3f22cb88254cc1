"""What is refused at the door, or behind it, leaves an entry: who tried what, and why not."""

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, NamedTuple

from django.db import InterfaceError, OperationalError
from django.http.response import HttpResponseBase

from payerwatch.audit.actors import Actor
from payerwatch.audit.record import Thing, record, record_for_installation
from payerwatch.members.callers import Caller
from payerwatch.members.keys import KeyRefused
from payerwatch.members.secrets import Origin
from payerwatch.tenancy.context import acting_in
from payerwatch.throttling.rates import Rate
from payerwatch.throttling.refusals import ThrottleUnavailable
from payerwatch.throttling.taking import take

log = logging.getLogger(__name__)

_REFUSED = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT})
_ENTRIES_OF_ONE_KEY = Rate(1, 60)


class Attempt(NamedTuple):
    """What a request is about to do, for the trail if it is refused."""

    verb: str
    thing: Thing
    recorded: bool
    """Whether it is recorded when it is done: every change is, and the reading of claims."""
    noted: Callable[[], None] | None = None
    """What is written with the entry of a refusal, since nothing stays that was written before it."""
    recorded_too: frozenset[int] = frozenset()
    """Statuses of refusals that are recorded here, beside those that are everywhere."""


def record_if_refused(request: Any, response: HttpResponseBase) -> None:
    """Leave an entry of what a known caller was refused, once the transaction that was refused is undone."""
    attempt: Attempt | None = request.attempt
    caller: Caller | None = request.caller
    if attempt is None or caller is None or response.status_code not in _REFUSED | attempt.recorded_too:
        return
    if not attempt.recorded and response.status_code != HTTPStatus.FORBIDDEN:
        return
    after = {"status": response.status_code, "code": getattr(response, "refusal_code", "")}
    if caller.customer is None:
        record_for_installation(attempt.verb, attempt.thing, actor=caller.actor, after=after, outcome="refused")
        return
    with acting_in(caller.customer):
        if attempt.noted is not None:
            attempt.noted()
        record(attempt.verb, attempt.thing, actor=caller.actor, after=after, outcome="refused")


def record_refused_key(refused: KeyRefused, origin: Origin) -> None:
    """Leave an entry in the customer's trail of a key of theirs shown where or when it is not good.

    At most one a minute for each key, so that nobody makes the trail grow; and whoever shows the key does not
    learn from the answer whether there is one.
    """
    key = refused.key
    actor = Actor("key", key.public_id, key.name, "key", origin.address, origin.request_id)
    try:
        if not take([(_ENTRIES_OF_ONE_KEY, f"refused key {key.public_id}")]).allowed:
            return
        with acting_in(key.customer):
            after = {"code": refused.because}
            record("use", Thing("key", key.public_id), actor=actor, after=after, outcome="refused")
    except (ThrottleUnavailable, OperationalError, InterfaceError) as error:
        log.error("That a key was refused could not be recorded.", exc_info=error)
