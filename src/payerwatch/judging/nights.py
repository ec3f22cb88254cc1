"""Each customer's claims are judged once a night, whatever came in by day.

A night is a day of the customer's calendar, and begins at two o'clock of its own time. Where the clocks skip that hour
it begins an hour later by the new time, and where they repeat it, the first time: each day has one night. What was
missed is made up for once, by the latest night.
"""

from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from payerwatch.audit.actors import Actor
from payerwatch.drift.actions import NothingToJudge, lock_findings
from payerwatch.jobs.enqueue import enqueue, for_each_customer
from payerwatch.jobs.steps import step, when_parked
from payerwatch.judging.week import judge_week
from payerwatch.tenancy import clock
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from payerwatch.tenancy.time_zones import zone_named

BEGINS = time(2)
NIGHTLY = Actor("job", name="nightly")


class Night(NamedTuple):
    day: date
    begins: datetime
    """In UTC."""


def last_night(time_zone: str, now: datetime) -> Night:
    """The latest night that has begun."""
    zone = zone_named(time_zone)
    today = now.astimezone(zone).date()
    tonight = Night(today, datetime.combine(today, BEGINS, zone).astimezone(UTC))
    if tonight.begins <= now:
        return tonight
    yesterday = today - timedelta(days=1)
    return Night(yesterday, datetime.combine(yesterday, BEGINS, zone).astimezone(UTC))


def is_due(customer: Customer, night: Night) -> bool:
    """Whether the customer was there when the night began, and was not judged in it or in a later one."""
    if customer.judged_night is None:
        return customer.created_at < night.begins
    return customer.judged_night < night.day


def look_for_nights() -> None:
    """Put on the queue the judgement of every customer whose night has begun."""
    for_each_customer(_look_at)


def _look_at(customer_id: int) -> None:
    customer = Customer.objects.get(pk=customer_id)
    if is_due(customer, last_night(customer.time_zone, clock.now())):
        with acting_in(customer):
            enqueue(judge_night, customer.public_id)


@step
def judge_night(customer_id: int, _public_id: str) -> None:
    """Judge, unless that was done since the night began."""
    with acting_in(customer_id):
        lock_findings()
        customer = Customer.objects.get(pk=customer_id)
        night = last_night(customer.time_zone, clock.now())
        if not is_due(customer, night):
            return
        with suppress(NothingToJudge):
            judge_week(None, actor=NIGHTLY)
        _note(customer, night)


@when_parked(judge_night)
def _give_up(customer_id: int, _public_id: str) -> None:
    """The next night is tried again."""
    with acting_in(customer_id):
        lock_findings()
        customer = Customer.objects.get(pk=customer_id)
        _note(customer, last_night(customer.time_zone, clock.now()))


def _note(customer: Customer, night: Night) -> None:
    customer.judged_night = night.day
    customer.save(update_fields=["judged_night"])
