"""What is forgotten, and when: pieces of files after some time, claims and messages where a customer says so.

Each batch is a transaction of its own, in which it is recorded too: a run that is killed has forgotten whole batches,
and the next one goes on. Nothing of the audit trail is ever forgotten.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.utils import timezone

from payerwatch.audit.actors import Actor
from payerwatch.audit.record import Thing, record
from payerwatch.claims import old_claims as claims
from payerwatch.claims.loading import lock_claims
from payerwatch.claims.models import Claim, ReplacedClaim, UploadSlice
from payerwatch.claims.queries import watermark
from payerwatch.deliveries import old_messages as messages
from payerwatch.deliveries.models import Attempt, Message
from payerwatch.drift import runoff
from payerwatch.jobs.enqueue import for_each_customer
from payerwatch.refusals import Refusal
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer

LEAST_DAYS_OF_CLAIMS = 730
"""More than a judgement looks back at, and a month's report: WEEKS_NEEDED, and what is decided late."""
LEAST_DAYS_OF_MESSAGES = 30
MOST_DAYS = 36_500

Gone = Mapping[str, int]
"""Rows, by table."""


class KeptTooShort(Refusal):
    """Rows were to be kept for so short a time that what is still done with them would go wrong."""

    def __init__(self, what: str, least: int) -> None:
        super().__init__(
            f"{what} are kept for {least:,} days at least, and for {MOST_DAYS:,} at most.",
            fix=f"Choose {least} or more, or forever.",
        )


@dataclass(frozen=True)
class Terms:
    """For how many days a customer's rows are kept; None is for good."""

    claims_days: int | None
    messages_days: int | None


def terms_of(customer: Customer) -> Terms:
    return Terms(customer.claims_kept_days, customer.messages_kept_days)


def keep_for(customer: Customer, terms: Terms, *, actor: Actor) -> None:
    """From now on the customer's rows are kept for so long. The caller has entered it. Raises KeptTooShort."""
    _refuse_too_short("Claims", terms.claims_days, LEAST_DAYS_OF_CLAIMS)
    _refuse_too_short("Messages", terms.messages_days, LEAST_DAYS_OF_MESSAGES)
    held = Customer.objects.select_for_update(no_key=True).get(pk=customer.pk)
    before = terms_of(held)
    held.claims_kept_days, held.messages_kept_days = terms.claims_days, terms.messages_days
    held.save(update_fields=["claims_kept_days", "messages_kept_days"])
    thing = Thing("customer", held.public_id)
    record("keep_for", thing, actor=actor, before=vars(before), after=vars(terms))


def due(customer: Customer) -> Gone:
    """What would be forgotten now, in rows by table."""
    with acting_in(customer, reading=True):
        terms, found = terms_of(customer), {}
        found[UploadSlice._meta.db_table] = claims.old_pieces(_ago(settings.KEEP_FILES_DAYS)).count()
        if terms.messages_days is not None:
            old = messages.old_messages(_ago(terms.messages_days))
            found[Message._meta.db_table] = old.count()
            found[Attempt._meta.db_table] = messages.attempts_of(old).count()
        cutoff = None if terms.claims_days is None else _claims_cutoff(terms.claims_days)
        if cutoff is not None:
            gone = claims.old_claims(cutoff)
            found[Claim._meta.db_table] = gone.count()
            found[ReplacedClaim._meta.db_table] = ReplacedClaim.objects.filter(claim__in=gone).count()
        return found


def forget(customer: Customer, *, actor: Actor, told: Callable[[Gone], None] = lambda _gone: None) -> Gone:
    """Forget what was kept long enough, batch after batch; `told` hears of each. What is gone, in rows by table."""
    total: Counter[str] = Counter()
    for batch in (_forget_pieces, _forget_messages, _forget_a_week_of_claims):
        while gone := _in_a_transaction(batch, customer, actor):
            total.update(gone)
            told(total)
    return total


def forget_everywhere() -> None:
    """Of every customer, by the clock."""
    for_each_customer(_forget_of)


def _forget_of(customer_id: int) -> None:
    forget(Customer.objects.get(pk=customer_id), actor=Actor("job", name="forgetting"))


def _in_a_transaction(batch: Callable[[Customer], Gone], customer: Customer, actor: Actor) -> Gone:
    """What it has forgotten, which is recorded; nothing where there was nothing. By the terms that hold now."""
    with acting_in(customer):
        gone = {table: rows for table, rows in batch(Customer.objects.get(pk=customer.pk)).items() if rows}
        if gone:
            record("forget", Thing("customer", customer.public_id), actor=actor, after=gone)
        return gone


def _forget_pieces(_customer: Customer) -> Gone:
    return {UploadSlice._meta.db_table: claims.forget_pieces(_ago(settings.KEEP_FILES_DAYS))}


def _forget_messages(customer: Customer) -> Gone:
    days = customer.messages_kept_days
    return {} if days is None else messages.forget_messages(_ago(days))


def _forget_a_week_of_claims(customer: Customer) -> Gone:
    """The first, out of the run-off cells as well: they equal a count of the claims that are left."""
    if customer.claims_kept_days is None:
        return {}
    lock_claims()
    cutoff = _claims_cutoff(customer.claims_kept_days)
    week = None if cutoff is None else claims.first_old_week(cutoff)
    if cutoff is None or week is None:
        return {}
    runoff.count_old(week, cutoff, sign=-1)
    return claims.forget_claims(week, cutoff)


def _claims_cutoff(days: int) -> date | None:
    """A Monday. Counted back from the last day that is loaded, where that is past: what is judged then lies there."""
    latest = watermark()
    if latest is None:
        return None
    day = min(latest, timezone.now().date()) - timedelta(days=days)
    return day - timedelta(days=day.weekday())


def _ago(days: int) -> datetime:
    return timezone.now() - timedelta(days=days)


def _refuse_too_short(what: str, days: int | None, least: int) -> None:
    if days is not None and not least <= days <= MOST_DAYS:
        raise KeptTooShort(what, least)
