"""What was refused is on the record too, though the change it would have been was rolled back."""

from collections.abc import Iterator
from contextlib import contextmanager

from payerwatch.audit.actors import Actor
from payerwatch.audit.record import Thing, record, record_for_installation
from payerwatch.refusals import Refusal
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer


@contextmanager
def refusals_recorded(verb: str, thing: Thing, *, actor: Actor, customer: Customer | None = None) -> Iterator[None]:
    """Let a Refusal pass, and leave an entry with its code: the customer's, or without one the installation's.

    Around the block's acting_in, so that the entry is in a transaction of its own, after the rollback. Inside a
    longer transaction the entry is part of that.
    """
    try:
        yield
    except Refusal as refusal:
        after = {"code": refusal.code}
        if customer is None:
            record_for_installation(verb, thing, actor=actor, after=after, outcome="refused")
        else:
            with acting_in(customer):
                record(verb, thing, actor=actor, after=after, outcome="refused")
        raise
